"""Orders of the shop that need not be asked for again: they are here just as the shop has them.

The shop names each state of an order (`ShopOrderHead.revision`), and the name of the last one that
was taken in whole is kept with the order. That alone is not enough to leave an order out. What
failed, lacks its photos or has news announced is asked for as ever; and so is what others wrote
since: an import gives it back what the shop says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Text,
    any_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute
from ulid import ULID

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.fixed import FixedStatement
from fototui.db.models.orders import Image, LineItem, Order
from fototui.db.types import ULIDType, among, has_no_file
from fototui.domain.shop import ShopOrderHead
from fototui.domain.statuses import OrderStatus
from fototui.services.ingest.diff import head_changes

THIS_TRANSACTION: ColumnElement[int] = cast(cast(func.pg_current_xact_id(), Text), BigInteger)
_NEWEST_TRANSACTION: ColumnElement[int] = cast(
    cast(func.pg_snapshot_xmax(func.pg_current_snapshot()), Text), BigInteger
)

# Where an order stays when the shop tells the same of it once more.
_IS_AT_REST = (
    among(Order.status, [OrderStatus.DOWNLOADING, OrderStatus.READY_FOR_REVIEW])
    & Order.error_code.is_(None)
    & Order.sync_requested_at.is_(None)
)


@dataclass(frozen=True, slots=True)
class Known:
    """Which of the shop's orders are here, by Shopify's numbers.

    Args:
        here: Those that are here.
        whole: Those of which the shop has nothing to tell.
    """

    here: frozenset[int]
    whole: frozenset[int]


async def known_orders(session: TrackedAsyncSession, heads: Sequence[ShopOrderHead]) -> Known:
    """Find out what is known of orders, in one query.

    Args:
        session: A session, inside a transaction.
        heads: Orders as the shop has them now.
    """
    told = {head.shopify_id: head for head in heads}
    rows = await session.run(_KNOWN, {"numbers": list(told)})
    return Known(
        here=frozenset(row.shopify_id for row in rows),
        whole=frozenset(
            row.shopify_id
            for row in rows
            if row.revision is not None
            and row.revision == told[row.shopify_id].revision
            and not head_changes(row, told[row.shopify_id])
        ),
    )


def _written_last() -> ColumnElement[int]:
    """By which transaction an order's books, and its missing photos, were last written.

    As one number, which is read order by order: the index of when rows changed would lead through
    all that changed lately.
    """
    photo = (
        select(func.max(Image.changed_in))
        .where(
            Image.line_item_id == LineItem.id,
            has_no_file(Image.file_ref),
            _is_past(Image.changed_in),
        )
        .scalar_subquery()
    )
    book = func.max(LineItem.changed_in).filter(_is_past(LineItem.changed_in))
    return (
        select(func.coalesce(func.greatest(book, func.max(photo)), 0))
        .where(LineItem.order_id == Order.id)
        .scalar_subquery()
    )


def _is_past(changed_in: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    # A number that is still to come is of the database that this one was restored from.
    return changed_in <= _NEWEST_TRANSACTION


_KNOWN = FixedStatement(
    select(
        Order.shopify_id,
        Order.customer_email,
        Order.customer_name,
        Order.payment_status,
        Order.shipping_method,
        Order.cancelled_at,
        case(
            (
                _IS_AT_REST & Order.taken_in.between(_written_last(), _NEWEST_TRANSACTION),
                Order.shop_revision,
            )
        ).label("revision"),
    ).where(Order.shopify_id == any_(bindparam("numbers", type_=ARRAY(BigInteger))))
)


async def keep_revisions(
    session: TrackedAsyncSession, rows: Mapping[ULID, tuple[int, str]]
) -> None:
    """Write down which states are here in whole, and nothing else.

    Args:
        session: A session, inside a transaction.
        rows: For each order the transaction by which its row was last changed when it was compared,
            and the state's name. One that changed since, or that someone holds, is left alone.
    """
    if not rows:
        return
    columns = (column("id", ULIDType()), column("changed_in", BigInteger), column("revision", Text))
    told = (
        func.unnest(
            literal(list(rows), ARRAY(ULIDType)),
            literal([changed for changed, _ in rows.values()], ARRAY(BigInteger)),
            literal([revision for _, revision in rows.values()], ARRAY(Text)),
        )
        .table_valued(*columns)
        .render_derived()
    )
    free = (
        select(Order.id, told.c.revision)
        .join(told, (told.c.id == Order.id) & (told.c.changed_in == Order.changed_in))
        .with_for_update(of=Order, key_share=True, skip_locked=True)
        .cte("free")
    )
    await session.execute(
        update(Order)
        .where(
            Order.id == free.c.id,
            # One at rest was asked for because of what others wrote, and it is whole again.
            Order.shop_revision.is_distinct_from(free.c.revision) | _IS_AT_REST,
        )
        # It is no news of the order, so its own time stays.
        .values(
            shop_revision=free.c.revision,
            taken_in=THIS_TRANSACTION,
            updated_at=Order.updated_at,
        ),
        execution_options={"synchronize_session": False},
    )
