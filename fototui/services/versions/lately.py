"""What is known of options before one chooses: how long they took lately, what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import text

from fototui.db.events.session import TrackedAsyncSession
from fototui.domain.costs import CallOutcome, Spent
from fototui.domain.errors import InvalidInputError
from fototui.domain.options import ColoringOptions, GroupBy, ShapeStacking, SvgOptions
from fototui.domain.statuses import VersionType

Options = ColoringOptions | SvgOptions


@dataclass(frozen=True, slots=True)
class Taken:
    """What a call with some options took lately, on the average.

    Args:
        calls: Of how many.
        seconds: How long the service worked on it.
        spent: What is paid for.
    """

    calls: int
    seconds: float
    spent: Spent


@dataclass(frozen=True, slots=True)
class Known:
    """What is known before options are chosen.

    Args:
        lately: What calls took, by their options.
        note: What somebody said is wrong with the picture; None where nobody did.
    """

    lately: Mapping[Options, Taken] = field(default_factory=dict)
    note: str | None = None


class LatelyService:
    """Reads it, in two round trips of an autocommit session.

    Args:
        session: A session with no transaction under way.
        operator: Not used; services are all made alike.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        del operator
        self._session = session

    async def known(self, kind: VersionType, image_id: int) -> Known:
        """What is known of a kind's options, and of a picture.

        Args:
            kind: Colouring or SVG.
            image_id: The picture.
        """
        async with self._session.begin():
            rows = (await self._session.execute(_LATELY, {"kind": str(kind)})).all()
        async with self._session.begin():
            picture = {"kind": str(kind), "image_id": image_id}
            note = await self._session.scalar(_NOTE, picture)
        lately = {}
        for options, calls, seconds, milliseconds, charged in rows:
            if (chosen := _options(kind, options)) is not None:
                spent = Spent(
                    calls=1, execution_ms=int(milliseconds or 0), credits=float(charged or 0)
                )
                lately[chosen] = Taken(calls, float(seconds), spent)
        return Known(lately, note)


# The last calls only: what they take changes with the service, and the question costs the same.
_LATELY = text(f"""
    SELECT options, count(*),
        avg(coalesce(execution_ms / 1000.0, extract(epoch FROM ended_at - began_at))),
        avg(execution_ms), avg(credits)
    FROM (
        SELECT * FROM calls
        WHERE kind = :kind AND outcome = '{CallOutcome.COMPLETED}' AND ended_at IS NOT NULL
            AND began_at > now() - interval '30 days'
        ORDER BY began_at DESC LIMIT 500
    ) AS late
    WHERE options IS NOT NULL
    GROUP BY options
""")  # noqa: S608 - made of constants only
_NOTE = text("SELECT note FROM reviews WHERE image_id = :image_id AND kind = :kind")


def _options(kind: VersionType, stored: Mapping[str, object]) -> Options | None:
    """Options as a call keeps them; None where another program wrote others."""
    try:
        if kind is VersionType.COLORING:
            return ColoringOptions.stored(
                float(str(stored["megapixels"])), int(str(stored["steps"]))
            )
        return SvgOptions(
            ShapeStacking(str(stored["shape_stacking"])), GroupBy(str(stored["group_by"]))
        )
    except (KeyError, ValueError, InvalidInputError):
        return None
