"""Every kind of job has a pipeline, and is left to others where it cannot be done."""

import pytest

from fototui.config.settings import Settings
from fototui.db.base import Base
from fototui.db.models import orders
from fototui.domain.lanes import LANES, own_row_lanes
from fototui.domain.statuses import JobKind, VersionType
from fototui.engine.pipelines.registry import PIPELINES
from fototui.services.operations.steering import STEERING


def test_every_kind_of_job_has_a_lane_and_a_pipeline() -> None:
    assert set(LANES) == set(PIPELINES) == set(JobKind)
    assert [spec.kind for spec in LANES.values()] == list(LANES)
    assert [entry.kind for entry in PIPELINES.values()] == list(PIPELINES)
    kinds = [spec.version_type for spec in LANES.values() if spec.version_type is not None]
    assert sorted(kinds) == sorted(VersionType)


def test_operators_can_steer_all_jobs_that_are_rows_of_their_own() -> None:
    assert set(STEERING) == {lane.kind for lane in own_row_lanes()}


@pytest.mark.parametrize("kind", list(JobKind))
def test_a_lane_stands_on_a_table_with_what_claims_and_lists_need(kind: JobKind) -> None:
    assert orders.Order.metadata is Base.metadata
    table = Base.metadata.tables[LANES[kind].table]
    needed = {"claimed_by", "claim_token", "claimed_at", "held_at", "queued_at", "not_before"}
    assert needed | {"status", "attempts", "retries", "takeovers"} <= set(table.c.keys())


@pytest.mark.parametrize(
    ("given", "left_out"),
    [
        ({}, {JobKind.COLORING, JobKind.SVG, JobKind.INGEST}),
        ({"runpod_api_key": "key"}, {JobKind.SVG, JobKind.INGEST}),
        ({"vectorizer_api_key": "key"}, {JobKind.COLORING, JobKind.INGEST}),
        ({"shopify_webhook_secret": "secret"}, {JobKind.COLORING, JobKind.SVG}),
        (
            {"shopify_store_url": "https://a.example", "shopify_access_token": "t"},
            {JobKind.COLORING, JobKind.SVG},
        ),
        (
            {"shopify_store_url": "https://a.example"},
            {JobKind.COLORING, JobKind.SVG, JobKind.INGEST},
        ),
    ],
)
def test_a_lane_without_a_way_to_do_its_jobs_is_left_to_others(
    given: dict[str, str], left_out: set[JobKind]
) -> None:
    settings = Settings.model_validate(given)
    configured = {kind for kind, entry in PIPELINES.items() if entry.is_configured(settings)}
    assert configured == set(JobKind) - left_out
