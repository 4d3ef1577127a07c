"""Lanes and engines, as operators see and steer them."""

import uuid
from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import (
    ScalarSelect,
    Table,
    TextClause,
    Update,
    func,
    literal,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from fototui.db.base import Base
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.operations import Engine, Lane
from fototui.db.notify import lane_payload, notify
from fototui.db.transaction import transaction
from fototui.domain.errors import NotFoundError
from fototui.domain.lanes import LANES, LaneSpec
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind
from fototui.domain.text import clean_line
from fototui.services.operations.activity import ActivityAction, ActivityService
from fototui.services.views import stored
from fototui.services.views.operations import EngineView, LaneView

_ALIVE = Engine.retired_at.is_(None)

_PLACES = list(LANES)

RUNNING: Mapping[str, None] = MappingProxyType(
    dict.fromkeys(("paused_at", "paused_by", "paused_reason", "paused_words", "paused_until"), None)
)
"""What is written on a lane that is to run."""


class LaneService:
    """Pauses and resumes lanes and single engines. Each call is a transaction of its own.

    Args:
        session: A session with no transaction under way.
        operator: Who acts, for the activity log.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session
        self.operator = operator
        self._activity = ActivityService(session, operator=operator)

    async def pause(self, lane: JobKind, *, reason: str | Sentence) -> bool:
        """Stop engines from taking up jobs of a lane; what runs goes on.

        Args:
            lane: Which.
            reason: Why, for the other operators.

        Returns:
            Whether it ran until now. One that is paused keeps who paused it and why.
        """
        words = Sentence.plain(clean_line(reason)) if isinstance(reason, str) else reason
        return await self._change(
            update(Lane)
            .where(Lane.name == lane, Lane.paused_at.is_(None))
            .values(
                paused_at=func.now(),
                paused_by=self.operator,
                paused_reason=str(words),
                paused_words=words,
            )
            .returning(Lane.name),
            ActivityAction.LANE_PAUSED,
            lane,
            words,
        )

    async def resume(self, lane: JobKind) -> bool:
        """Let engines take up jobs of a lane again, and wake them.

        Args:
            lane: Which.

        Returns:
            Whether it was paused until now.
        """
        return await self._change(
            update(Lane)
            .where(Lane.name == lane, Lane.paused_at.is_not(None))
            .values(RUNNING)
            .returning(Lane.name),
            ActivityAction.LANE_RESUMED,
            lane,
            None,
        )

    async def _change(
        self,
        statement: ReturningUpdate[str],
        action: ActivityAction,
        lane: JobKind,
        detail: Sentence | None,
    ) -> bool:
        async with transaction(self.session):
            if await self.session.scalar(statement) is None:
                return False
            self._activity.add(action, version_type=lane, detail=detail)
            if action is ActivityAction.LANE_RESUMED:
                await notify(self.session, lane_payload(lane))
        return True

    async def release_held(self, lane: JobKind) -> int:
        """Let engines take up the old jobs of a lane that an adopted shop brought along.

        They keep their place in time: what was chosen since is not replaced by what they make.

        Args:
            lane: Which.

        Returns:
            How many jobs that are.
        """
        rows = _rows(LANES[lane])
        async with transaction(self.session):
            released = await self.session.scalars(
                update(rows).where(_is_held(LANES[lane])).values(held_at=None).returning(rows.c.id)
            )
            count = len(released.all())
            if count:
                detail = Sentence.make("Old jobs released: {count}.", count=count)
                self._activity.add(ActivityAction.LANE_RESUMED, version_type=lane, detail=detail)
                await notify(self.session, lane_payload(lane))
        return count

    async def pause_engine(self, engine_id: uuid.UUID) -> bool:
        """Stop one engine from taking up jobs; what it runs goes on.

        Args:
            engine_id: Which.

        Returns:
            Whether it took up jobs until now. One that is paused keeps who paused it.

        Raises:
            NotFoundError: The engine is gone.
        """
        statement = update(Engine).where(Engine.paused_at.is_(None))
        statement = statement.values(paused_at=func.now(), paused_by=self.operator)
        return await self._change_engine(engine_id, statement, ActivityAction.ENGINE_PAUSED)

    async def resume_engine(self, engine_id: uuid.UUID) -> bool:
        """Let one engine take up jobs again, and wake it.

        Args:
            engine_id: Which.

        Returns:
            Whether it was paused until now.

        Raises:
            NotFoundError: The engine is gone.
        """
        statement = update(Engine).where(Engine.paused_at.is_not(None))
        statement = statement.values(paused_at=None, paused_by=None)
        return await self._change_engine(engine_id, statement, ActivityAction.ENGINE_RESUMED)

    async def _change_engine(
        self, engine_id: uuid.UUID, statement: Update, action: ActivityAction
    ) -> bool:
        is_it = (Engine.id == engine_id, _ALIVE)
        changed = statement.where(*is_it).returning(Engine.operator, Engine.host, Engine.pid)
        async with transaction(self.session):
            found = (await self.session.execute(changed)).one_or_none()
            if found is None:
                if await self.session.scalar(select(Engine.id).where(*is_it)) is None:
                    raise NotFoundError("This engine is gone; look at those that are there now.")
                return False
            operator, host, pid = found
            self._activity.add(action, detail=clean_line(f"{operator} @ {host}, pid {pid}"))
            if action is ActivityAction.ENGINE_RESUMED:
                for lane in JobKind:  # a notification has no address but a lane
                    await notify(self.session, lane_payload(lane))
        return True

    async def list_lanes(self) -> tuple[LaneView, ...]:
        """All lanes with what waits and runs in them, in the order of an order's way."""
        living = select(Engine.id).where(_ALIVE)
        counts = union_all(
            *(
                select(
                    literal(str(lane.kind)).label("lane"),
                    func.count().label("active"),
                    func.count().filter(_rows(lane).c.claimed_by.in_(living)).label("running"),
                    _held(lane).label("held"),
                ).where(_is_active(lane))
                for lane in LANES.values()
            )
        ).subquery()
        statement = (
            select(Lane, counts.c.active, counts.c.running, counts.c.held)
            .join(counts, counts.c.lane == Lane.name)
            .execution_options(populate_existing=True)
        )
        async with self.session.begin():
            rows = (await self.session.execute(statement)).all()
        lanes = [
            LaneView(
                lane=JobKind(lane.name),
                account_limit=lane.account_limit,
                waiting=active - running,
                running=running,
                paused_at=lane.paused_at,
                paused_by=lane.paused_by,
                paused_reason=stored(lane.paused_reason, lane.paused_words),
                held=held,
            )
            for lane, active, running, held in rows
        ]
        return tuple(sorted(lanes, key=lambda view: _PLACES.index(view.lane)))

    async def list_engines(self) -> tuple[EngineView, ...]:
        """All living engines, the longest running first."""
        running = [
            select(func.count())
            .where(_is_active(lane), _rows(lane).c.claimed_by == Engine.id)
            .scalar_subquery()
            for lane in LANES.values()
        ]
        silent = func.extract("epoch", func.clock_timestamp() - Engine.last_seen_at)
        statement = (
            select(Engine, silent, *running)
            .where(_ALIVE)
            .order_by(Engine.started_at, Engine.id)
            .execution_options(populate_existing=True)
        )
        async with self.session.begin():
            rows = (await self.session.execute(statement)).all()
        return tuple(
            EngineView(
                id=engine.id,
                operator=engine.operator,
                host=engine.host,
                pid=engine.pid,
                version=engine.version,
                lanes=tuple(engine.lanes),
                capacity=engine.capacity,
                running=dict(zip(LANES, counts, strict=True)),
                started_at=engine.started_at,
                last_seen_at=engine.last_seen_at,
                silent_seconds=max(0.0, float(seconds)),
                paused_at=engine.paused_at,
                paused_by=engine.paused_by,
            )
            for engine, seconds, *counts in rows
        )


def _rows(lane: LaneSpec) -> Table:
    return Base.metadata.tables[lane.table]


def _is_active(lane: LaneSpec) -> TextClause:
    return text(lane.active(f"{lane.table}."))


def _is_held(lane: LaneSpec) -> TextClause:
    return text(lane.held(f"{lane.table}."))


def _held(lane: LaneSpec) -> ScalarSelect[int]:
    counted = select(func.count()).select_from(_rows(lane)).where(_is_held(lane))
    return counted.correlate(None).scalar_subquery()
