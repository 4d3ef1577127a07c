"""Data on stdout: tables for people, JSON for programs."""

import dataclasses
import json
from collections.abc import Sequence
from datetime import datetime, tzinfo
from enum import StrEnum

import typer

from fototui.i18n import _, number, translate


def print_json(value: object) -> None:
    """Print one JSON value on one line.

    Args:
        value: Dataclasses, models, lists, times and plain values.
    """
    typer.echo(json.dumps(value, default=_plain, ensure_ascii=False))


def _plain(value: object) -> object:
    from pydantic import BaseModel

    from fototui.domain.sentences import Sentence

    if isinstance(value, Sentence):
        return str(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def print_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; texts from strangers are shown as they are, never as markup.

    Args:
        headers: Column titles, translated.
        rows: Cells; None is shown as nothing.
    """
    # Not for JSON.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(Text(header))
    for row in rows:
        table.add_row(*(Text(in_words(cell)) for cell in row))
    console = Console(highlight=False)
    if not console.is_terminal:
        # A pipe has no width: nothing is to be cut.
        console = Console(highlight=False, width=10_000)
        table.expand = False
    console.print(table)


def in_words(value: object) -> str:
    """A value as operators call it, for tables and lines; programs get its JSON."""
    from fototui.domain.flags import ProcessingStatusEnum
    from fototui.domain.sentences import Sentence
    from fototui.domain.stages import OrderStage
    from fototui.domain.statuses import PaymentStatus

    match value:
        case None:
            return ""
        case Sentence():
            return translate(value)
        case OrderStage(stage, count):
            return f"{translate(stage.label)} {count}" if count else translate(stage.label)
        case ProcessingStatusEnum():
            return _(value.meta.display)
        case PaymentStatus():
            return _(value.display)
        case StrEnum():
            return value.value
        case float():
            return number(round(value, 1))
        case _:
            return str(value)


def local_time(moment: datetime, zone: tzinfo) -> str:
    """A moment as an operator reads it."""
    return moment.astimezone(zone).strftime("%d.%m.%Y %H:%M")
