"""What an engine tells of its work, which monitoring counts."""

from fototui.domain.statuses import JobKind
from fototui.sandbox.outcomes import Outcome
from tests.engine.conftest import World


class Listening:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.claims: list[tuple[JobKind, bool]] = []
        self.waits: list[float] = []
        self.steps: list[tuple[JobKind, str]] = []
        self.ends: list[tuple[JobKind, str]] = []
        self.again: list[JobKind] = []
        self.credits = 0.0

    def claimed(self, kind: JobKind, seconds_waited: float, *, taken_over: bool) -> None:
        self.claims.append((kind, taken_over))
        self.waits.append(seconds_waited)

    def step(self, kind: JobKind, status: str, seconds: float) -> None:
        assert seconds >= 0
        self.steps.append((kind, status))

    def ended(self, kind: JobKind, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.ends.append((kind, outcome))

    def resubmitted(self, kind: JobKind) -> None:
        self.again.append(kind)

    def charged(self, kind: JobKind, credits_charged: float) -> None:
        assert kind is JobKind.SVG
        self.credits += credits_charged


async def test_an_engine_tells_what_monitoring_counts(world: World) -> None:
    # The first answer of RunPod is lost: the job is submitted again, and may be paid for twice.
    world.runpod.next(Outcome.CUT_AFTER)
    world.vectorizer.next(Outcome.UNAVAILABLE, Outcome.UNAVAILABLE)
    await world.queue_colorings(1)
    await world.queue_svgs(1)
    heard = Listening()
    async with world.engine(observer=heard) as engine:
        await engine.drain()
    assert heard.again == [JobKind.COLORING]
    assert heard.credits > 0
    assert sorted(heard.ends) == [
        (JobKind.COLORING, "completed"),
        (JobKind.COLORING, "put back"),
        (JobKind.SVG, "completed"),
        (JobKind.SVG, "put back"),
    ]
    assert sorted(heard.claims) == [
        (JobKind.COLORING, False),
        (JobKind.COLORING, False),
        (JobKind.SVG, False),
        (JobKind.SVG, False),
    ]
    assert all(0 <= wait < 60 for wait in heard.waits)
    assert (JobKind.COLORING, "storage_upload") in heard.steps
