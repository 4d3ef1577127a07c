"""What the server counts and measures, for Prometheus.

Counters and durations are this process's own. What all engines do together is read from the
database when it is asked for (`services/operations/stats.py`).
"""

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from fototui.domain.lanes import own_row_lanes
from fototui.domain.stages import Stage
from fototui.domain.statuses import JobKind
from fototui.mercure.publisher import MercurePublishService, PublisherStats
from fototui.server.cost_metrics import PaidStats
from fototui.services.operations.stats import Stats

_WAIT_BUCKETS = (0.01, 0.05, 0.25, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_WORK_BUCKETS = (0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class ServerMetrics:
    """The metrics of one process; also an `EngineObserver`."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._stats = _StatsCollector()
        self._events = _EventCollector()
        self._registry.register(self._stats)
        self._registry.register(self._events)

        self._claims = self._counter("claims", "Jobs that this engine claimed.", "kind")
        self._takeovers = self._counter(
            "takeovers", "Jobs that this engine took from one that had died.", "kind"
        )
        self._claim_seconds = self._histogram(
            "claim_latency", "How long a job had been free to be claimed.", _WAIT_BUCKETS, "kind"
        )
        self._step_seconds = self._histogram(
            "step",
            "How long a step of a job took, by the status it leads out of.",
            _WORK_BUCKETS,
            "kind",
            "status",
        )
        self._attempts = self._counter(
            "attempts", "Attempts at jobs; what is put back will be retried.", "kind", "outcome"
        )
        self._attempt_seconds = self._histogram(
            "attempt", "How long an attempt at a job took.", _WORK_BUCKETS, "kind"
        )
        self._resubmissions = self._counter(
            "resubmissions", "Calls that this engine may have paid for twice.", "kind"
        )
        self._charged = self._counter(
            "credits_charged", "Credits that this engine was charged for.", "kind"
        )
        self._webhooks = self._counter("webhooks", "Webhooks, by what became of them.", "result")
        self._imports = self._counter("imports", "Imports from the shop, by end.", "result")
        self._requests = self._counter(
            "http_requests",
            "Requests; the status is 0 where the client went away first.",
            "method",
            "path",
            "status",
        )
        self._request_seconds = self._histogram(
            "http_request", "How long requests took.", _HTTP_BUCKETS, "method", "path"
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"fototui_{name}", text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        name = f"fototui_{name}_seconds"
        return Histogram(name, text, labels, buckets=buckets, registry=self._registry)

    # --- what the engine tells (`EngineObserver`) -----------------------------------------------

    def claimed(self, kind: JobKind, seconds_waited: float, *, taken_over: bool) -> None:
        """See `EngineObserver.claimed`."""
        self._claims.labels(kind.value).inc()
        self._claim_seconds.labels(kind.value).observe(seconds_waited)
        if taken_over:
            self._takeovers.labels(kind.value).inc()

    def step(self, kind: JobKind, status: str, seconds: float) -> None:
        """See `EngineObserver.step`."""
        self._step_seconds.labels(kind.value, str(status)).observe(seconds)

    def ended(self, kind: JobKind, outcome: str, seconds: float) -> None:
        """See `EngineObserver.ended`."""
        self._attempts.labels(kind.value, str(outcome)).inc()
        self._attempt_seconds.labels(kind.value).observe(seconds)

    def resubmitted(self, kind: JobKind) -> None:
        """See `EngineObserver.resubmitted`."""
        self._resubmissions.labels(kind.value).inc()

    def charged(self, kind: JobKind, credits_charged: float) -> None:
        """See `EngineObserver.charged`."""
        self._charged.labels(kind.value).inc(credits_charged)

    # --- what the server tells ------------------------------------------------------------------

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            method: Its method.
            path: The template of its path.
            status: Its answer's status; 0 where the client went away before there was one.
            seconds: How long it took.
        """
        self._requests.labels(method, path, str(status)).inc()
        self._request_seconds.labels(method, path).observe(seconds)

    def took_webhook(self, result: str) -> None:
        """Count a webhook.

        Args:
            result: What became of it.
        """
        self._webhooks.labels(result).inc()

    def imported(self, result: str) -> None:
        """Count an import from the shop.

        Args:
            result: "done" or "failed".
        """
        self._imports.labels(result).inc()

    def watch_events(self, publisher: MercurePublishService) -> None:
        """Count a publisher's events from now on; a reload brings a new one.

        Args:
            publisher: The publisher.
        """
        self._events.watch(publisher)

    def render(
        self,
        stats: Stats | None,
        stages: Mapping[Stage, int] | None = None,
        paid: PaidStats | None = None,
    ) -> bytes:
        """Write all metrics in Prometheus' text format.

        Args:
            stats: What the database tells; None where it does not answer.
            stages: How many orders are in each stage; None as above.
            paid: What it tells of costs; None as above.
        """
        self._stats.stats, self._stats.stages, self._stats.paid = stats, stages, paid
        return generate_latest(self._registry)


class _StatsCollector:
    """Tells what was read from the database; nothing of it where that did not answer."""

    def __init__(self) -> None:
        self.stats: Stats | None = None
        self.stages: Mapping[Stage, int] | None = None
        self.paid: PaidStats | None = None

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("fototui_database_up", "Whether the database answers.")
        up.add_metric((), 0 if self.stats is None else 1)
        yield up
        if self.stats is not None:
            yield from _queue(self.stats)
            yield from _last_hour(self.stats)
        if self.stages is not None:
            orders = GaugeMetricFamily(
                "fototui_orders", "Orders, by what they want next.", labels=("stage",)
            )
            for stage, count in self.stages.items():
                orders.add_metric((stage.value,), count)
            yield orders
        if self.paid is not None:
            yield from self.paid.metrics()


def _queue(stats: Stats) -> Iterable[Metric]:
    jobs = GaugeMetricFamily(
        "fototui_jobs", "Unfinished jobs of all engines.", labels=("kind", "status")
    )
    depth = GaugeMetricFamily(
        "fototui_queue_depth", "Jobs that nobody has claimed.", labels=("kind",)
    )
    oldest = GaugeMetricFamily(
        "fototui_queue_oldest_seconds",
        "Age of the job that has been waiting longest.",
        labels=("kind",),
    )
    for kind in JobKind:
        of_kind = [each for each in stats.queue if each.kind is kind]
        for each in of_kind:
            jobs.add_metric((kind.value, each.status), each.count)
        depth.add_metric((kind.value,), sum(each.waiting for each in of_kind))
        oldest.add_metric((kind.value,), max((each.oldest or 0 for each in of_kind), default=0))
    return (jobs, depth, oldest)


def _last_hour(stats: Stats) -> Iterable[Metric]:
    def family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
        text = f"{text}, within the last hour, by all engines."
        return GaugeMetricFamily(f"fototui_last_hour_{name}", text, labels=("kind", *labels))

    jobs = family("jobs", "Versions and books that ended", "status")
    retries = family("retries", "Times that jobs which ended were put back")
    takeovers = family("takeovers", "Times that jobs which ended were taken from the dead")
    resubmissions = family("resubmissions", "Calls for them that may have been paid twice")
    charged = family("credits_charged", "Credits that Vectorizer.ai charged for them")
    for kind in (lane.kind for lane in own_row_lanes()):
        of_kind = [each for each in stats.ended if each.kind is kind]
        for each in of_kind:
            jobs.add_metric((kind.value, each.status), each.count)
        label = (kind.value,)
        retries.add_metric(label, sum(each.retries for each in of_kind))
        takeovers.add_metric(label, sum(each.takeovers for each in of_kind))
        resubmissions.add_metric(label, sum(each.resubmissions for each in of_kind))
        charged.add_metric(label, sum(each.credits for each in of_kind))
    return (jobs, retries, takeovers, resubmissions, charged)


class _EventCollector:
    """Tells what became of live events, over all the publishers that this process had."""

    def __init__(self) -> None:
        self._publisher: MercurePublishService | None = None
        self._before = {"published": 0, "failed": 0, "dropped": 0}

    def watch(self, publisher: MercurePublishService) -> None:
        self._before = self._totals()
        self._publisher = publisher

    def _totals(self) -> dict[str, int]:
        stats = PublisherStats() if self._publisher is None else self._publisher.stats
        return {name: count + getattr(stats, name) for name, count in self._before.items()}

    def collect(self) -> Iterable[Metric]:
        events = CounterMetricFamily(
            "fototui_events", "Live events, by what became of them.", labels=("result",)
        )
        for result, count in self._totals().items():
            events.add_metric((result,), count)
        yield events
