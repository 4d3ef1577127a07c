"""The alert rules and the dashboard that are shipped speak of what the server tells."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fototui.domain.costs import Costs, Prices
from fototui.domain.stages import Stage
from fototui.server.cost_metrics import PaidStats
from fototui.server.metrics import ServerMetrics
from fototui.services.costs.service import Overview
from fototui.services.operations.stats import Stats

DEPLOY = Path(__file__).parent.parent.parent / "deploy"


def _told() -> set[str]:
    """Names of all metrics; a histogram is told as several."""
    costs = PaidStats(
        Overview(date(2026, 1, 1), Costs(), Costs()), Prices(currency="CZK"), Decimal(1)
    )
    rendered = ServerMetrics().render(Stats(queue=(), ended=()), dict.fromkeys(Stage, 0), costs)
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", rendered.decode(), re.MULTILINE))
    buckets = {f"{name}_bucket" for name, kind in kinds.items() if kind == "histogram"}
    return kinds.keys() | buckets


# Any: Grafana's own shape.
def _dashboard() -> Any:
    return json.loads((DEPLOY / "dashboard.json").read_text("utf-8"))


@pytest.mark.parametrize(("file", "least"), [("alerts.yaml", 5), ("dashboard.json", 12)])
def test_what_is_asked_for_is_told(file: str, least: int) -> None:
    asked = set(re.findall(r"\b(fototui_\w+)", (DEPLOY / file).read_text("utf-8")))
    assert len(asked) >= least
    assert asked - _told() == set()


def test_the_dashboard_names_stages_that_there_are() -> None:
    named = set(re.findall(r'stage="([^"]+)"', " ".join(_expressions())))
    assert named
    assert named <= {str(stage) for stage in Stage}


def test_the_panels_of_the_dashboard_stand_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    ids = set()
    for panel in _dashboard()["panels"]:
        ids.add(panel["id"])
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells
    assert len(ids) == len(_dashboard()["panels"])


@pytest.mark.skipif(not shutil.which("promtool"), reason="Prometheus' promtool is not installed")
def test_every_expression_can_be_read_by_prometheus(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel_{number}", "expr": expression}
        for number, expression in enumerate(_expressions())
    ]
    written = tmp_path / "rules.yaml"
    written.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    for file in (DEPLOY / "alerts.yaml", written):
        command = ["promtool", "check", "rules", str(file)]
        checked = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def _expressions() -> list[str]:
    return [target["expr"] for panel in _dashboard()["panels"] for target in panel["targets"]]
