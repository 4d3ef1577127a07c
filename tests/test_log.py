import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from fototui.log import Logger, bind_job, configure_logging, get_logger

SECRET = "hunter2-do-not-tell"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("fototui")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    configure_logging("INFO", stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def log() -> Logger:
    return get_logger("fototui.tests")


def test_without_a_terminal_lines_are_json_in_utc(stream: io.StringIO) -> None:
    log().info("photo stored", key="a/b.jpg", size=3)
    (line,) = lines(stream)
    timestamp = str(line.pop("timestamp"))
    assert timestamp.endswith("Z")
    assert line == {
        "event": "photo stored",
        "key": "a/b.jpg",
        "size": 3,
        "level": "info",
        "logger": "fototui.tests",
    }


def test_on_a_terminal_lines_are_readable() -> None:
    stream = Terminal()
    configure_logging("INFO", stream=stream)
    log().info("photo stored", size=3)
    text = stream.getvalue()
    assert "photo stored" in text
    assert "{" not in text


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
    ids=["xterm", "NO_COLOR", "dumb"],
)
def test_lines_have_colours_where_they_may(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], *, coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    configure_logging("INFO", stream=stream)
    log().info("a line")
    assert "a line" in stream.getvalue()
    assert ("\x1b[" in stream.getvalue()) is coloured


def test_form_can_be_forced() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    configure_logging("INFO", json=True, stream=terminal)
    log().info("x")
    assert lines(terminal)[0]["event"] == "x"
    configure_logging("INFO", json=False, stream=pipe)
    log().info("x")
    assert "\x1b" not in pipe.getvalue()
    with pytest.raises(json.JSONDecodeError):
        lines(pipe)


def test_configured_again_it_writes_once_and_to_the_new_stream(stream: io.StringIO) -> None:
    other = io.StringIO()
    configure_logging("INFO", stream=other)
    log().info("x")
    assert stream.getvalue() == ""
    assert len(lines(other)) == 1


def test_level_holds_for_ours_and_libraries_speak_from_warning(stream: io.StringIO) -> None:
    configure_logging("DEBUG", stream=stream)
    log().debug("ours")
    for name in ("uvicorn.error", "sqlalchemy.engine", "alembic", "httpx"):
        logging.getLogger(name).info("not heard")
        logging.getLogger(name).warning("heard from %s", name)
    found = [line["event"] for line in lines(stream)]
    assert found == ["ours", *(f"heard from {line['logger']}" for line in lines(stream)[1:])]
    assert len(found) == 5
    configure_logging("ERROR", stream=stream)
    log().warning("not heard")
    logging.getLogger("httpx").warning("not heard")
    assert len(lines(stream)) == 5


def test_lines_of_a_job_carry_it(stream: io.StringIO) -> None:
    with bind_job(order="#1270", image=7, version=3):
        log().info("inside")
        logging.getLogger("httpx").warning("a library inside")
        with bind_job(engine="e1"):
            log().info("deeper")
    log().info("outside")
    inside, library, deeper, outside = lines(stream)
    for line in (inside, library, deeper):
        assert (line["order"], line["image"], line["version"]) == ("#1270", 7, 3)
    assert "engine" not in inside
    assert deeper["engine"] == "e1"
    assert "order" not in outside


@pytest.mark.parametrize(("level", "read"), [("WARNING", 0), ("INFO", 1), ("DEBUG", 2)])
def test_a_line_that_nobody_reads_is_not_even_made(
    monkeypatch: pytest.MonkeyPatch, level: str, read: int
) -> None:
    stream, made = io.StringIO(), []
    configure_logging(level, stream=stream)
    make = logging.getLogger("fototui.tests").makeRecord

    def counting(*given: Any) -> logging.LogRecord:
        made.append(given)
        return make(*given)

    monkeypatch.setattr(logging.getLogger("fototui.tests"), "makeRecord", counting)
    log().debug("a detail", value=1)
    log().info("a step", value=2)
    assert len(made) == read
    assert [line["value"] for line in lines(stream)] == [1, 2][2 - read :]


class Holder(BaseModel):
    key: SecretStr


def test_secrets_are_masked_wherever_they_stand(stream: io.StringIO) -> None:
    secret = SecretStr(SECRET)
    log().info("x", key=secret, nested={"deep": [secret, (secret,)]}, model=Holder(key=secret))
    assert SECRET not in stream.getvalue()
    (line,) = lines(stream)
    assert line["key"] == "***"
    assert line["nested"] == {"deep": ["***", ["***"]]}


@pytest.mark.parametrize(
    "text",
    [
        f"cannot reach postgresql://shop:{SECRET}@db:5432/shop now",
        f"cannot reach postgresql+asyncpg://shop:p@ss/{SECRET}@db/shop",
        f"https://{SECRET}@example.com/x",
        f"GET https://hub/.well-known/mercure?topic=x&authorization={SECRET}",
        f"GET https://r2/x.jpg?X-Amz-Signature={SECRET}&x=1",
        f"Authorization: Bearer {SECRET}",
    ],
)
def test_credentials_in_texts_are_masked(stream: io.StringIO, text: str) -> None:
    log().info(text, where=text, several=[text])
    logging.getLogger("httpx").warning("failed: %s", text)
    assert SECRET not in stream.getvalue()
    assert "***" in stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com:8443/a?b=c",
        "write to eva@example.com",
        "ratio 3:4 @ noon",
        "Bearer authentication",
    ],
)
def test_harmless_texts_stay(stream: io.StringIO, text: str) -> None:
    log().info(text)
    assert lines(stream)[0]["event"] == text


def _fail() -> None:
    password = SECRET
    raise ValueError(f"no answer from postgresql://shop:{password}@db/shop\x1b[2J")


@pytest.mark.parametrize("as_json", [True, False])
def test_exceptions_are_logged_whole_but_for_secrets(as_json: bool) -> None:
    stream = io.StringIO()
    configure_logging("INFO", json=as_json, stream=stream)
    try:
        _fail()
    except ValueError as error:
        log().exception("it failed", error=error)
        logging.getLogger("asyncio").exception("a task failed")
    text = stream.getvalue()
    assert text.count("Traceback") == 2
    assert text.count("in _fail") == 2
    assert "postgresql://shop:***@db/shop" in text
    assert SECRET not in text
    assert "\x1b" not in text


def test_texts_of_strangers_cannot_forge_the_screen_or_a_line() -> None:
    stream = io.StringIO()
    configure_logging("INFO", json=False, stream=stream)
    log().info("name\nforged line", name="\x1b]0;title\x07Eva\r\nforged\u202e", **{"k\x1b": 1})
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()
    assert "\u202e" not in stream.getvalue()
