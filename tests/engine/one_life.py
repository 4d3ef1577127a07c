"""One process's life with one job, step by step, as tests of crashes and lost claims need it."""

import uuid
from collections.abc import Callable

from sqlalchemy import text

from fototui.clients.runpod import RunPodService
from fototui.clients.vectorizer import VectorizerApiService
from fototui.domain.statuses import VersionType
from fototui.engine.execution.attempt import attempt
from fototui.engine.execution.context import Rescheduling, Results, Work
from fototui.engine.execution.failure import FailurePolicy
from fototui.engine.execution.pipeline import Pipeline
from fototui.engine.jobs.claims import Claims
from fototui.engine.jobs.job import JobT, VersionJob
from fototui.engine.jobs.transitions import Transitions
from fototui.engine.lease import Lease, boot_clock
from fototui.engine.observer import NoObserver
from fototui.engine.pipelines.coloring import ColoringGenerationService
from fototui.engine.pipelines.svg import SvgGenerationService
from fototui.storage.base import Storage
from tests.engine.conftest import KEY, QUICK, World


def open_pipeline(
    world: World, kind: VersionType, storage: Storage | None = None
) -> Pipeline[VersionJob]:
    """How an engine does the jobs of one kind, on the world's services."""
    storage = storage or world.storage
    if kind is VersionType.COLORING:
        runpod = RunPodService(f"{world.url}/runpod/v2", "sandbox", KEY, poll_interval=0.01)
        world.stack.push_async_callback(runpod.aclose)
        return ColoringGenerationService(runpod, storage, min_image_size=1, timeout_seconds=20)
    vectorizer = VectorizerApiService(
        f"{world.url}/vectorizer/api/v1/vectorize", KEY.get_secret_value(), KEY
    )
    world.stack.push_async_callback(vectorizer.aclose)
    return SvgGenerationService(vectorizer, storage)


async def register(world: World) -> uuid.UUID:
    """Write down an engine that counts as alive; its id."""
    engine_id = uuid.uuid4()
    async with world.database.session() as session, session.begin():
        await session.execute(
            text(
                "INSERT INTO engines (id, operator, host, pid, version, lanes, capacity, "
                "lease_seconds) VALUES (:id, 'test', 'test', 1, '0', '{}', 1, 60)"
            ),
            {"id": engine_id},
        )
    return engine_id


async def die(world: World, engine_id: uuid.UUID) -> None:
    """Write down an engine's death."""
    async with world.database.session() as session, session.begin():
        await session.execute(
            text("UPDATE engines SET retired_at = now() WHERE id = :id"), {"id": engine_id}
        )


async def take_up(
    world: World,
    pipeline: Pipeline[JobT],
    engine_id: uuid.UUID,
    *,
    transitions: Callable[[], Transitions] | None = None,
    rescheduling: Rescheduling = QUICK,
) -> str | None:
    """Claim the next job of a kind and work on it; what became of it, None where there is none."""
    lease = Lease(seconds=60, margin=1)
    lease.extend(boot_clock())
    claims = Claims(world.database, engine_id)
    jobs = await claims.claim(pipeline.jobs, 1, limited=False)
    # Where two died over it already, it runs alone.
    jobs += await claims.claim(pipeline.jobs, 1, limited=False, alone=True)
    for job in jobs:
        work = Work(
            pipeline.jobs,
            job,
            transitions=transitions() if transitions else Transitions(world.database, actor="test"),
            lease=lease,
            results=Results(),
            calls=rescheduling.calls,
            observer=NoObserver(),
        )
        policy = FailurePolicy(world.database, actor="test", rescheduling=rescheduling)
        return await attempt(pipeline, work, policy)
    return None
