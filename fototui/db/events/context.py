"""Find out to which order and image a changed row belongs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, inspect, null, select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.orm.util import identity_key

from fototui.db.base import Base
from fototui.db.models.columns import FileRow
from fototui.db.models.orders import ColoringVersion, Image, LineItem, SvgVersion
from fototui.db.models.reviews import Review
from fototui.db.types import among
from fototui.domain.events import Change, ChangeContext

RowKey = tuple[str, int | str]
"""Model name and primary key."""

# Any: keys are of several types, and nothing here looks into them.
_Key = InstrumentedAttribute[Any]


@dataclass(frozen=True, slots=True)
class ContextResolver:
    """The way from a row of one model up to its order.

    Args:
        model: The model; its primary key is called `id`.
        parent_key: Its foreign key on the way to the order.
        image_key: Its column that names the image; None where it belongs to none.
        parent: How it goes on from there; None where that key is the order's.
    """

    model: type[Base]
    parent_key: _Key
    image_key: _Key | None = None
    parent: ContextResolver | None = None

    def climb(self, session: Session, key: object) -> ChangeContext | None:
        """Go up through rows that the session holds in memory, without a query.

        Args:
            session: The session.
            key: Primary key of the row.

        Returns:
            What the row belongs to; None where a row on the way is not in memory.
        """
        row = session.identity_map.get(identity_key(self.model, key))
        # The plain dict, because looking must load nothing.
        values = {} if row is None else vars(row)
        if (parent_key := values.get(self.parent_key.key)) is None:
            return None
        if self.parent is None:
            return ChangeContext(order_id=str(parent_key))
        context = self.parent.climb(session, parent_key)
        image_id = None if self.image_key is None else values.get(self.image_key.key)
        return context and replace(context, image_id=image_id)

    def statement(self, keys: list[int | str]) -> Select[Any]:
        """One query for many rows.

        Args:
            keys: Primary keys of the rows.

        Returns:
            A select of primary key, image (null where there is none) and order.
        """
        joins: list[tuple[type[Base], ColumnElement[bool]]] = []
        way = self
        while way.parent is not None:
            above = way.parent
            joins.append((above.model, way.parent_key == inspect(above.model).primary_key[0]))
            way = above
        key = inspect(self.model).primary_key[0]
        image = null() if self.image_key is None else self.image_key
        statement = select(key, image, way.parent_key)
        for target, condition in joins:
            statement = statement.join(target, condition)
        return statement.where(among(key, keys))


_LINE_ITEM = ContextResolver(LineItem, LineItem.order_id)
_IMAGE = ContextResolver(Image, Image.line_item_id, Image.id, _LINE_ITEM)

RESOLVERS: Mapping[str, ContextResolver] = {
    "LineItem": _LINE_ITEM,
    **{
        model.__name__: ContextResolver(model, model.order_id) for model in FileRow.__subclasses__()
    },
    "Image": _IMAGE,
    "ColoringVersion": ContextResolver(
        ColoringVersion, ColoringVersion.image_id, ColoringVersion.image_id, _IMAGE
    ),
    "SvgVersion": ContextResolver(SvgVersion, SvgVersion.image_id, SvgVersion.image_id, _IMAGE),
    # Named by its image alone: a judgement of either kind is news of that image.
    "Review": ContextResolver(Review, Review.image_id, Review.image_id, _IMAGE),
}
"""Model name → the way to its order; an order needs none."""


def resolve(
    session: Session, changes: Iterable[Change], hints: Mapping[RowKey, ChangeContext]
) -> dict[RowKey, ChangeContext]:
    """Find what changed rows belong to, by at most one query per model.

    Args:
        session: The session that changed them, inside its transaction.
        changes: The changes.
        hints: What is known already. It saves the query; rows in memory speak before it.

    Returns:
        What was found. A row that is gone, or was never there, is missing from it.
    """
    found: dict[RowKey, ChangeContext] = {}
    missing: dict[str, set[int | str]] = {}
    for change in changes:
        row = (change.model, change.key)
        if change.model == "Order":
            found[row] = ChangeContext(order_id=str(change.key))
            continue
        resolver, hint = RESOLVERS[change.model], hints.get(row)
        if context := resolver.climb(session, change.key):
            found[row] = context
        elif hint and (hint.image_id is not None or resolver.image_key is None):
            found[row] = hint
        else:
            missing.setdefault(change.model, set()).add(change.key)
    for model, keys in missing.items():
        for key, image_id, order_id in session.execute(RESOLVERS[model].statement(list(keys))):
            found[model, key] = ChangeContext(order_id=str(order_id), image_id=image_id)
    return found
