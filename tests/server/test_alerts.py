"""The alert rules that are shipped speak of metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path

from fototui.server.metrics import ServerMetrics
from fototui.services.operations.stats import Stats

RULES = Path(__file__).parent.parent.parent / "deploy/alerts.yaml"


def test_alert_rules_ask_for_metrics_that_the_server_gives() -> None:
    asked = set(re.findall(r"\b(fototui_\w+)", RULES.read_text("utf-8")))
    assert len(asked) >= 5
    rendered = ServerMetrics().render(Stats(queue=(), ended=())).decode()
    assert asked - set(re.findall(r"^# TYPE (\S+)", rendered, re.MULTILINE)) == set()
