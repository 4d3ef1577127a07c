"""What orders are searched by, in the app and by commands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from typing import TypeAlias

from fototui.domain.badges import Badge
from fototui.domain.search import Field, Search, Test, choice, days, meanings, read_search
from fototui.domain.sentences import Sentence
from fototui.domain.stages import Stage
from fototui.domain.statuses import PaymentStatus, VersionType
from fototui.services.views.orders import OrderRow

OrderSearch: TypeAlias = Search[OrderRow]
OrderField: TypeAlias = Field[OrderRow]

HELP = Sentence.make(
    "is:failed, review, running, urgent … · paid:yes, no · before:2026-11-01 · after:1.11."
)
"""What may be typed, in a line."""

_PAID = frozenset({PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED})


def _in(stage: Stage) -> Test[OrderRow]:
    return lambda row: row.stage.stage is stage


def _shows(*badges: Badge) -> Test[OrderRow]:
    """A picture of the order has one of these signs."""
    return lambda row: any(
        image.badge(kind) in badges for image in row.images if image.is_wanted for kind in _KINDS
    )


def _is_running(row: OrderRow) -> bool:
    return row.stage.stage is Stage.RUNNING or _active(row)


def _is_cancelled(row: OrderRow) -> bool:
    return row.cancelled_at is not None or _cancelled(row)


def _is_bare(row: OrderRow) -> bool:
    return any(image.coloring is None for image in row.images if image.is_wanted)


def _is_paid(row: OrderRow) -> bool:
    return row.payment_status in _PAID


def _is_unpaid(row: OrderRow) -> bool:
    """Of an order that was made by hand nobody knows."""
    return row.payment_status is not None and row.payment_status not in _PAID


_KINDS = tuple(VersionType)
_active = _shows(Badge.RUNNING)
_cancelled = _shows(Badge.CANCELLED)
_STATES = meanings(
    (("coming", "incoming", "coming-in", "prichazi"), _in(Stage.COMING_IN)),
    (("colour", "color", "to-colour", "omalovani", "k-omalovani"), _in(Stage.TO_COLOUR)),
    (("running", "bezi", "vyrabi-se"), _is_running),
    (("review", "to-review", "kontrola", "ke-kontrole"), _in(Stage.TO_REVIEW)),
    (
        ("vectorise", "vectorize", "to-vectorise", "vektorizace", "k-vektorizaci"),
        _in(Stage.TO_VECTORISE),
    ),
    (("typeset", "to-typeset", "sazba", "k-sazbe"), _in(Stage.TO_TYPESET)),
    (("hand-over", "to-hand-over", "predani", "k-predani"), _in(Stage.TO_HAND_OVER)),
    (("done", "hotovo"), _in(Stage.DONE)),
    (("failed", "error", "chyba"), _in(Stage.ERROR)),
    (("none", "nic"), _is_bare),
    (("waiting", "waits", "ceka"), _shows(Badge.WAITING)),
    (("made", "neposouzeno"), _shows(Badge.MADE)),
    (("approved", "schvaleno"), _shows(Badge.APPROVED)),
    (("stale", "out-of-date", "neaktualni"), _shows(Badge.OUT_OF_DATE)),
    (("cancelled", "canceled", "zruseno"), _is_cancelled),
    (("customer", "zakaznik"), lambda row: row.customer_note is not None),
    (("urgent", "first", "prednost"), lambda row: row.urgent),
)
_PAYMENTS = meanings((("yes", "ano"), _is_paid), (("no", "ne"), _is_unpaid))


def order_fields(*, zone: tzinfo, today: date) -> Sequence[OrderField]:
    """The fields that a search for orders may have.

    Args:
        zone: Where days begin.
        today: The present day there.
    """
    return (
        choice(
            ("is", "je"),
            Sentence.make(
                "is: takes failed, review, running, waiting, made, approved, stale, cancelled, "
                "urgent, customer, coming, colour, vectorise, typeset, hand-over, done"
            ),
            _STATES,
        ),
        choice(("paid", "placeno"), Sentence.make("paid: takes yes or no"), _PAYMENTS),
        *days(lambda row: row.created_at, zone=zone, today=today),
    )


def read_order_search(text: str, *, zone: tzinfo, now: datetime) -> OrderSearch:
    """Read a search for orders.

    Args:
        text: As it was typed.
        zone: Where days begin.
        now: The present moment.
    """
    fields = order_fields(zone=zone, today=now.astimezone(zone).date())
    return read_search(text, fields, takes=HELP)
