import pytest

from fototui.db.database import Database
from fototui.db.notify import (
    JobCancelled,
    LaneReady,
    cancel_payload,
    lane_payload,
    notify,
    parse_payload,
)
from fototui.domain.statuses import JobKind, VersionType
from tests.services.conftest import Notifications


@pytest.mark.parametrize("kind", JobKind)
def test_what_is_written_of_a_lane_is_read(kind: JobKind) -> None:
    assert parse_payload(lane_payload(kind)) == LaneReady(kind)


@pytest.mark.parametrize("kind", JobKind)
def test_what_is_written_of_a_cancelled_job_is_read(kind: JobKind) -> None:
    assert parse_payload(cancel_payload(kind, 12)) == JobCancelled(kind, 12)


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "painting",
        "coloring:",
        "cancel",
        "cancel:coloring",
        "cancel:painting:1",
        "cancel:coloring:x",
        "cancel:coloring:-1",
        "cancel:coloring:٣",
        "cancel:coloring:1:2",
        "cancel:coloring:99999999999",
    ],
)
def test_what_is_not_known_is_nothing(payload: str) -> None:
    assert parse_payload(payload) is None


async def test_notified_with_the_commit_and_once(
    database: Database, notifications: Notifications
) -> None:
    async with database.session() as session:
        async with session.begin():
            for _ in range(3):
                await notify(session, lane_payload(VersionType.SVG))
            await notify(session, cancel_payload(VersionType.SVG, 1))
        transaction = await session.begin()
        await notify(session, lane_payload(VersionType.COLORING))
        await transaction.rollback()
    assert await notifications.heard() == ["svg", "cancel:svg:1"]
