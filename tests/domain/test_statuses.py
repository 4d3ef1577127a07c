"""Every status of the product, against the contract with the shop's database and operators."""

from __future__ import annotations

import pytest

from fototui.domain.flags import Flags, ProcessingStatusEnum
from fototui.domain.statuses import (
    PROCESSING_STATUS,
    ColoringProcessingStatus,
    OrderStatus,
    PaymentStatus,
    RunPodJobStatus,
    SvgProcessingStatus,
    VersionType,
)

LETTERS = {
    "S": Flags.STARTABLE,
    "R": Flags.RECOVERABLE,
    "A": Flags.AWAITING_EXTERNAL,
    "F": Flags.FINAL,
    "T": Flags.RETRYABLE,
}

# Columns: the value, its flags by the letters above, the Czech label, the colour.
COLORING = """
pending           | S  | Čeká na odeslání    | grey
queued            | SR | Čeká ve frontě      | blue
processing        | R  | Zpracovává se       | blue
runpod_submitting | R  | Runpod: odesílání   | blue
runpod_submitted  | RA | Runpod: přijato     | blue
runpod_queued     | RA | Runpod: ve frontě   | yellow
runpod_processing | RA | Runpod: zpracování  | yellow
runpod_completed  | R  | Runpod: dokončeno   | green
storage_upload    | R  | Nahrávání na S3     | blue
completed         | F  | Dokončeno           | green
error             | FT | Chyba               | red
runpod_cancelled  | FT | Zrušeno             | orange
"""
SVG = """
pending               | S  | Čeká na odeslání       | grey
queued                | SR | Čeká ve frontě         | blue
processing            | R  | Zpracovává se          | blue
vectorizer_processing | RA | Vectorizer: zpracování | yellow
vectorizer_completed  | R  | Vectorizer: dokončeno  | green
storage_upload        | R  | Nahrávání na S3        | blue
completed             | F  | Dokončeno              | green
error                 | FT | Chyba                  | red
"""
# The contract gives an order's labels and colours; its flags follow from what each status means.
ORDER = """
pending          | S  | Čeká na zpracování | grey
downloading      | R  | Stahování…         | blue
processing       | R  | Zpracování…        | yellow
ready_for_review | F  | Ke kontrole        | green
error            | FT | Chyba              | red
"""
PAYMENT = """
PENDING            | Čeká na platbu     | yellow
AUTHORIZED         | Autorizováno       | blue
PARTIALLY_PAID     | Částečně zaplaceno | orange
PAID               | Zaplaceno          | grey
PARTIALLY_REFUNDED | Částečně vráceno   | purple
REFUNDED           | Vráceno            | grey
VOIDED             | Zrušeno            | red
EXPIRED            | Vypršelo           | grey
"""


def _rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


@pytest.mark.parametrize(
    ("statuses", "table"),
    [
        (ColoringProcessingStatus, COLORING),
        (SvgProcessingStatus, SVG),
        (OrderStatus, ORDER),
    ],
)
def test_statuses(statuses: type[ProcessingStatusEnum], table: str) -> None:
    rows = _rows(table)
    found = {
        str(member): (set(member.meta.flags), member.meta.display, member.meta.colour)
        for member in statuses
    }
    assert found == {
        value: ({LETTERS[letter] for letter in flags}, label, colour)
        for value, flags, label, colour in rows
    }
    for member in statuses:
        assert member.name == member.value.upper()
        assert member.meta.value == member.value


def test_payment_statuses_are_shopifys_words() -> None:
    assert [[str(member), member.display, str(member.colour)] for member in PaymentStatus] == _rows(
        PAYMENT
    )
    assert "SOMETHING_NEW" not in {str(member) for member in PaymentStatus}


def test_what_an_engine_may_take_up_and_what_an_operator_may_retry() -> None:
    coloring, svg = ColoringProcessingStatus, SvgProcessingStatus
    assert coloring.startable_states() == {"pending", "queued", "error", "runpod_cancelled"}
    assert coloring.awaiting_external_states() == {
        "runpod_submitted",
        "runpod_queued",
        "runpod_processing",
    }
    assert coloring.final_states() == {"completed", "error", "runpod_cancelled"}
    assert coloring.retryable_states() == {"error", "runpod_cancelled"}
    assert coloring.intermediate_states() == set(coloring) - coloring.final_states() - {"pending"}
    assert svg.awaiting_external_states() == {"vectorizer_processing"}
    assert svg.final_states() == {"completed", "error"}
    assert svg.retryable_states() == {"error"}
    kinds: tuple[type[ProcessingStatusEnum], ...] = (coloring, svg, OrderStatus)
    for statuses in kinds:
        assert statuses.active_states() == {
            status
            for status in statuses
            if Flags.STARTABLE in status.meta.flags or Flags.RECOVERABLE in status.meta.flags
        }
        # What may be claimed, said another way: partial indexes are written so.
        assert statuses.active_states() == frozenset(statuses) - statuses.final_states()
        assert statuses("error") not in statuses.active_states()


def test_every_kind_of_version_has_its_statuses() -> None:
    assert [str(kind) for kind in VersionType] == ["coloring", "svg"]
    assert PROCESSING_STATUS[VersionType.COLORING] is ColoringProcessingStatus
    assert PROCESSING_STATUS[VersionType.SVG] is SvgProcessingStatus


def test_runpods_words() -> None:
    final = {str(status) for status in RunPodJobStatus if status.is_final}
    assert final == {"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"}
    assert {str(status) for status in RunPodJobStatus} - final == {
        "IN_QUEUE",
        "IN_PROGRESS",
        "RUNNING",
    }
