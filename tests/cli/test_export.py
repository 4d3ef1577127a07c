"""`fototui export`: folders for a print shop, and the manifest of all that is in them."""

import asyncio
import csv
import fcntl
import hashlib
import json
import os
from pathlib import Path

import pytest
from sqlalchemy import select, update

from fototui.db.database import Database
from fototui.db.models.orders import LineItem, Order
from fototui.services.books.export import ExportReport, ExportService
from fototui.storage.directory import DirectoryStorage
from tests.cli.conftest import Command
from tests.cli.export_shop import Shop


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _manifest(folder: Path) -> list[dict[str, object]]:
    files: list[dict[str, object]] = json.loads((folder / "manifest.json").read_text())["files"]
    return files


def _stages(fototui: Command) -> dict[str, str]:
    return {row["number"]: row["stage"] for row in fototui("orders", "list", "--json").json}


def test_orders_become_folders_and_are_handed_over(
    fototui: Command, shop: Shop, tmp_path: Path
) -> None:
    shop.make("#1270", images=2, line_items=2, customer_name="=HYPERLINK(1)")
    shop.make("EXP 12/2026", customer_name="Žofie")
    shop.make("#1272", books=False)
    out = tmp_path / "print" / "today"
    done = fototui("export", "--stage", "to hand over", "--to", str(out), "--finish", "--json")
    assert done.code == 0
    files = _files(out)
    assert set(files) == {
        "manifest.csv",
        "manifest.json",
        *(f"1270/1270-{n}.pdf" for n in (1, 2)),
        *(
            f"1270/1270-{n}-0{page}.{kind}"
            for n in (1, 2)
            for page in (1, 2)
            for kind in ("svg", "png")
        ),
        "EXP-12-2026/EXP-12-2026-1.pdf",
        "EXP-12-2026/EXP-12-2026-1-01.svg",
        "EXP-12-2026/EXP-12-2026-1-01.png",
    }
    assert files["1270/1270-2.pdf"] == b"%PDF 2"
    assert files["1270/1270-2-01.svg"] == b"svg 3"
    assert files["1270/1270-2-02.png"] == b"png 4"

    listed = {str(line["file"]): line for line in _manifest(out)}
    assert {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}.items() >= {
        name: line["sha256"] for name, line in listed.items()
    }.items()
    assert set(listed) == set(files) - {"manifest.csv", "manifest.json"}
    assert listed["1270/1270-1.pdf"] == {
        "number": "#1270",
        "customer": "=HYPERLINK(1)",
        "title": "Omalovánka 1",
        "copies": 1,
        "pages": 3,
        "file": "1270/1270-1.pdf",
        "sha256": hashlib.sha256(b"%PDF 1").hexdigest(),
    }
    assert listed["1270/1270-1-01.svg"]["pages"] is None
    with (out / "manifest.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [line["file"] for line in _manifest(out)]
    assert {row["customer"] for row in rows} == {"'=HYPERLINK(1)", "Žofie"}
    assert list(rows[0]) == ["number", "customer", "title", "copies", "pages", "file", "sha256"]

    told = done.json
    assert (told["folder"], told["refused"]) == (str(out), [])
    assert {order["number"]: len(order["files"]) for order in told["exported"]} == {
        "#1270": 10,
        "EXP 12/2026": 3,
    }
    assert sorted(told["finished"]) == ["#1270", "EXP 12/2026"]
    assert _stages(fototui) == {"#1270": "done", "EXP 12/2026": "done", "#1272": "to typeset"}
    nothing = fototui("export", "--stage", "to hand over", "--to", str(out))
    assert (nothing.code, nothing.err.strip()) == (0, "There are no such orders.")
    assert _files(out) == files


def test_what_is_not_ready_is_refused_and_the_others_go_on(
    fototui: Command, shop: Shop, tmp_path: Path
) -> None:
    shop.make("#1", line_items=2)
    shop.make("#2", books=False)
    shop.make("#3")
    shop.dedicate("#3", "Pro Evu")
    shop.make("#4", uploaded=False)
    shop.make("#5")
    shop.run(
        lambda s: s.execute(
            update(LineItem)
            .values(quantity=0)
            .where(
                LineItem.order_id
                == select(Order.id).where(Order.order_number == "#5").scalar_subquery()
            )
        )
    )
    no_book = "Omalovánka 1 has no finished book of what is chosen today; make it with: "
    done = fototui("export", *(f"#{n}" for n in (9, 2, 3, 4, 5, 1, 1)), "--to", "out", "--finish")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "#1: 6 files, 6 of them new.",
        "#9: There is no order #9; see the list for those that are.",
        f"#2: {no_book}fototui books make #2",
        f"#3: {no_book}fototui books make #3",
        "#4: 1 photo of Omalovánka 1 is missing; wait for it, or fetch the order again.",
        "#5: Order #5 has no books; there is nothing to export.",
        "Order #1 is done.",
    ]
    assert {line["number"] for line in _manifest(tmp_path / "out")} == {"#1"}
    assert [path.name for path in (tmp_path / "out").iterdir() if path.is_dir()] == ["1"]
    assert _stages(fototui)["#3"] == "to typeset"


def test_again_keeps_what_is_the_same_and_what_others_brought(
    fototui: Command, shop: Shop, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shop.make("#1")
    shop.make("#2")
    assert "3 of them new" in fototui("export", "1", "--to", "out").err
    before = {path: path.stat().st_ino for path in out.rglob("*") if path.is_file()}
    assert "#1: 3 files, 0 of them new." in fototui("export", "1", "--to", "out").err
    assert {path: path.stat().st_ino for path in out.rglob("*") if path.is_file()} == before

    assert fototui("export", "2", "--to", "out").code == 0
    (out / "1" / "1-1-01.svg").write_bytes(b"damaged")
    shop.dedicate("#1", "Pro Evu")
    shop.make_books("#1")
    assert "#1: 3 files, 2 of them new." in fototui("export", "1", "--to", "out").err
    assert (out / "1" / "1-1.pdf").read_bytes() == b"%PDF 3"
    assert (out / "1" / "1-1-01.svg").read_bytes() == b"svg 1"
    assert [line["number"] for line in _manifest(out)] == ["#1"] * 3 + ["#2"] * 3
    assert not list(out.rglob(".*"))


def test_a_book_that_left_the_order_is_named(fototui: Command, shop: Shop, tmp_path: Path) -> None:
    shop.make("#1", line_items=2)
    fototui("export", "1", "--to", "out")
    shop.run(lambda s: s.execute(update(LineItem).where(LineItem.position == 2).values(quantity=0)))
    again = fototui("export", "1", "--to", "out")
    assert "#1: 1/1-2.pdf no longer belongs to it; remove the file." in again.err
    assert {line["file"] for line in _manifest(tmp_path / "out")} == {
        "1/1-1.pdf",
        "1/1-1-01.svg",
        "1/1-1-01.png",
    }


def test_a_file_that_storage_lost_keeps_its_order_back(
    fototui: Command, shop: Shop, tmp_path: Path
) -> None:
    shop.make("#1")
    shop.make("#2")
    fototui("export", "1", "2", "--to", "out")
    (tmp_path / "out" / "1" / "1-1-01.png").unlink()
    asyncio.run(shop.storage.delete("png/1.png"))
    done = fototui("export", "1", "2", "--to", "out", "--finish", "--json")
    assert done.code == 1
    assert [each["number"] for each in done.json["refused"]] == ["#1"]
    assert "png/1.png is not in storage" in done.json["refused"][0]["reason"]
    assert done.json["finished"] == ["#2"]
    assert {line["number"] for line in _manifest(tmp_path / "out")} == {"#2"}


def test_two_orders_never_share_a_folder(fototui: Command, shop: Shop, tmp_path: Path) -> None:
    shop.make("A/1")
    shop.make("a 1")
    done = fototui("export", "A/1", "a 1", "--to", "out")
    assert done.code == 1
    assert "a 1: The folder a-1 holds order A/1 already; export a 1 to another place." in done.err
    assert [line["number"] for line in _manifest(tmp_path / "out")] == ["A/1"] * 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Name orders, or give --stage; not both."),
        (("1", "--stage", "done"), "Name orders, or give --stage; not both."),
        (("1", "--to", "taken"), "Choose another folder with --to."),
        (("1", "--to", "full"), "is not a list of exported files."),
        (("1", "--to", "/dev/full"), "/dev/full cannot be written: "),
        (("1", "--to", "/proc/x"), "/proc/x cannot be written: "),
        (("1", "--to", "x" * 300), "cannot be written: File name too long"),
    ],
)
def test_bad_input_gets_a_clear_sentence(
    fototui: Command, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "taken").write_bytes(b"")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "manifest.json").write_text("[]")
    result = fototui("export", "--to", "out", *arguments)
    assert (result.code, result.out) == (2, "")
    assert words in result.err


def test_a_folder_that_another_export_writes_to_is_left_alone(
    fototui: Command, shop: Shop, tmp_path: Path
) -> None:
    shop.make("#1")
    (tmp_path / "out").mkdir()
    handle = os.open(tmp_path / "out", os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)  # the least that stands against it
        result = fototui("export", "1", "--to", "out")
    finally:
        os.close(handle)
    assert (result.code, result.out) == (1, "")
    assert "Another export writes to out; wait until it has ended." in result.err
    assert list((tmp_path / "out").iterdir()) == []


def test_what_cannot_be_written_is_not_handed_over(
    fototui: Command, shop: Shop, tmp_path: Path
) -> None:
    shop.make("#1")
    shop.make("#2")
    (tmp_path / "out" / "2" / "2-1-01.svg").mkdir(parents=True)
    result = fototui("export", "1", "2", "--to", "out", "--finish")
    assert (result.code, result.out) == (2, "")
    assert "out/2/2-1-01.svg cannot be written: " in result.err
    assert set(_stages(fototui).values()) == {"to hand over"}
    assert {line["number"] for line in _manifest(tmp_path / "out")} == {"#1"}
    assert not list((tmp_path / "out").rglob(".*"))


def test_an_order_that_changes_while_it_is_exported_is_not_handed_over(
    shop: Shop, tmp_path: Path
) -> None:
    shop.make("#1")
    shop.make("#2")

    async def main() -> ExportReport:
        async with Database(shop.url) as database, database.session() as session:
            exports = ExportService(
                session, operator="jana", storage=Changing(tmp_path / "files", database)
            )
            return await exports.export(["1", "2"], tmp_path / "out", finish=True)

    report = asyncio.run(main())
    assert ([order.number for order in report.exported], report.refused) == (["#1", "#2"], ())
    assert report.finished == ("#2",)
    (why,) = report.passed_over
    assert str(why).startswith("#1 was not handed over, for it changed meanwhile (now: To typeset)")


class Changing(DirectoryStorage):
    """A storage that is so slow that somebody changes an order meanwhile."""

    def __init__(self, root: Path, database: Database) -> None:
        super().__init__(root)
        self._database = database

    async def get(self, key: str, *, max_bytes: int | None = None) -> bytes:
        async with self._database.session() as session, session.begin():
            first = select(Order.id).where(Order.order_number == "#1").scalar_subquery()
            await session.execute(
                update(LineItem).where(LineItem.order_id == first).values(dedication="Pro Evu")
            )
        return await super().get(key, max_bytes=max_bytes)
