"""The lanes: what every part of the program needs to know of a kind of job, each said once.

Lists, statistics, metrics, indexes, settings and the engine read it here. How the jobs are done
stands in `engine/pipelines/`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fototui.domain.flags import ProcessingStatusEnum
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import (
    BookProcessingStatus,
    ColoringProcessingStatus,
    JobKind,
    OrderStatus,
    SvgProcessingStatus,
    VersionType,
)


@dataclass(frozen=True, slots=True)
class LaneSpec:
    """One kind of job.

    Conditions are SQL made of constants, because a query uses a partial index only where it states
    the index's own condition. `{row}` is put in place of the row's alias with its dot.

    Args:
        kind: The kind.
        label: What operators call one of its jobs.
        counted: What they call so many of them.
        word: What its jobs are searched by.
        also: What else is taken for that; `folded`.
        lane: What they call the lane, where that is another word.
        table: Where its rows stand.
        model: What the program calls one of these rows, in live events too.
        statuses: Where a row may stand on its way.
        parent: The column by which a row is known to be of an order: `image_id`, `line_item_id`,
            or an order's own `id`.
        concurrency: Jobs at once in one engine, where ENGINE_CONCURRENCY says nothing else.
        unfinished: Of which status a row is that has not reached its end.
        asked_again: A further condition under which a row is a job, finished or not.
        since: Since when a row waits.
        version_type: The versions that its rows are; None where they are not versions.
        service: The outside service that is paid for its jobs; None where nothing is paid.
        price: What that takes for them, in words.
        resubmitted: How often ended rows may have been paid twice, as an aggregate.
        charged: What an outside service charged for ended rows, as an aggregate.
    """

    kind: JobKind
    label: Sentence
    counted: Callable[[int], Sentence]
    word: Sentence
    also: tuple[str, ...]
    table: str
    model: str
    statuses: type[ProcessingStatusEnum]
    parent: str
    concurrency: int
    unfinished: str
    asked_again: str = ""
    since: str = "queued_at"
    version_type: VersionType | None = None
    service: str | None = None
    price: Sentence | None = None
    resubmitted: str = "0"
    charged: str = "0"
    lane: Sentence | None = None

    @property
    def lane_name(self) -> Sentence:
        """What operators call the lane, in full."""
        return self.lane or self.label

    @property
    def has_own_rows(self) -> bool:
        """Whether a row is one job and ends with it, at `completed_at`; an order goes on."""
        return self.parent != "id"

    def active(self, prefix: str = "") -> str:
        """The condition under which a row is a job that is not finished and not held.

        Args:
            prefix: Table alias with its dot, where the query needs one.
        """
        condition = f"{self.unfinished} AND {{row}}held_at IS NULL"
        if self.asked_again:
            condition = f"(({condition}) OR ({self.asked_again}))"
        return condition.format(row=prefix)

    def held(self, prefix: str = "") -> str:
        """The condition under which a row is an old job that waits for its release.

        A row that ended meanwhile is held no more.

        Args:
            prefix: Table alias with its dot, where the query needs one.
        """
        return f"{{row}}held_at IS NOT NULL AND {self.unfinished}".format(row=prefix)


def _has_not_ended(states: type[ProcessingStatusEnum]) -> str:
    claimed = states.active_states()
    values = ", ".join(f"'{state}'" for state in states if state not in claimed)
    return f"{{row}}status NOT IN ({values})"


LANES: dict[JobKind, LaneSpec] = {
    spec.kind: spec
    for spec in (
        LaneSpec(
            JobKind.INGEST,
            label=Sentence.make("Order data"),
            counted=lambda count: Sentence.make(
                "{count} order to be fetched", "{count} orders to be fetched", count=count
            ),
            word=Sentence.make("order"),
            also=("ingest", "objednavka"),
            lane=Sentence.make("Fetching orders"),
            table="orders",
            model="Order",
            statuses=OrderStatus,
            parent="id",
            concurrency=2,
            unfinished="{row}status IN ('pending', 'processing')",
            asked_again="{row}sync_requested_at IS NOT NULL AND {row}status <> 'downloading'",
            # An order that is synced again waits since it was asked for, not since it came in.
            since="CASE WHEN status IN ('pending', 'processing') "
            "THEN queued_at ELSE sync_requested_at END",
        ),
        LaneSpec(
            JobKind.DOWNLOAD,
            label=Sentence.make("Photos"),
            counted=lambda count: Sentence.make(
                "photos of {count} order", "photos of {count} orders", count=count
            ),
            word=Sentence.make("photos"),
            also=("download", "fotky"),
            lane=Sentence.make("Fetching photos"),
            table="orders",
            model="Order",
            statuses=OrderStatus,
            parent="id",
            concurrency=3,
            unfinished="{row}status = 'downloading'",
        ),
        LaneSpec(
            JobKind.COLORING,
            label=Sentence.make("Colouring"),
            counted=lambda count: Sentence.make(
                "{count} colouring", "{count} colourings", count=count
            ),
            word=Sentence.make("colouring"),
            also=("coloring", "omalovanka"),
            lane=Sentence.make("Colourings"),
            table="coloring_versions",
            model="ColoringVersion",
            statuses=ColoringProcessingStatus,
            parent="image_id",
            concurrency=3,
            unfinished=_has_not_ended(ColoringProcessingStatus),
            version_type=VersionType.COLORING,
            service="RunPod",
            price=Sentence.make("as many paid RunPod jobs"),
            resubmitted="sum(resubmissions)",
        ),
        LaneSpec(
            JobKind.SVG,
            label=Sentence.make("SVG"),
            counted=lambda count: Sentence.make("{count} SVG", "{count} SVGs", count=count),
            word=Sentence.make("svg"),
            also=(),
            lane=Sentence.make("SVGs"),
            table="svg_versions",
            model="SvgVersion",
            statuses=SvgProcessingStatus,
            parent="image_id",
            concurrency=5,
            unfinished=_has_not_ended(SvgProcessingStatus),
            version_type=VersionType.SVG,
            service="Vectorizer.ai",
            price=Sentence.make("up to as many Vectorizer.ai credits"),
            resubmitted="sum(resubmissions)",
            charged="sum(credits_charged)",
        ),
        LaneSpec(
            JobKind.BOOK,
            label=Sentence.make("Book"),
            counted=lambda count: Sentence.make("{count} book", "{count} books", count=count),
            word=Sentence.make("book"),
            also=("kniha",),
            lane=Sentence.make("Books"),
            table="books",
            model="Book",
            statuses=BookProcessingStatus,
            parent="line_item_id",
            # One is typeset at a time; the other is read or stored meanwhile.
            concurrency=2,
            unfinished=_has_not_ended(BookProcessingStatus),
        ),
    )
}
"""All lanes, in the order in which an order goes through them."""


def own_row_lanes() -> tuple[LaneSpec, ...]:
    """The lanes whose jobs are rows of their own; what ended in them is counted and listed."""
    return tuple(lane for lane in LANES.values() if lane.has_own_rows)


def file_lanes() -> tuple[LaneSpec, ...]:
    """Of these the lanes that make no versions; their rows are `FileRow`s."""
    return tuple(lane for lane in own_row_lanes() if lane.version_type is None)


def paid_lanes() -> tuple[JobKind, ...]:
    """The lanes whose jobs call services that charge for it."""
    return tuple(lane.kind for lane in LANES.values() if lane.service is not None)
