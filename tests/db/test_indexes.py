"""Finding the few active rows costs the same whatever the number of finished ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from fototui.db.database import Database
from fototui.db.models.orders import VERSION_MODEL, active_predicate
from fototui.domain.statuses import PROCESSING_STATUS, JobKind, OrderStatus, VersionType
from fototui.engine.jobs.claims import has_free, has_orphans, has_suspects, has_unfinished
from fototui.engine.jobs.job import VersionJob
from fototui.engine.jobs.table import JobTable
from fototui.engine.jobs.versions import COLORINGS, SVGS

FINISHED = 10_000


async def _plan(session: AsyncSession, query: str) -> list[dict[str, Any]]:  # Any: JSON
    """The nodes of a query's plan, as executed."""
    found = await session.scalar(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}"))
    top = json.loads(found) if isinstance(found, str) else found
    nodes, rest = [], [top[0]["Plan"]]
    while rest:
        node = rest.pop()
        nodes.append(node)
        rest += node.get("Plans", [])
    return nodes


async def _fill(session: AsyncSession, kind: VersionType, image_id: int) -> None:
    """Many finished versions of an image, and one in each active status."""
    statuses = PROCESSING_STATUS[kind]
    final = ", ".join(f"'{status}'" for status in sorted(statuses.final_states()))
    table = VERSION_MODEL[kind].__tablename__
    own, value = {
        VersionType.COLORING: (", created_at, megapixels, steps", ", now(), 1, 4"),
        VersionType.SVG: (
            ", created_at, coloring_version_id, shape_stacking, group_by",
            ", now(), 1, 'stacked', 'color'",
        ),
    }[kind]
    if kind is VersionType.SVG:
        await session.execute(
            text(
                "INSERT INTO coloring_versions (id, image_id, version, status, megapixels, steps, "
                f"created_at) VALUES (1, {image_id}, 1, 'completed', 1, 4, now())"
            )
        )
    await session.execute(
        text(
            f"INSERT INTO {table} (image_id, version, status, queued_at{own}) "
            f"SELECT {image_id}, n, (ARRAY[{final}])[1 + n % {len(statuses.final_states())}]"
            f"::{kind}processingstatus, now() - n * interval '1 s'{value} "
            f"FROM generate_series(2, {FINISHED + 1}) n"
        )
    )
    for place, status in enumerate(sorted(statuses.active_states()), FINISHED + 2):
        await session.execute(
            text(
                f"INSERT INTO {table} (image_id, version, status{own}) "
                f"VALUES ({image_id}, {place}, '{status}'{value})"
            )
        )


def test_what_may_be_claimed_is_said_in_the_words_of_the_indexes_that_shops_have() -> None:
    assert {kind: active_predicate(kind) for kind in JobKind} == {
        "coloring": "status NOT IN ('completed', 'error', 'runpod_cancelled') AND held_at IS NULL",
        "svg": "status NOT IN ('completed', 'error') AND held_at IS NULL",
        "ingest": "((status IN ('pending', 'processing') AND held_at IS NULL) "
        "OR (sync_requested_at IS NOT NULL AND status <> 'downloading'))",
        "download": "status = 'downloading' AND held_at IS NULL",
        "book": "status NOT IN ('completed', 'error') AND held_at IS NULL",
    }
    assert OrderStatus.active_states() == {"pending", "processing", "downloading"}


@pytest.mark.parametrize("kind", list(VersionType))
async def test_active_rows_are_found_by_their_partial_index(
    database: Database, image_id: int, kind: VersionType
) -> None:
    table = VERSION_MODEL[kind].__tablename__
    index = f"ix_{table}_turn"
    of_active_rows = {f"ix_{table}_{name}" for name in ("active", "turn", "order")}
    claim = (
        f"SELECT v.id FROM {table} v WHERE {active_predicate(kind, 'v.')} "
        "ORDER BY v.urgent DESC, v.turn, v.queued_at, v.id LIMIT 4 FOR NO KEY UPDATE SKIP LOCKED"
    )
    count = f"SELECT count(*) FROM {table} WHERE {active_predicate(kind)}"
    active = len(PROCESSING_STATUS[kind].active_states())
    async with database.session() as session:
        await _fill(session, kind, image_id)
        # A claim does not even need statistics; these come some time after many rows were written.
        for prepare, queries in (("SELECT 1", [claim]), (f"ANALYZE {table}", [claim, count])):
            await session.execute(text(prepare))
            for query in queries:
                nodes = await _plan(session, query)
                assert "Seq Scan" not in {node["Node Type"] for node in nodes}, query
                used = {node["Index Name"] for node in nodes if "Index Name" in node}
                assert used == {index} or (query is count and used < of_active_rows), query
                assert all(node["Actual Rows"] <= active for node in nodes), query
        pages = await session.scalar(
            text("SELECT relpages FROM pg_class WHERE relname = :name"), {"name": index}
        )
        assert await session.scalar(text(count)) == active

    # Only active rows are in it: a page for its head, and one for them.
    assert pages == 2


@pytest.mark.parametrize("jobs", [COLORINGS, SVGS], ids=["coloring", "svg"])
async def test_an_engines_look_reads_no_finished_rows(
    database: Database, image_id: int, jobs: JobTable[VersionJob]
) -> None:
    active = len(PROCESSING_STATUS[VersionType(jobs.kind)].active_states())
    async with database.session() as session:
        await _fill(session, VersionType(jobs.kind), image_id)
        await session.execute(text(f"ANALYZE {jobs.name}"))
        for asked in (has_free, has_suspects, has_unfinished, has_orphans):
            condition = asked(jobs).replace(":engine", "gen_random_uuid()").replace(":age", "15")
            nodes = await _plan(session, f"SELECT {condition}")
            looked_at = [node for node in nodes if node.get("Relation Name") == jobs.name]
            assert looked_at, condition
            for node in looked_at:
                assert "Index Name" in node, condition
                read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                assert read <= active, condition


async def test_the_newest_orders_are_read_by_their_index(database: Database) -> None:
    async with database.session() as session:
        await session.execute(
            text(
                "INSERT INTO orders (id, order_number, status, created_at, updated_at) "
                "SELECT gen_random_uuid(), '#' || n, 'ready_for_review', "
                "now() - n * interval '1 min', now() FROM generate_series(1, 5000) n"
            )
        )
        await session.execute(text("ANALYZE orders"))
        nodes = await _plan(
            session, "SELECT * FROM orders ORDER BY created_at DESC, id DESC LIMIT 50"
        )

    assert [node["Node Type"] for node in nodes] == ["Limit", "Index Scan"]
    assert nodes[1]["Index Name"] == "ix_orders_newest"


async def test_an_svgs_coloring_is_found_by_its_index(database: Database, image_id: int) -> None:
    async with database.session() as session:
        await _fill(session, VersionType.SVG, image_id)
        await session.execute(text("ANALYZE svg_versions"))
        nodes = await _plan(session, "SELECT 1 FROM svg_versions WHERE coloring_version_id = 2")

    names = {node.get("Index Name") for node in nodes}
    assert "ix_svg_versions_coloring_version_id" in names
