"""The reference tells of everything that the program has, and says something about it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fototui.db.schema.differences  # noqa: F401 - it knows all modules that bring tables
from docs.hooks import MADE, MARK
from docs.reference import api, commands, events, keys, man, settings, statuses, tables
from docs.reference.docstrings import of_arguments, of_attributes
from fototui.config.settings import Proxy, Settings
from fototui.db.base import Base
from fototui.domain.events import MercureEventType
from fototui.domain.statuses import (
    BookProcessingStatus,
    ColoringProcessingStatus,
    OrderStatus,
    PaymentStatus,
    SvgProcessingStatus,
)
from fototui.ui.actions import ACTIONS
from tests.docs.conftest import PAGES


def test_every_setting_has_a_meaning() -> None:
    meanings = of_attributes(Settings)
    assert set(Settings.model_fields) - set(meanings) == set(), "say below the field what it does"
    rows = settings.page().splitlines()[2:]
    named = [row.split("`")[1].lower() for row in rows]
    assert named == [
        {"proxy": "proxy_<number>_…", "keys": "[keys]", "presets": "[presets.<name>]"}.get(
            name, name
        )
        for name in Settings.model_fields
    ]


@pytest.mark.parametrize(
    "row",
    [
        "| `DATABASE_URL` | secret |  | PostgreSQL:",
        "| `IMPORT_INTERVAL` | number from 0 | `300` |",
        "| `AUTO_SVG` | true or false | `false` |",
        "| `VECTORIZER_MODE` | `production` or `test` | `production` |",
        "| `OPERATOR` | text | the login name |",
        "| `ENGINE_CONCURRENCY` | text | `coloring=3,svg=5",
    ],
)
def test_a_settings_row_says_what_the_code_says(row: str) -> None:
    assert f"\n{row}" in settings.page()


def test_every_field_of_a_proxy_has_a_meaning() -> None:
    assert set(of_arguments(Proxy)) == set(Proxy.model_fields)
    assert "`PROXY_1_CERTIFICATE` | text | Path of a PEM file, or its text, by which" in (
        settings.proxies()
    )


def test_every_command_and_option_says_what_it_does() -> None:
    found = dict(commands.commands())
    assert {"fototui", "fototui orders add", "fototui db upgrade", "fototui serve"} <= set(found)
    silent = [name for name, command in found.items() if not command.help]
    silent += [
        f"{name} {what}"
        for name, command in found.items()
        for what, does in commands.options(name, command)
        if not does
    ]
    assert silent == []
    assert all(f"## `{name}`\n" in commands.page() for name in found)


def test_options_are_those_that_the_program_takes() -> None:
    asked = [sys.executable, "-m", "fototui", "orders", "add", "--help"]
    told = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout
    written = commands.options(
        "fototui orders add", dict(commands.commands())["fototui orders add"]
    )
    options = {what.split()[0].rstrip(".") for what, _ in written}
    assert options >= {"photos", "--customer", "--json"}
    assert all(option in told for option in options)


def test_every_action_is_in_the_table() -> None:
    missing = {action for action in ACTIONS if f"`{action}`" not in keys.page()}
    assert missing == {f"order.version_{number}" for number in range(2, 10)}


@pytest.mark.parametrize(
    "kind",
    [BookProcessingStatus, ColoringProcessingStatus, OrderStatus, SvgProcessingStatus],
)
def test_every_status_is_there_with_its_czech_label(
    kind: type[BookProcessingStatus | ColoringProcessingStatus | OrderStatus | SvgProcessingStatus],
) -> None:
    _, _, section = statuses.page().partition(f"### `{kind.__name__}`")
    for status in kind:
        assert f"| `{status.value}` | {status.meta.display} |" in section


def test_statuses_have_english_labels_too() -> None:
    assert "| `PAID` | Zaplaceno | Paid | grey |" in statuses.page()
    assert len(statuses.page().split("### `PaymentStatus`")[1].strip().splitlines()) == (
        len(PaymentStatus) + 4
    )


def test_every_event_is_there_with_its_fields() -> None:
    assert all(f"| `{name}` |" in events.page() for name in MercureEventType)
    assert "| `image_status` | `order_id`, `image_id`, `status_type`, `version_id`, `status` |" in (
        events.page()
    )
    assert "| `image_update` | `Review` | `decision` |" in events.triggers()


def test_every_table_is_there_with_every_field() -> None:
    sections = {part.partition("`")[0]: part for part in tables.page().split("## `")[1:]}
    assert set(sections) == set(Base.metadata.tables)
    for name, table in Base.metadata.tables.items():
        rows = [line.split("`")[1] for line in sections[name].splitlines() if line[:3] == "| `"]
        assert rows == [column.name for column in table.columns]


def test_a_field_of_a_table_is_told_with_its_type_and_bounds() -> None:
    orders = tables.page().split("## `orders`")[1]
    assert "| `shopify_id` | bigint | unique, may be null |" in orders
    assert "| `line_item_id` | integer | → `line_items.id` |" in tables.page()
    assert "| `urgent_at` | timestamptz | may be null | Since when its jobs go before" in orders


def test_every_call_of_the_api_is_there() -> None:
    described, page = api.described(), api.page()
    calls = [
        f"### `{method.upper()} {path}`"
        for path, methods in described["paths"].items()
        for method in methods
    ]
    assert len(calls) > 20
    assert all(call in page for call in calls)
    assert all(f"### {name}\n" in page for name in described["components"]["schemas"])


def test_pages_ask_for_all_that_is_made_and_nothing_else() -> None:
    asked = [mark for page in PAGES for mark in MARK.findall(page.read_text("utf-8"))]
    assert sorted(asked) == sorted(MADE)


def test_the_man_page_says_what_the_commands_say() -> None:
    assert man.PAGE.read_text("utf-8") == man.page(), "run `make man`"
    assert ".SS fototui orders photo\n" in man.page()
    assert ".TP\n.B \\-\\-lane <" in man.page()


def test_the_man_page_is_good_roff() -> None:
    if (mandoc := shutil.which("mandoc") or shutil.which("groff")) is None:
        pytest.skip("neither mandoc nor groff is installed")
    ways = {"mandoc": ["-W", "warning"], "groff": ["-man", "-Tutf8", "-ww", "-K", "utf8"]}
    run = subprocess.run(
        [mandoc, *ways[Path(mandoc).name], str(man.PAGE)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stderr == ""
    assert "orders, jobs and pictures" in run.stdout
