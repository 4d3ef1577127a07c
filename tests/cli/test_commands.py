"""What commands do, print, and end with."""

import asyncio
import re
from pathlib import Path

import pytest
from PIL import Image as Picture
from sqlalchemy import text

import fototui as package
from fototui.books import typesetter
from fototui.db.database import Database
from tests.cli.conftest import Command


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "Fotka č. 1.jpg"
    Picture.new("RGB", (64, 48), "teal").save(path)
    return str(path)


def _execute(url: str, statement: str) -> None:
    async def work() -> None:
        async with Database(url) as database, database.session() as session, session.begin():
            await session.execute(text(statement))

    asyncio.run(work())


def test_version(bare: Command) -> None:
    result = bare("--version")
    assert (result.code, result.out) == (0, f"fototui {package.__version__}\n")


@pytest.mark.quick
def test_an_order_from_files_to_a_choice(fototui: Command, photo: str, database_url: str) -> None:
    added = fototui(
        "orders", "add", photo, photo, "--customer", "Jana Nováková", "--email", "j@example.com"
    )
    assert (added.code, added.out) == (0, "#M1000\n")
    assert "2 photos" in added.err

    listed = fototui("orders", "list", "--json")
    assert listed.code == 0
    assert [(o["number"], o["customer_name"], len(o["images"])) for o in listed.json] == [
        ("#M1000", "Jana Nováková", 2)
    ]

    queued = fototui("coloring", "generate", "M1000", "--megapixels", "2", "--steps", "6", "--json")
    assert queued.code == 0
    versions = [report["version"] for report in queued.json]
    assert [v["options"] for v in versions] == [{"megapixels": 2.0, "steps": 6}] * 2
    assert {v["status"] for v in versions} == {"queued"}

    # Another press of the key pays for nothing.
    again = fototui("coloring", "generate", "M1000")
    assert again.code == 0
    assert again.err.count("being made already") == 2

    _execute(
        database_url,
        "UPDATE coloring_versions SET status = 'completed', "
        """file_ref = '{"key": "k", "bucket": "b"}'""",
    )
    chosen = fototui("versions", "select", "coloring", str(versions[0]["id"]))
    assert chosen.code == 0
    shown = fototui("orders", "show", "#M1000", "--json").json
    image = shown["line_items"][0]["images"][0]
    assert image["selected_coloring_id"] == versions[0]["id"]

    svgs = fototui("svg", "generate", "M1000", "--image", "1", "--shape-stacking", "cutouts")
    assert svgs.code == 0
    assert "SVG v1" in svgs.err
    rows = fototui("versions", "list", "M1000", "--json").json
    assert [(r["kind"], r["place"], r["status"]) for r in rows] == [
        ("coloring", 1, "completed"),
        ("svg", 1, "queued"),
        ("coloring", 2, "completed"),
    ]
    svg_id = next(r["id"] for r in rows if r["kind"] == "svg")
    cancelled = fototui("versions", "cancel", "svg", str(svg_id), "--json")
    assert cancelled.json["status"] == "error"
    retried = fototui("versions", "retry", "svg", str(svg_id), "--json")
    assert retried.json["status"] == "queued"


def test_tables_are_for_people(fototui: Command, photo: str) -> None:
    fototui("orders", "add", photo, "--customer", "[/foo] [red]Eva[/red]\x1b[31m")
    table = fototui("orders", "list").out
    assert "[/foo] [red]Eva[/red][31m" in table
    assert "\x1b" not in table
    assert "#M1000" in fototui("orders", "show", "M1000").out
    assert fototui("versions", "list", "M1000").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("orders", "show", "#9999"), 1, "no order #9999"),
        (("coloring", "generate", "M9999"), 1, "no order M9999"),
        (("coloring", "generate", "M1", "--megapixels", "0"), 2, "Megapixels are 0"),
        (("coloring", "generate", "M1", "--megapixels", "99"), 2, "Megapixels are 99"),
        (("coloring", "generate", "M1", "--steps", "21"), 2, "Steps are 21"),
        (("coloring", "generate"), 2, "number"),
        (("svg", "generate", "M1", "--group-by", "moon"), 2, "moon"),
        (("versions", "retry", "coloring", "77"), 1, "77"),
        (("versions", "select", "svg", "77"), 1, "77"),
        (("orders", "add", "missing.jpg"), 2, "missing.jpg"),
        (("engine", "--lanes", "coloring,moon"), 2, "moon"),
        (("engine", "--concurrency", "coloring=many"), 2, "coloring=3,svg=5"),
        (("db", "downgrade", "nonsense"), 2, "nonsense"),
        (("no-such-command",), 2, "no-such-command"),
    ],
)
def test_bad_input_gets_a_clear_sentence(
    fototui: Command, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = fototui(*arguments)
    assert result.code == code
    assert result.out == ""
    assert words in result.err
    assert "Traceback" not in result.err


def test_what_is_said_is_said_in_the_language(fototui: Command, photo: str) -> None:
    czech = {"LANG": "cs_CZ.UTF-8", "LC_ALL": "cs_CZ.UTF-8"}
    made = fototui("orders", "add", photo, "--customer", "Eva", **czech)
    assert made.err.splitlines() == [f"Objednávka {made.out.strip()} má 1 fotku."]
    number = made.out.strip()
    waits = fototui("orders", "waits", number, **czech)
    assert waits.err.splitlines() == [f"Objednávka {number} čeká na zákazníka."]
    listed = fototui("orders", "list", **czech)
    assert listed.out.split()[:3] == ["Číslo", "Vytvořeno", "Zákazník"]
    shown = fototui("orders", "show", number, **czech)
    assert "Čeká na zákazníka: ano" in shown.out
    # Programs read the same in every language.
    assert fototui("orders", "list", "--json", **czech).json[0]["number"] == number


def test_bad_photos_make_no_order(fototui: Command, tmp_path: Path, photo: str) -> None:
    text_file = tmp_path / "letter.jpg"
    text_file.write_text("Milý Ježíšku")
    bomb = tmp_path / "bomb.png"
    Picture.new("1", (10_000, 8_000)).save(bomb)
    for path, word in ((text_file, "letter.jpg"), (bomb, "bomb.png")):
        result = fototui("orders", "add", photo, str(path))
        assert result.code == 2
        assert word in result.err
    assert fototui("orders", "list", "--json").json == []
    assert not list((tmp_path / "files").rglob("*.*"))
    # The number was not used up.
    added = fototui("orders", "add", photo)
    assert (added.out, added.err) == ("#M1000\n", "Order #M1000 has 1 photo.\n")


def test_the_schema_from_nothing_and_back(bare: Command, empty_database_url: str) -> None:
    url = {"DATABASE_URL": empty_database_url}
    early = bare("orders", "list", **url)
    assert early.code == 2
    assert "fototui db upgrade" in early.err
    assert bare("db", "current", **url).out == "base\n"
    assert bare("db", "upgrade", **url).code == 0
    revision = bare("db", "current", **url).out.strip()
    assert re.fullmatch("[0-9a-f]{12}", revision)
    assert bare("db", "check", **url).code == 0
    assert bare("orders", "list", "--json", **url).json == []
    assert bare("db", "downgrade", "-1", **url).code == 0
    failed = bare("db", "check", **url)
    assert failed.code == 2
    assert "fototui db upgrade" in failed.err
    refused = bare("db", "downgrade", "base", **url)
    assert refused.code == 2
    assert "the shop's own tables" in refused.err
    assert bare("db", "upgrade", **url).code == 0
    assert bare("db", "current", **url).out.strip() == revision


def test_a_lane_is_paused_and_resumed(fototui: Command) -> None:
    paused = fototui("lanes", "pause", "svg", "--reason", "no credits")
    assert paused.code == 0
    lanes = {lane["lane"]: lane for lane in fototui("lanes", "list", "--json").json["lanes"]}
    assert (lanes["svg"]["paused_by"], lanes["svg"]["paused_reason"]) == ("jana", "no credits")
    assert lanes["coloring"]["paused_at"] is None
    assert "no credits" in fototui("lanes", "list").out
    assert "open again" in fototui("lanes", "resume", "svg").err
    assert "not paused" in fototui("lanes", "resume", "svg").err


def test_the_list_of_lanes_shows_paused_engines(fototui: Command, database_url: str) -> None:
    for operator, paused in (("eva", "now(), 'petr'"), ("olga", "NULL, NULL")):
        _execute(
            database_url,
            "INSERT INTO engines (id, operator, host, pid, version, lanes, capacity, "
            "lease_seconds, paused_at, paused_by) VALUES (gen_random_uuid(), "
            f"'{operator}', 'studio', 7, '0', '{{coloring}}', 4, 600, {paused})",
        )
    lines = fototui("lanes", "list").out.splitlines()
    (eva,) = (line for line in lines if "eva" in line)
    (olga,) = (line for line in lines if "olga" in line)
    assert "paused by petr" in eva
    assert "idle" in olga


def test_a_database_that_is_not_there(bare: Command) -> None:
    result = bare("orders", "list", DATABASE_URL="postgresql://jana:tajne@127.0.0.1:1/shop")
    assert result.code == 1
    assert "127.0.0.1:1" in result.err
    assert "tajne" not in result.err


def test_nothing_configured(bare: Command) -> None:
    result = bare("orders", "list")
    assert result.code == 2
    assert "DATABASE_URL" in result.err
    assert bare("hub").code == 2


def test_the_doctor_tells_good_from_bad(fototui: Command) -> None:
    well = fototui("doctor", "--json")
    assert well.code == 0
    assert {f["service"]: f["ok"] for f in well.json} == {
        "database": True,
        "lanes": True,
        "hub": None,
        "storage": True,
        "shopify": None,
        "runpod": None,
        "vectorizer": None,
        "engine": True,
        "template": None,
        "running": True,
    }
    ill = fototui(
        "doctor",
        "--json",
        MERCURE_URL="http://127.0.0.1:1/.well-known/mercure",
        MERCURE_PUBLISHER_JWT_KEY="k" * 32,
        MERCURE_SUBSCRIBER_JWT_KEY="k" * 32,
        SHOPIFY_STORE_URL="http://127.0.0.1:1",
        SHOPIFY_ACCESS_TOKEN="tajne",
        RUNPOD_API_URL="http://127.0.0.1:1/v2",
        RUNPOD_API_KEY="tajne",
        RUNPOD_ENDPOINT_ID="abc",
        VECTORIZER_URL="http://127.0.0.1:1/api/v1/vectorize",
        VECTORIZER_API_KEY="k",
        VECTORIZER_API_SECRET="tajne",
    )
    assert ill.code == 1
    states = {f["service"]: f["ok"] for f in ill.json}
    assert (states["database"], states["hub"]) == (True, False)
    assert (states["shopify"], states["runpod"], states["vectorizer"]) == (False, False, False)
    assert "tajne" not in ill.out + ill.err


def test_the_doctor_finds_what_keeps_jobs_waiting(fototui: Command) -> None:
    fototui("lanes", "pause", "svg", "--reason", "No credits.")
    found = fototui("doctor", "--json", RUNPOD_API_KEY="k", RUNPOD_API_URL="http://127.0.0.1:1")
    assert found.code == 1
    details = {f["service"]: f["detail"] for f in found.json if f["ok"] is False}
    assert "No credits. Resume it: fototui lanes resume svg" in details["lanes"]
    assert "RUNPOD_ENDPOINT_ID" in details["engine"]
    assert fototui("config", "check").code == 1


def test_the_doctor_tries_the_shops_own_template(fototui: Command, tmp_path: Path) -> None:
    def found(source: str | None) -> tuple[bool, str]:
        template = tmp_path / "own.typ"
        template.unlink(missing_ok=True)
        if source is not None:
            template.write_text(source)
        result = fototui("doctor", "--json", BOOK_TEMPLATE=str(template))
        (told,) = (each for each in result.json if each["service"] == "template")
        assert result.code == (not told["ok"])
        return told["ok"], told["detail"]

    own = Path(typesetter.__file__).with_name("book.typ").read_text()
    assert found(own) == (True, "a trial book was typeset: 3 pages")
    assert found(None)[0] is False
    assert "cannot be typeset: error: unclosed delimiter" in found("#let x = (")[1]
    assert found('#image("1.svg")') == (False, "The template does not print picture 2.")


def test_the_doctor_asks_for_the_prices_of_a_budget(fototui: Command) -> None:
    result = fototui(
        "doctor", "--json", DAILY_BUDGET="5", RUNPOD_PRICE_PER_SECOND="1", VECTORIZER_API_KEY="k",
        VECTORIZER_API_SECRET="s", VECTORIZER_URL="http://127.0.0.1:1/x",
    )  # fmt: skip
    (told,) = (each for each in result.json if each["service"] == "engine")
    assert (told["ok"], "set VECTORIZER_PRICE_PER_CREDIT too" in told["detail"]) == (False, True)


def test_the_doctor_finds_jobs_that_nobody_takes(fototui: Command, photo: str) -> None:
    number = fototui("orders", "add", photo).out.strip()
    assert fototui("coloring", "generate", number).code == 0
    found = fototui("doctor", "--json")
    assert found.code == 1
    (failing,) = (f for f in found.json if f["ok"] is False)
    assert failing["service"] == "running"
    assert "1 job waits, and no engine takes it (Colourings)" in failing["detail"]
    assert fototui("config", "check").code == 1


def test_an_engine_without_its_services_says_which_is_missing(fototui: Command) -> None:
    result = fototui("engine", "--drain", "--lanes", "coloring")
    assert result.code == 2
    assert "RUNPOD" in result.err


def test_a_hub_that_is_down_stops_no_work(fototui: Command, photo: str) -> None:
    result = fototui(
        "orders",
        "add",
        photo,
        MERCURE_URL="http://127.0.0.1:1/.well-known/mercure",
        MERCURE_PUBLISHER_JWT_KEY="k" * 32,
    )
    assert (result.code, result.out) == (0, "#M1000\n")


def test_a_shop_that_is_not_configured_or_not_there(fototui: Command) -> None:
    result = fototui("orders", "import")
    assert result.code == 2
    assert "SHOPIFY_STORE_URL" in result.err
    gone = {"SHOPIFY_STORE_URL": "http://127.0.0.1:1", "SHOPIFY_ACCESS_TOKEN": "tajne"}
    result = fototui("orders", "import", **gone)
    assert result.code == 1
    assert "Shopify" in result.err
    assert "tajne" not in result.err
    result = fototui("orders", "import", "--since", "yesterday", **gone)
    assert result.code == 2
    assert "2026-11-01" in result.err


def test_an_order_made_by_hand_is_not_the_shops(fototui: Command, photo: str) -> None:
    number = fototui("orders", "add", photo).out.strip()
    gone = {"SHOPIFY_STORE_URL": "http://127.0.0.1:1", "SHOPIFY_ACCESS_TOKEN": "tajne"}
    result = fototui("orders", "sync", number, **gone)
    assert result.code == 1
    assert "made by hand" in result.err
    result = fototui("orders", "retry", number)
    assert result.code == 1
    assert "has not failed" in result.err
    assert fototui("orders", "retry", "#9999").code == 1


def test_orders_are_listed_by_stage(fototui: Command, photo: str) -> None:
    bare = fototui("orders", "add", photo, photo).out.strip()
    asked = fototui("orders", "add", photo).out.strip()
    fototui("coloring", "generate", asked)
    listed = {
        row["number"]: (row["stage"], row["stage_count"])
        for row in fototui("orders", "list", "--json").json
    }
    assert listed == {bare: ("to colour", 2), asked: ("running", 1)}
    assert "To colour 2" in fototui("orders", "list").out
    assert "K omalování 2" in fototui("orders", "list", UI_LANGUAGE="cs").out
    for stage, number in (("to colour", bare), ("running", asked)):
        rows = fototui("orders", "list", "--stage", stage, "--json").json
        assert [row["number"] for row in rows] == [number]
    assert fototui("orders", "list", "--stage", "done", "--json").json == []
    wrong = fototui("orders", "list", "--stage", "to frame")
    assert wrong.code == 2
    assert "to hand over" in wrong.err
    shown = fototui("orders", "show", bare).out
    assert shown.startswith(f"{bare}  To colour 2  ")
    assert "Shop status: To review" in shown
    shown_json = fototui("orders", "show", asked, "--json").json
    assert (shown_json["stage"], shown_json["stage_count"]) == ("running", 1)


def test_orders_wait_for_their_customers(fototui: Command, photo: str) -> None:
    number = fototui("orders", "add", photo).out.strip()
    result = fototui("orders", "waits", number, "--note", "a sharper photo")
    assert (result.code, result.err) == (0, f"Order {number} waits for the customer.\n")
    assert fototui("orders", "waits", number, "--note", "a sharper photo").err == (
        f"Order {number} waited already.\n"
    )
    assert "Waits for the customer: a sharper photo" in fototui("orders", "show", number).out
    (found,) = fototui("orders", "list", "--search", "is:customer sharper", "--json").json
    assert (found["number"], found["customer_note"]) == (number, "a sharper photo")
    result = fototui("orders", "waits", number, "--off")
    assert result.err == f"Order {number} no longer waits for the customer.\n"
    assert fototui("orders", "waits", number, "--off").err == f"Order {number} did not wait.\n"


def test_a_photo_is_attached_to_an_order(
    fototui: Command, photo: str, database_url: str, tmp_path: Path
) -> None:
    number = fototui("orders", "add", photo, photo).out.strip()
    added = fototui("orders", "photo", number, photo, "--json")
    assert (added.json["number"], added.json["image"]) == (number, 3)
    there = fototui("orders", "photo", number, photo, "--image", "2")
    assert there.code == 1
    assert "The photo is there by now" in there.err
    _execute(database_url, "UPDATE images SET file_ref = NULL WHERE position = 2")
    assert "missing" in fototui("orders", "show", number).out
    put = fototui("orders", "photo", number, photo, "--image", "2")
    assert (put.code, put.err) == (0, f"It is photo 2 of order {number} now.\n")
    assert "missing" not in fototui("orders", "show", number).out
    for wrong, told in (
        (["--image", "9"], "has no photo 9"),
        (["--book", "2"], "has no book 2"),
        (["--book", "1", "--image", "1"], "not both"),
    ):
        result = fototui("orders", "photo", number, photo, *wrong)
        assert result.code == 2
        assert told in result.err
    (tmp_path / "notes.txt").write_text("no photo")
    none = fototui("orders", "photo", number, str(tmp_path / "notes.txt"))
    assert none.code == 2
    assert "notes.txt: The file is not a JPEG" in none.err


def test_orders_are_searched_by_words_and_fields(fototui: Command, photo: str) -> None:
    one = fototui("orders", "add", photo, "--customer", "Jana Nováková").out.strip()
    other = fototui("orders", "add", photo, "--customer", "Eva Malá").out.strip()
    fototui("orders", "urgent", other)

    def found(*search: str) -> list[str]:
        rows = fototui("orders", "list", "--json", "--search", *search).json
        return [row["number"] for row in rows]

    assert found("novak jana") == [one]
    assert found("is:urgent") == [other]
    assert found("je:omalování before:2100-01-01") == [other, one]
    assert found("je:omalování", "--limit", "1") == [other]
    assert found("after:2100-01-01") == []
    assert found("novak", "--stage", "to colour") == [one]
    assert found("is:done") == found("is:failed") == found("novak is:urgent") == []
    wrong = fototui("orders", "list", "--search", "colour:red")
    assert (wrong.code, wrong.out) == (2, "")
    assert "There is no field “colour:”: is:failed, review, " in wrong.err


def test_orders_are_finished_and_reopened(fototui: Command, photo: str, database_url: str) -> None:
    one, other, old = (fototui("orders", "add", photo).out.strip() for _ in range(3))
    result = fototui("orders", "finish", one, other)
    assert (result.code, result.err) == (0, f"Order {one} is done.\nOrder {other} is done.\n")
    assert fototui("orders", "finish", one).err == f"Order {one} was done already.\n"
    done = fototui("orders", "list", "--stage", "done", "--json").json
    assert {row["number"] for row in done} == {one, other}
    result = fototui("orders", "reopen", one, old, "--json")
    assert result.json == {"changed": [one], "unchanged": [old]}
    assert "Order " + old + " was not done." in result.err
    assert "Reopened" in fototui("orders", "show", one).out
    assert "Handed over" in fototui("orders", "show", other).out

    _execute(
        database_url,
        f"UPDATE orders SET created_at = '2020-01-01' WHERE order_number = '{old}'",
    )
    result = fototui("orders", "finish", "--before", "2021-06-01", "--json")
    assert result.json == {"changed": [old], "unchanged": []}
    assert fototui("orders", "finish", "--before", "2021-06-01").err == "0 orders are done now.\n"
    for wrong in ((), (one, "--before", "2021-06-01"), ("--before", "soon")):
        assert fototui("orders", "finish", *wrong).code == 2
    assert fototui("orders", "finish", "#9999").code == 1


def test_orders_are_put_first(fototui: Command, photo: str) -> None:
    number = fototui("orders", "add", photo).out.strip()
    other = fototui("orders", "add", photo).out.strip()
    result = fototui("orders", "urgent", number)
    assert (result.code, result.err) == (0, f"Order {number} is first.\n")
    assert fototui("orders", "urgent", number, other).err == (
        f"Order {other} is first.\nOrder {number} was first already.\n"
    )
    assert fototui("orders", "urgent", "--off", other).code == 0
    listed = fototui("orders", "list", "--json").json
    assert {row["number"]: row["urgent"] for row in listed} == {number: True, other: False}
    assert f"{number} !" in fototui("orders", "list").out
    assert "Urgent" in fototui("orders", "show", number).out
    assert fototui("orders", "urgent", "#9999").code == 1
