"""What is declared of a lane."""

from fototui.domain.lanes import LANES, own_row_lanes
from fototui.domain.statuses import JobKind
from fototui.services.views.operations import LaneView, told_held


def test_a_condition_names_its_row_in_every_place() -> None:
    ingest = LANES[JobKind.INGEST]
    assert ingest.active("v.") == (
        "((v.status IN ('pending', 'processing') AND v.held_at IS NULL) "
        "OR (v.sync_requested_at IS NOT NULL AND v.status <> 'downloading'))"
    )
    assert ingest.held("orders.") == (
        "orders.held_at IS NOT NULL AND orders.status IN ('pending', 'processing')"
    )


def test_each_lane_of_rows_that_end_has_the_statuses_that_lists_and_engines_ask_for() -> None:
    assert own_row_lanes()
    for lane in own_row_lanes():
        assert lane.statuses("completed").meta.is_final
        assert lane.statuses("error").meta.is_retryable


def test_what_is_held_is_told_of_each_lane_with_its_price() -> None:
    def view(lane: JobKind, held: int) -> LaneView:
        return LaneView(
            lane=lane,
            account_limit=None,
            waiting=0,
            running=0,
            paused_at=None,
            paused_by=None,
            paused_reason=None,
            held=held,
        )

    assert told_held([view(kind, 0) for kind in JobKind]) is None
    held = {JobKind.DOWNLOAD: 2, JobKind.COLORING: 3}
    assert str(told_held([view(kind, held.get(kind, 0)) for kind in LANES])) == (
        "Old jobs are held: Photos 2, Colouring 3 (as many paid RunPod jobs). "
        "To start them: fototui lanes release"
    )
