"""What is declared of a lane."""

from fototui.domain.lanes import LANES
from fototui.domain.statuses import JobKind


def test_a_condition_names_its_row_in_every_place() -> None:
    ingest = LANES[JobKind.INGEST]
    assert ingest.active("v.") == (
        "((v.status IN ('pending', 'processing') AND v.held_at IS NULL) "
        "OR (v.sync_requested_at IS NOT NULL AND v.status <> 'downloading'))"
    )
    assert ingest.held("orders.") == (
        "orders.held_at IS NOT NULL AND orders.status IN ('pending', 'processing')"
    )
