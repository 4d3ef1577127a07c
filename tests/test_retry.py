"""How often something is tried again, and how long it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fototui.domain.errors import PermanentError, TransientError
from fototui.retry import Backoff, RetryPolicy


def failing(*failures: BaseException | None) -> Callable[[], Awaitable[int]]:
    """A call that fails so, one after the other; it gives the number of its calls."""
    left = list(failures)
    calls = 0

    async def call() -> int:
        nonlocal calls
        calls += 1
        if left and (failure := left.pop(0)) is not None:
            raise failure
        return calls

    return call


def passing(retry_after: float | None = None) -> TransientError:
    return TransientError("It rests.", service="Test", retry_after=retry_after)


def test_waits_grow_up_to_a_limit_and_begin_anew_after_a_success() -> None:
    backoff = Backoff(1.0, 5.0)
    for whole in (1, 2, 4, 5, 5):
        assert whole / 2 <= backoff.next_wait() <= whole
    backoff.reset()
    assert backoff.next_wait() <= 1
    for _ in range(2_000):
        assert backoff.next_wait() <= 5


def test_a_policy_may_grow_faster() -> None:
    policy = RetryPolicy(first_wait=1.0, longest_wait=100.0, factor=3.0)
    for attempt, whole in ((1, 1), (2, 3), (3, 9), (4, 27), (5, 81), (6, 100)):
        assert whole / 2 <= policy.wait(attempt) <= whole


async def test_what_passes_is_tried_so_often_and_told_of() -> None:
    told: list[tuple[str, float]] = []
    policy = RetryPolicy(attempts=3, first_wait=0.001)
    note = lambda error, wait: told.append((str(error), wait))  # noqa: E731
    assert await policy.call(failing(passing(), passing()), on_retry=note) == 3
    assert [text for text, _ in told] == ["It rests."] * 2
    assert all(0 < wait <= 0.002 for _, wait in told)
    with pytest.raises(TransientError):
        await policy.call(failing(passing(), passing(), passing(), None))


async def test_what_does_not_pass_is_not_tried_again() -> None:
    for failure in (PermanentError("No.", service="Test"), ValueError(), asyncio.CancelledError()):
        with pytest.raises(type(failure)):
            await RetryPolicy(first_wait=0.0).call(failing(failure, None))


async def test_a_failure_is_waited_for_as_long_as_it_asks() -> None:
    told: list[float] = []
    policy = RetryPolicy(first_wait=0.0, longest_wait=0.1)
    await policy.call(failing(passing(0.05)), on_retry=lambda _error, wait: told.append(wait))
    assert told == [0.05]
    with pytest.raises(TransientError) as caught:
        await policy.call(failing(passing(0.2), None))
    assert caught.value.retry_after == 0.2


async def test_with_a_time_limit_who_says_when_to_come_again_is_asked_again_and_again() -> None:
    policy = RetryPolicy(attempts=2, first_wait=0.0, longest_wait=0.0, seconds=30.0)
    assert await policy.call(failing(*[passing(0.0)] * 20)) == 21
    with pytest.raises(TransientError):
        await policy.call(failing(passing(), passing(), None))
    with pytest.raises(TransientError):
        await policy.call(failing(passing(31.0), None))


async def test_what_may_have_been_accepted_is_not_asked_for_twice_where_that_costs() -> None:
    lost = TransientError("no answer", service="x", ambiguous=True)
    call = failing(lost, None)
    with pytest.raises(TransientError, match="no answer"):
        await RetryPolicy(first_wait=0.0, repeats_ambiguous=False).call(call)
    assert await call() == 2  # it was made once
    assert await RetryPolicy(first_wait=0.0).call(failing(lost)) == 2
