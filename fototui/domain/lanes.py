"""The lanes: what every part of the program needs to know of a kind of job, each said once.

Lists, statistics, metrics, indexes, settings and the engine read it here. How the jobs are done
stands in `engine/pipelines/`.
"""

from dataclasses import dataclass

from fototui.domain.sentences import Sentence
from fototui.domain.statuses import PROCESSING_STATUS, JobKind, VersionType


@dataclass(frozen=True, slots=True)
class LaneSpec:
    """One kind of job.

    Conditions are SQL made of constants, because a query uses a partial index only where it states
    the index's own condition. `{row}` is put in place of the row's alias with its dot.

    Args:
        kind: The kind.
        label: What operators call it.
        table: Where its rows stand.
        concurrency: Jobs at once in one engine, where ENGINE_CONCURRENCY says nothing else.
        unfinished: Of which status a row is that has not reached its end.
        asked_again: A further condition under which a row is a job, finished or not.
        since: Since when a row waits.
        version_type: The versions that its rows are; None where they are not versions.
        charged: What an outside service charged for ended rows, as an aggregate.
    """

    kind: JobKind
    label: Sentence
    table: str
    concurrency: int
    unfinished: str
    asked_again: str = ""
    since: str = "queued_at"
    version_type: VersionType | None = None
    charged: str = "0"

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


def _has_not_ended(version_type: VersionType) -> str:
    states = PROCESSING_STATUS[version_type]
    claimed = states.active_states()
    values = ", ".join(f"'{state}'" for state in states if state not in claimed)
    return f"{{row}}status NOT IN ({values})"


LANES: dict[JobKind, LaneSpec] = {
    spec.kind: spec
    for spec in (
        LaneSpec(
            JobKind.INGEST,
            label=Sentence.make("Order data"),
            table="orders",
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
            table="orders",
            concurrency=3,
            unfinished="{row}status = 'downloading'",
        ),
        LaneSpec(
            JobKind.COLORING,
            label=Sentence.make("Colouring"),
            table="coloring_versions",
            concurrency=3,
            unfinished=_has_not_ended(VersionType.COLORING),
            version_type=VersionType.COLORING,
        ),
        LaneSpec(
            JobKind.SVG,
            label=Sentence.make("SVG"),
            table="svg_versions",
            concurrency=5,
            unfinished=_has_not_ended(VersionType.SVG),
            version_type=VersionType.SVG,
            charged="sum(credits_charged)",
        ),
    )
}
"""All lanes, in the order in which an order goes through them."""

VERSION_LANES = tuple(kind for kind in JobKind if LANES[kind].version_type is not None)
"""The lanes whose jobs are versions."""
