"""Columns of types of our own, as PostgreSQL keeps them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, StatementError
from ulid import ULID

from fototui.db.database import Database
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order
from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import ColoringProcessingStatus, OrderStatus
from tests.factories import make_coloring, make_order


async def test_a_ulid_goes_through_the_database_unchanged(database: Database) -> None:
    ulid = ULID()
    async with database.session() as session, session.begin():
        await make_order(session, id=ulid, line_items=0)
    async with database.session() as session:
        order = await session.get_one(Order, ulid)
        raw = await session.scalar(text("SELECT id FROM orders"))

    assert order.id == ulid
    assert isinstance(order.id, ULID)
    assert raw == ulid.to_uuid()


async def test_an_order_is_found_by_the_26_characters_of_its_ulid(database: Database) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session)
        found = await session.scalar(
            select(LineItem.title).where(LineItem.order_id == str(order.id))
        )
        assert found == order.line_items[0].title
        assert await session.scalar(select(Order).where(Order.id == str(order.id))) is order


async def test_what_is_no_ulid_is_refused_before_it_is_sent(database: Database) -> None:
    async with database.session() as session:
        with pytest.raises(StatementError) as caught:
            await session.scalar(select(Order).where(Order.id == "#1270"))
    assert not isinstance(caught.value, DBAPIError)


async def test_ulids_sort_in_the_database_as_in_python_by_time(database: Database) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    times = [start + timedelta(milliseconds=7919 * n % 1000, days=n * 37 % 50) for n in range(40)]
    ulids = [ULID.from_datetime(time) for time in times]
    async with database.session() as session:
        for ulid in ulids:
            session.add(Order(id=ulid, order_number=str(ulid)))
        await session.flush()
        stored = list(await session.scalars(select(Order.id).order_by(Order.id)))

    assert stored == sorted(ulids)
    assert [str(ulid) for ulid in stored] == sorted(map(str, ulids))
    assert [ulid.datetime for ulid in stored] == sorted(times)


async def test_a_file_reference_goes_through_unchanged_and_without_what_is_not_known(
    database: Database,
) -> None:
    reference = S3ObjectRefData(key="a/b.jpg", bucket="photos", original_filename="Žluťoučký.jpg")
    async with database.session() as session, session.begin():
        image = (await make_order(session)).line_items[0].images[0]
        image.file_ref = reference
    async with database.session() as session:
        raw = await session.scalar(text("SELECT file_ref::text FROM images"))
        stored = (await session.get_one(Image, image.id)).file_ref

    assert stored == reference
    assert raw is not None
    assert "etag" not in raw
    assert "Žluťoučký" in raw


async def test_no_file_is_written_as_an_sql_null(database: Database) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session, images=2, uploaded=False)
        first, second = order.line_items[0].images
        second.file_ref = S3ObjectRefData(key="k", bucket="b")
        await session.flush()
        second.file_ref = None
    async with database.session() as session:
        nulls = await session.scalar(text("SELECT count(*) FROM images WHERE file_ref IS NULL"))
        by_column = await session.scalar(
            select(func.count()).select_from(Image).where(Image.file_ref.is_(None))
        )

    assert (nulls, by_column) == (2, 2)
    assert first.file_ref is None


async def test_a_json_null_of_an_older_writer_reads_as_no_file(
    database: Database, image_id: int
) -> None:
    async with database.session() as session, session.begin():
        await session.execute(text("UPDATE images SET file_ref = 'null'"))
    async with database.session() as session:
        assert (await session.get_one(Image, image_id)).file_ref is None


async def test_unknown_keys_of_a_reference_are_ignored_and_half_a_reference_is_none(
    database: Database, image_id: int
) -> None:
    async with database.session() as session:
        await session.execute(
            text("""UPDATE images SET file_ref = '{"key": "k", "bucket": "b", "acl": "x"}'""")
        )
        image = await session.get_one(Image, image_id)
        assert image.file_ref == S3ObjectRefData(key="k", bucket="b")
        await session.execute(text("""UPDATE images SET file_ref = '{"key": "k"}'"""))
        await session.refresh(image)
        assert image.file_ref is None


async def test_statuses_are_their_database_strings(database: Database) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session, status=OrderStatus.DOWNLOADING)
        coloring = await make_coloring(
            session,
            order.line_items[0].images[0],
            status=ColoringProcessingStatus.RUNPOD_QUEUED,
        )
        raw = (
            await session.execute(
                text("SELECT o.status::text, c.status::text FROM orders o, coloring_versions c")
            )
        ).one()
        session.expunge_all()
        stored = await session.get_one(ColoringVersion, coloring.id)

    assert tuple(raw) == ("downloading", "runpod_queued")
    assert stored.status is ColoringProcessingStatus.RUNPOD_QUEUED


async def test_defaults_of_a_new_version(database: Database, image_id: int) -> None:
    async with database.session() as session, session.begin():
        coloring = ColoringVersion(image_id=image_id, version=1)
        session.add(coloring)
        await session.flush()
        assert coloring.status is ColoringProcessingStatus.QUEUED
        assert (coloring.megapixels, coloring.steps, coloring.attempts) == (1.0, 4, 0)
        assert coloring.created_at == coloring.queued_at
        assert coloring.created_at.tzinfo is not None
        assert isinstance(coloring.id, int)
        assert coloring.claim_token is None or isinstance(coloring.claim_token, uuid.UUID)
