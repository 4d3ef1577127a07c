"""`fototui activity`."""

from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Command


@pytest.fixture
def numbers(fototui: Command, tmp_path: Path) -> list[str]:
    """Two orders that jana made, of which petr put the first before others."""
    photo = tmp_path / "photo.jpg"
    Image.new("RGB", (300, 300), "teal").save(photo)
    made: list[str] = [
        fototui("orders", "add", str(photo), "--json").json["number"] for _ in range(2)
    ]
    assert fototui("orders", "urgent", made[0], OPERATOR="petr").code == 0
    return made


def test_who_did_what_newest_first(fototui: Command, numbers: list[str]) -> None:
    first, second = numbers
    head, *lines = fototui("activity").out.splitlines()
    assert head.split() == ["Time", "Operator", "Action", "Order", "Photo", "Detail"]
    assert [line.split()[2:] for line in lines] == [
        ["petr", "put", "first", first],
        ["jana", "order", "created", second, "1", "photo"],
        ["jana", "order", "created", first, "1", "photo"],
    ]


def test_of_one_order_of_one_operator_and_in_pages(fototui: Command, numbers: list[str]) -> None:
    first, second = numbers

    def told(*arguments: str) -> list[tuple[str, str]]:
        entries = fototui("activity", "--json", *arguments).json
        return [(entry["action"], entry["order_number"]) for entry in entries]

    assert told("--order", first) == [("put_first", first), ("order_created", first)]
    assert told("--by", "jana") == [("order_created", second), ("order_created", first)]
    newest = fototui("activity", "--json", "--limit", "1").json[0]
    assert told("--before", str(newest["id"]), "--limit", "1") == [("order_created", second)]
    assert told("--order", "#nothing") == []


def test_wrong_use_is_told(fototui: Command) -> None:
    assert fototui("activity", "--limit", "0").code == 2
    assert fototui("activity", "--before", "yesterday").code == 2
