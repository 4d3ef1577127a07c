"""What the imitated services shall do, and what they have done.

A `Script` is the one object that a test or the demo holds of an imitated service: it plans what
happens to submissions and status requests, and counts them.
"""

import hashlib
import json
import random
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What happens to one request."""

    COMPLETED = "completed"
    """It is accepted and ends well."""
    FAILED = "failed"
    """The work fails (RunPod: FAILED; Vectorizer.ai: 400, unreadable image)."""
    CANCELLED = "cancelled"
    """The work is cancelled by the service (RunPod: CANCELLED; Vectorizer.ai: 503)."""
    TIMED_OUT = "timed_out"
    """The work runs out of time (RunPod: TIMED_OUT; Vectorizer.ai: 400, code 1017)."""
    BAD_RESULT = "bad_result"
    """It is accepted, and what comes out is not what it should be."""
    GONE = "gone"
    """A status request is answered 404. On a submission: it is accepted and forgotten."""
    RATE_LIMITED = "rate_limited"
    """429, not accepted."""
    UNAVAILABLE = "unavailable"
    """5xx (503 where nothing else is asked for), not accepted."""
    UNAUTHORIZED = "unauthorized"
    """401, not accepted."""
    UNPAID = "unpaid"
    """402, not accepted."""
    GARBAGE = "garbage"
    """It is accepted, and the answer is an HTML page with status 200."""
    CUT_BEFORE = "cut_before"
    """The connection is closed without an answer, and the request was not accepted."""
    CUT_AFTER = "cut_after"
    """The connection is closed without an answer, although the request was accepted."""
    SLOW = "slow"
    """It is accepted, and the answer takes `Turn.seconds`."""

    @property
    def of_work(self) -> bool:
        """Whether it tells how work ends, and so cannot happen to a status request."""
        return self in _OF_WORK


_OF_WORK = frozenset({Outcome.FAILED, Outcome.CANCELLED, Outcome.TIMED_OUT, Outcome.BAD_RESULT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """An outcome with its particulars.

    Args:
        outcome: What happens.
        status: HTTP status instead of the outcome's usual one.
        code: Vectorizer.ai's error code instead of the usual one.
        message: Error text instead of the usual one.
        retry_after: Value of a Retry-After header, in seconds; none is sent without it.
        seconds: How long a SLOW answer takes.
    """

    outcome: Outcome
    status: int | None = None
    code: int | None = None
    message: str | None = None
    retry_after: int | None = None
    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Latency:
    """How long jobs take.

    Args:
        queue: Seconds in the queue (RunPod only).
        run: Seconds of work at least; drawing the picture may take longer.
        spread: Each time is varied at random by up to this share, 0 to 1.
    """

    queue: float = 0.0
    run: float = 0.0
    spread: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a service has seen so far.

    Args:
        requests: Submissions that arrived, also those that were not accepted.
        submitted: Accepted ones, that is, those a customer would pay for.
        retried: Jobs started again by the service's own retry call.
        completed: Accepted ones that ended well.
        failed: Ended in failure.
        cancelled: Ended by being cancelled.
        timed_out: Ended by running out of time.
        polls: Status requests (RunPod), or downloads of kept results (Vectorizer.ai).
        max_concurrent: Most submissions (Vectorizer.ai: calls, refused ones included; RunPod: jobs
            in progress) at one moment.
        payloads: How often each input with its options was accepted, by `payload_key`.
        jobs: Payload key of each accepted job, by job id.
    """

    requests: int = 0
    submitted: int = 0
    retried: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    timed_out: int = 0
    polls: int = 0
    max_concurrent: int = 0
    payloads: Mapping[str, int] = field(default_factory=dict)
    jobs: Mapping[str, str] = field(default_factory=dict)

    @property
    def duplicates(self) -> int:
        """How many accepted submissions were not the first with that input and those options."""
        return sum(self.payloads.values()) - len(self.payloads)


class Tally:
    """The running counts behind `Counts`; the services write it."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self._jobs: dict[str, str] = {}
        self._concurrent = 0
        self._max_concurrent = 0

    def count(self, event: str) -> None:
        """Count one more of an event, named as the fields of `Counts`."""
        self.events[event] += 1

    def accept(self, job_id: str, payload_key: str) -> None:
        """Count an accepted submission."""
        self.events["submitted"] += 1
        self._jobs[job_id] = payload_key

    def enter(self) -> int:
        """Note that one more is at work; tells how many are now."""
        self._concurrent += 1
        self._max_concurrent = max(self._max_concurrent, self._concurrent)
        return self._concurrent

    def leave(self) -> None:
        """Note that one is done."""
        self._concurrent -= 1

    def counts(self) -> Counts:
        """Take a picture of the present counts."""
        return Counts(
            **self.events,
            max_concurrent=self._max_concurrent,
            payloads=dict(Counter(self._jobs.values())),
            jobs=dict(self._jobs),
        )


class Script:
    """Plan and counts of one imitated service.

    What happens to a request is what was planned for its number, else what comes next in the queue
    of planned turns, else what chance gives at the present rates, else it ends well.

    Args:
        latency: How long jobs take; may be replaced at any time.
        rates: Share (0 to 1) of submissions that meet each outcome; may be changed at any time.
        poll_rates: The same for status requests.
        seed: Start of the random numbers, so that a run can be repeated.
    """

    def __init__(
        self,
        *,
        latency: Latency | None = None,
        rates: Mapping[Outcome, float] | None = None,
        poll_rates: Mapping[Outcome, float] | None = None,
        seed: int = 0,
    ) -> None:
        self.latency = latency or Latency()
        self.rates = dict(rates or {})
        self.poll_rates = dict(poll_rates or {})
        self.tally = Tally()
        self._next: deque[Turn] = deque()
        self._next_polls: deque[Turn] = deque()
        self._nth: dict[int, Turn] = {}
        self._random = random.Random(seed)  # noqa: S311 - plays the outside world, guards nothing

    def next(self, *turns: Outcome | Turn) -> None:
        """Plan what happens to the submissions that come next, one turn each."""
        self._next.extend(_turn(turn) for turn in turns)

    def next_polls(self, *turns: Outcome | Turn) -> None:
        """Plan what happens to the status requests that come next, one turn each.

        Raises:
            ValueError: The outcome is one that only work can have.
        """
        planned = [_turn(turn) for turn in turns]
        if unfit := [turn.outcome for turn in planned if turn.outcome.of_work]:
            raise ValueError(f"a status request cannot be {', '.join(unfit)}")
        self._next_polls.extend(planned)

    def nth(self, number: int, turn: Outcome | Turn) -> None:
        """Plan what happens to one submission.

        Args:
            number: Its number; the first that arrives is 1.
            turn: What happens to it.
        """
        self._nth[number] = _turn(turn)

    @property
    def counts(self) -> Counts:
        """What the service has seen so far."""
        return self.tally.counts()

    def submission(self) -> Turn:
        """Count a submission that arrived, and tell what happens to it."""
        self.tally.count("requests")
        planned = self._nth.pop(self.tally.events["requests"], None)
        return planned or self._draw(self._next, self.rates)

    def poll(self) -> Turn:
        """Count a status request, and tell what happens to it."""
        self.tally.count("polls")
        return self._draw(self._next_polls, self.poll_rates)

    def queue_seconds(self) -> float:
        """Draw how long the next job is queued."""
        return self.latency.queue * self._spread()

    def run_seconds(self) -> float:
        """Draw how long the next job runs."""
        return self.latency.run * self._spread()

    def _spread(self) -> float:
        return 1 + self.latency.spread * self._random.uniform(-1, 1)

    def _draw(self, planned: deque[Turn], rates: Mapping[Outcome, float]) -> Turn:
        if planned:
            return planned.popleft()
        chance = self._random.random()
        for outcome, rate in rates.items():
            chance -= rate
            if chance < 0:
                return Turn(outcome=outcome)
        return Turn(outcome=Outcome.COMPLETED)


def payload_key(data: bytes, options: Mapping[str, object]) -> str:
    """Name an input with its options, to tell a second submission of the same.

    Args:
        data: The picture as it was sent.
        options: The options as they were sent.

    Returns:
        A SHA-256 in hexadecimal.
    """
    words = json.dumps(options, sort_keys=True, default=str)
    return hashlib.sha256(data + b"\0" + words.encode()).hexdigest()


def _turn(turn: Outcome | Turn) -> Turn:
    return turn if isinstance(turn, Turn) else Turn(outcome=turn)
