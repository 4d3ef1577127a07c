"""Finding orders by words in number, name, e-mail address, note and dedications.

A word that many orders have is found among the newest. One that few have is found by an index of
the three letters in a row that texts have. So the cost is bounded, whatever is searched for; only a
word of two letters that hardly any order has is looked for in all texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    SQLColumnExpression,
    Text,
    bindparam,
    func,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from ulid import ULID

from fototui.db.models.many import OrderText
from fototui.db.models.orders import Order
from fototui.domain.text import clean_line, folded

_GRAM = 3
_NEAR = 5_000
"""So many of the newest are looked at, whatever their words."""

_PLACE = (OrderText.created_at, OrderText.order_id)


def words_of(search: str | None) -> list[str]:
    """The words of a text, as they are compared: neither case nor accents count.

    Args:
        search: The text.
    """
    return folded(clean_line(search or "")).split()


def has_words(told: SQLColumnExpression[str], words: Iterable[str]) -> list[ColumnElement[bool]]:
    """The conditions that a text has all words.

    Args:
        told: The text, as `OrderText` keeps it.
        words: From `words_of`.
    """
    return [told.contains(word, autoescape=True) for word in words]


def done_orders(search: str | None) -> Select[Order]:
    """Orders that are done, with all words of a text.

    Args:
        search: The text.
    """
    done = select(Order).where(Order.finished_at.is_not(None))
    if words := words_of(search):
        done = done.join(OrderText, OrderText.order_id == Order.id)
        done = done.where(*has_words(OrderText.told, words))
    return done


def newest_with(
    words: Sequence[str],
    most: int,
    *,
    before: tuple[datetime, ULID] | None = None,
    conditions: Sequence[ColumnElement[bool]] = (),
) -> CompoundSelect[ULID]:
    """The ids of the newest orders that have all words.

    Args:
        words: From `words_of`; at least one.
        most: So many are wanted.
        before: Only orders older than the one that was placed then and has that id.
        conditions: Only orders for which these hold.
    """
    texts = select(OrderText.order_id, OrderText.created_at, OrderText.told)
    if before is not None:
        end = tuple_(*before, types=[column.type for column in _PLACE])
        texts = texts.where(tuple_(*_PLACE) < end)
    newest = texts.order_by(*(column.desc() for column in _PLACE)).limit(_NEAR)
    near = _hits(newest.subquery("newest"), words, most, conditions).cte("near")
    if grams := {word[at : at + _GRAM] for word in words for at in range(len(word) - _GRAM + 1)}:
        wanted = bindparam(None, sorted(grams), type_=ARRAY(Text))
        texts = texts.where(func.fototui_grams(OrderText.told, type_=ARRAY(Text)).contains(wanted))
    # PostgreSQL does not begin with these where those are enough.
    are_few = select(func.count() < most).select_from(near).scalar_subquery()
    far = _hits(texts.where(are_few).subquery("all"), words, most, conditions).subquery("far")
    return union_all(select(near.c.order_id), select(far.c.order_id))


def _hits(
    texts: FromClause, words: Sequence[str], most: int, conditions: Sequence[ColumnElement[bool]]
) -> Select[ULID, datetime]:
    hits = select(texts.c.order_id, texts.c.created_at).where(*has_words(texts.c.told, words))
    if conditions:
        # One by one, by their key: joined otherwise, all orders might be read for it.
        order = select(Order.id).where(Order.id == texts.c.order_id, *conditions).limit(1)
        hits = hits.join(order.lateral(), true())
    return hits.order_by(texts.c.created_at.desc(), texts.c.order_id.desc()).limit(most)
