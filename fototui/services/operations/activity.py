"""The activity log: who did what when."""

from enum import StrEnum

from sqlalchemy import select
from ulid import ULID

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.operations import Activity
from fototui.db.models.orders import Image, LineItem, Order
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind, VersionType
from fototui.services.orders.refs import is_order
from fototui.services.views import stored
from fototui.services.views.operations import ActivityEntry


class ActivityAction(StrEnum):
    """What can be done."""

    ORDER_CREATED = "order_created"
    IMPORTED = "imported"
    """The order came from the shop."""
    UPDATED = "updated"
    """The shop told of news in the order."""
    DOWNLOADED = "downloaded"
    """All its photos are there; written by engines."""
    PHOTO_ATTACHED = "photo_attached"
    """An operator brought a photo."""
    REQUESTED = "requested"
    RETRIED = "retried"
    SELECTED = "selected"
    TAKEN_BACK = "taken_back"
    """The choice of a version was undone."""
    CANCELLED = "cancelled"
    PUT_FIRST = "put_first"
    """The order goes before others."""
    PUT_BACK = "reschedule"
    """The order goes before others no more."""
    FINISHED = "finished"
    """The order was handed over."""
    REOPENED = "reopened"
    """The order came back after it was finished."""
    CUSTOMER_ASKED = "customer_asked"
    """The order waits for its customer."""
    CUSTOMER_ANSWERED = "customer_answered"
    NOTED = "noted"
    """Set aside in the review, with a note."""
    FAILED = "failed"
    """Written by engines."""
    LANE_PAUSED = "lane_paused"
    LANE_RESUMED = "lane_resumed"
    ENGINE_PAUSED = "engine_paused"
    ENGINE_RESUMED = "engine_resumed"


class ActivityService:
    """Writes and reads the log.

    Args:
        session: The session; entries are part of its transaction.
        operator: Who acts.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session
        self.operator = operator

    def add(
        self,
        action: ActivityAction,
        *,
        order_id: ULID | None = None,
        image_id: int | None = None,
        version_type: VersionType | JobKind | None = None,
        version_id: int | None = None,
        detail: str | Sentence | None = None,
    ) -> None:
        """Add an entry, which is written with the transaction under way and is lost with it.

        Args:
            action: What was done.
            order_id: The order it was done to.
            image_id: The image.
            version_type: The kind of version, or the lane.
            version_id: The version.
            detail: More in words; a text is taken as it stands, an operator's for instance.
        """
        columns = entry_columns(self.operator, action, order_id=order_id, detail=detail)
        entry = Activity(**columns)
        entry.image_id, entry.version_type, entry.version_id = image_id, version_type, version_id
        self.session.add(entry)

    async def who_chose(self, kind: VersionType, version_id: int, order_id: ULID) -> str | None:
        """The operator who last chose a version.

        Args:
            kind: The version's kind.
            version_id: The version.
            order_id: Its order.

        Returns:
            Their name; None where no operator did.
        """
        return await self.session.scalar(
            select(Activity.operator)
            .where(
                Activity.order_id == order_id,
                Activity.action == ActivityAction.SELECTED,
                Activity.version_type == kind,
                Activity.version_id == version_id,
            )
            .order_by(Activity.id.desc())
            .limit(1)
        )

    async def list_entries(
        self,
        *,
        order_ref: str | None = None,
        operator: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> tuple[ActivityEntry, ...]:
        """Read the log, newest first.

        Args:
            order_ref: Only of this order, by its number or ULID.
            operator: Only of this operator.
            before: Only entries older than the one with this id: the last of the page before.
            limit: Most entries.

        Returns:
            The entries.
        """
        statement = (
            select(Activity, Order.order_number, LineItem.position, Image.position)
            .outerjoin(Order, Order.id == Activity.order_id)
            .outerjoin(Image, Image.id == Activity.image_id)
            .outerjoin(LineItem, LineItem.id == Image.line_item_id)
            .order_by(Activity.id.desc())
            .limit(limit)
        )
        if order_ref is not None:
            statement = statement.where(is_order(order_ref))
        if operator is not None:
            statement = statement.where(Activity.operator == operator)
        if before is not None:
            statement = statement.where(Activity.id < before)
        async with self.session.begin():
            rows = (await self.session.execute(statement)).all()
            return tuple(_entry(*row) for row in rows)


def _entry(
    activity: Activity,
    order_number: str | None,
    item_position: int | None,
    image_position: int | None,
) -> ActivityEntry:
    return ActivityEntry(
        id=activity.id,
        at=activity.at,
        operator=activity.operator,
        action=activity.action,
        order_id=None if activity.order_id is None else str(activity.order_id),
        order_number=order_number,
        image_id=activity.image_id,
        version_type=activity.version_type,
        version_id=activity.version_id,
        detail=stored(activity.detail, activity.detail_words),
        item_position=item_position,
        image_position=image_position,
    )


def entry_columns(
    operator: str,
    action: ActivityAction,
    *,
    order_id: ULID | None,
    detail: str | Sentence | None = None,
) -> dict[str, object]:
    """The columns of an entry about an order.

    Args:
        operator: Who acts.
        action: What was done.
        order_id: The order it was done to.
        detail: As in `ActivityService.add`.
    """
    words = Sentence.plain(detail) if isinstance(detail, str) else detail
    return {
        "operator": operator,
        "action": action,
        "order_id": order_id,
        "detail": None if words is None else str(words),
        "detail_words": words,
    }
