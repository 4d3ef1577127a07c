"""The live events: what they hold, where they go, and what makes them.

Wire format is JSON. The declarations here are complete: a tracker that knows which columns of which
table changed can tell from them which events to send, and with which fields.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from fototui.domain.lanes import file_lanes, own_row_lanes
from fototui.domain.statuses import PROCESSING_STATUS, VersionType


class MercureEventType(StrEnum):
    """The `type` field of an event."""

    LIST_UPDATE = "list_update"
    ORDER_UPDATE = "order_update"
    IMAGE_UPDATE = "image_update"
    IMAGE_STATUS = "image_status"


class BaseMercureEvent(BaseModel, ABC):
    """What every event can do."""

    # Most commands make none: each is built when its first is.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    @abstractmethod
    def get_topics(self) -> list[str]:
        """Topics that the event is published on."""

    @abstractmethod
    def identity_key(self) -> tuple[str | int, ...]:
        """What the event speaks of: of several with one key in one commit, the last is sent."""

    def subject(self) -> tuple[str | int, ...] | None:
        """What it tells all of: of several that wait for the hub, the last is sent.

        None where each has something of its own to tell.
        """
        return None


class Operation(StrEnum):
    """What happened to a row."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Change:
    """One row that one transaction changed.

    Args:
        model: Model name, for instance "ColoringVersion".
        key: The row's primary key.
        operation: What happened to it.
        fields: Changed columns with their new values; for an insert the columns that were set.
    """

    model: str
    key: int | str
    operation: Operation
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChangeContext:
    """What a changed row belongs to.

    Args:
        order_id: ULID of its order.
        image_id: Its image, where it belongs to one.
    """

    order_id: str
    image_id: int | None = None


class MercureEvent(BaseMercureEvent):
    """An event about one entity, made out of a change of one row.

    Attributes:
        trigger_fields: Model name → columns whose change may make this event.
        required_context: What must be known of the changed row to make it.
    """

    trigger_fields: ClassVar[Mapping[str, frozenset[str]]]
    required_context: ClassVar[frozenset[str]] = frozenset({"order_id"})

    order_id: str

    @model_validator(mode="before")
    @classmethod
    def _accept_order_number(cls, data: object) -> object:
        # An older publisher names the order by its number, without "#".
        if isinstance(data, dict) and "order_id" not in data and "order_number" in data:
            return {**data, "order_id": data["order_number"]}
        return data

    @classmethod
    def is_triggered_by(cls, change: Change) -> bool:
        """Whether a change makes this event."""
        return not cls.trigger_fields.get(change.model, frozenset()).isdisjoint(change.fields)

    @classmethod
    @abstractmethod
    def from_change(cls, change: Change, context: ChangeContext) -> Self:
        """Make the event out of a change that triggers it."""

    def get_topics(self) -> list[str]:
        """The topic of the event's order."""
        return [f"orders/{self.order_id}"]

    def subject(self) -> tuple[str | int, ...] | None:
        """What it speaks of: readers fetch that, or are told its present state."""
        return self.identity_key()


class BatchMercureEvent(BaseMercureEvent):
    """An event made out of other events of the same commit.

    Attributes:
        collect_events: The events it is made of.
    """

    collect_events: ClassVar[tuple[type[MercureEvent], ...]]

    @classmethod
    def is_triggered_by(cls, change: Change) -> bool:
        """Whether a change makes a batch event that speaks of everything."""
        return False

    @classmethod
    @abstractmethod
    def from_collected(cls, events: Iterable[MercureEvent], *, everything: bool) -> Self | None:
        """Make the event.

        Args:
            events: Events of the commit, of the collected types only.
            everything: Some change of the commit touches everything (`is_triggered_by`).

        Returns:
            The event, or None where there is nothing to say.
        """


_STATUS_TYPES = {lane.model: lane.version_type for lane in own_row_lanes() if lane.version_type}
_VERSION_STATUS = {model: frozenset({"status"}) for model in _STATUS_TYPES}


def _reached_end(change: Change) -> bool:
    status = change.fields.get("status")
    final = PROCESSING_STATUS[_STATUS_TYPES[change.model]].final_states()
    return isinstance(status, str) and status in final


class OrderUpdateEvent(MercureEvent):
    """An order's data changed, or a book of it moved on; readers refresh that order."""

    trigger_fields = {
        "Order": frozenset(
            {
                "status",
                "order_number",
                "shopify_id",
                "shopify_order_number",
                "customer_email",
                "customer_name",
                "payment_status",
                "shipping_method",
                "urgent_at",
                "cancelled_at",
                "finished_at",
                "customer_note",
            }
        ),
        "LineItem": frozenset({"title", "quantity", "dedication", "layout", "position"}),
        **{lane.model: frozenset({"status"}) for lane in file_lanes()},
    }

    type: Literal[MercureEventType.ORDER_UPDATE] = MercureEventType.ORDER_UPDATE

    @classmethod
    def is_triggered_by(cls, change: Change) -> bool:
        """Changed data; an order's coming and going is the list's business."""
        is_new_order = change.model == "Order" and change.operation is Operation.INSERT
        return not is_new_order and super().is_triggered_by(change)

    @classmethod
    def from_change(cls, change: Change, context: ChangeContext) -> Self:
        """Make the event."""
        return cls(order_id=context.order_id)

    def identity_key(self) -> tuple[str | int, ...]:
        """One per order."""
        return (self.type, self.order_id)


class ImageUpdateEvent(MercureEvent):
    """Something about an image changed that a badge does not tell; readers refresh that image."""

    trigger_fields = {
        "Image": frozenset(
            {
                "selected_coloring_id",
                "selected_svg_id",
                # An operator may choose what was chosen by its completion.
                "coloring_chosen_at",
                "svg_chosen_at",
                "file_ref",
                "uploaded_at",
            }
        ),
        "Review": frozenset({"decision"}),
        **_VERSION_STATUS,
    }
    required_context = frozenset({"order_id", "image_id"})

    type: Literal[MercureEventType.IMAGE_UPDATE] = MercureEventType.IMAGE_UPDATE
    image_id: int

    @classmethod
    def is_triggered_by(cls, change: Change) -> bool:
        """A version was created or reached its end; a choice or judgement; a photo arrived."""
        if not super().is_triggered_by(change):
            return False
        is_version = change.model in _STATUS_TYPES
        return not is_version or change.operation is Operation.INSERT or _reached_end(change)

    @classmethod
    def from_change(cls, change: Change, context: ChangeContext) -> Self:
        """Make the event."""
        assert context.image_id is not None
        return cls(order_id=context.order_id, image_id=context.image_id)

    def identity_key(self) -> tuple[str | int, ...]:
        """One per image."""
        return (self.type, self.image_id)


class ImageStatusEvent(MercureEvent):
    """A version moved on; readers repaint that badge from the event itself."""

    trigger_fields = _VERSION_STATUS
    required_context = frozenset({"order_id", "image_id"})

    type: Literal[MercureEventType.IMAGE_STATUS] = MercureEventType.IMAGE_STATUS
    image_id: int
    status_type: VersionType
    version_id: int
    status: str

    @classmethod
    def is_triggered_by(cls, change: Change) -> bool:
        """Any step on a version's way but its first and its last."""
        return (
            super().is_triggered_by(change)
            and change.operation is Operation.UPDATE
            and not _reached_end(change)
        )

    @classmethod
    def from_change(cls, change: Change, context: ChangeContext) -> Self:
        """Make the event."""
        assert context.image_id is not None
        return cls(
            order_id=context.order_id,
            image_id=context.image_id,
            status_type=_STATUS_TYPES[change.model],
            version_id=int(change.key),
            status=str(change.fields["status"]),
        )

    def identity_key(self) -> tuple[str | int, ...]:
        """One per version."""
        return (self.type, self.status_type, self.version_id)


class ListUpdateEvent(BatchMercureEvent):
    """The list of orders changed.

    Args:
        order_ids: Orders to refresh, sorted; empty where anything may have changed.
    """

    collect_events = (OrderUpdateEvent,)

    type: Literal[MercureEventType.LIST_UPDATE] = MercureEventType.LIST_UPDATE
    order_ids: tuple[str, ...] = ()

    def get_topics(self) -> list[str]:
        """The topic of the list."""
        return ["orders"]

    def identity_key(self) -> tuple[str | int, ...]:
        """One in all."""
        return (self.type,)

    @classmethod
    def is_triggered_by(cls, change: Change) -> bool:
        """Orders came or went: no list of ids can tell a reader where they belong."""
        return change.model == "Order" and change.operation is not Operation.UPDATE

    @classmethod
    def from_collected(cls, events: Iterable[MercureEvent], *, everything: bool) -> Self | None:
        """One event with all the orders, each once."""
        if everything:
            return cls()
        ids = sorted({event.order_id for event in events})
        return cls(order_ids=tuple(ids)) if ids else None


Event = ListUpdateEvent | OrderUpdateEvent | ImageUpdateEvent | ImageStatusEvent

EVENT_REGISTRY: Mapping[
    MercureEventType, type[OrderUpdateEvent] | type[ImageUpdateEvent] | type[ImageStatusEvent]
] = {
    MercureEventType.ORDER_UPDATE: OrderUpdateEvent,
    MercureEventType.IMAGE_UPDATE: ImageUpdateEvent,
    MercureEventType.IMAGE_STATUS: ImageStatusEvent,
}
BATCH_EVENT_REGISTRY: Mapping[MercureEventType, type[ListUpdateEvent]] = {
    MercureEventType.LIST_UPDATE: ListUpdateEvent,
}


def parse_event(data: str) -> Event | None:
    """Read an event off the wire.

    Args:
        data: The `data` field: JSON.

    Returns:
        The event; None where it is no JSON, of an unknown type, or lacks what the type needs: a
        newer publisher must not stop an older reader.
    """
    try:
        body = json.loads(data)
        name = MercureEventType(body["type"])
        kind = EVENT_REGISTRY.get(name) or BATCH_EVENT_REGISTRY[name]
        return kind.model_validate(body)
    except (ValueError, TypeError, LookupError, ValidationError, RecursionError):
        return None
