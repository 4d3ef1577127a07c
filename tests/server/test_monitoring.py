"""Health, readiness and metrics."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import text

from fototui.db.database import Database
from fototui.domain.costs import Prices
from fototui.domain.events import ListUpdateEvent
from fototui.domain.stages import Stage
from fototui.domain.statuses import JobKind, OrderStatus
from fototui.engine.observer import AttemptOutcome, EngineObserver
from fototui.mercure.publisher import MercurePublishService
from fototui.net.asgi import serving
from fototui.server.app import create_server
from fototui.server.context import ServerContext
from fototui.server.health import Health
from fototui.server.metrics import ServerMetrics
from fototui.services.operations.stats import StatsService
from fototui.storage.directory import DirectoryStorage
from tests.factories import make_call
from tests.server.conftest import Finished, MakeOrder, with_parts
from tests.waiting import PATIENCE

Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]


def samples(metrics: str) -> Samples:
    """All samples, by name and labels."""
    found: Samples = {}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def value(found: Samples, name: str, **labels: str) -> float | None:
    return found.get(f"fototui_{name}", {}).get(tuple(sorted(labels.items())))


# --- readiness ---------------------------------------------------------------------------------


async def test_ready_is_what_has_database_schema_and_storage(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/readyz")
    assert answer.status_code == 200
    checks = {"database": "ok", "migrations": "ok", "storage": "ok"}
    assert answer.json() == {"ready": True, "checks": checks}


async def test_alive_looks_at_nothing(context: ServerContext) -> None:
    async with Database("postgresql://nobody@127.0.0.1:1/none") as nowhere:
        app = create_server(with_parts(context, database=nowhere))
        async with (
            serving(app) as url,
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE) as client,
        ):
            assert (await client.get("/healthz")).json() == {"status": "ok"}
            assert (await client.get("/api/v1/health")).json() == {"status": "ok"}
            answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert answer.json()["checks"] == {
        "database": "database_unavailable",
        "migrations": "database_unavailable",
        "storage": "ok",
    }
    # The address is nobody's business.
    assert "127.0.0.1" not in answer.text


async def test_an_older_schema_is_not_ready(
    stranger: httpx.AsyncClient, database: Database
) -> None:
    async with database.session() as session, session.begin():
        await session.execute(text("UPDATE alembic_version SET version_num = '7c5d4e6f8a9b'"))
    answer = await stranger.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "ok", "migrations": "schema", "storage": "ok"}


async def test_a_storage_that_takes_nothing_is_not_ready(
    context: ServerContext, tmp_path: Path
) -> None:
    (tmp_path / "no folder").write_text("")
    storage = DirectoryStorage(tmp_path / "no folder")
    checks = await Health(with_parts(context, storage=storage)).check()
    assert checks["storage"] != "ok"
    assert (checks["database"], checks["migrations"]) == ("ok", "ok")


async def test_who_asks_often_costs_little(context: ServerContext, tmp_path: Path) -> None:
    looks = 0

    class Counting(DirectoryStorage):
        async def check(self) -> None:
            nonlocal looks
            looks += 1
            await super().check()

    health = Health(with_parts(context, storage=Counting(tmp_path / "files")))
    found = await asyncio.gather(*(health.check() for _ in range(50)))
    assert all(set(checks.values()) == {"ok"} for checks in found)
    assert looks == 1


async def test_a_server_that_stops_is_ready_no_more(
    stranger: httpx.AsyncClient, context: ServerContext
) -> None:
    assert (await stranger.get("/readyz")).status_code == 200
    context.is_draining = True
    answer = await stranger.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]) == (503, {"server": "stopping"})
    assert (await stranger.get("/healthz")).status_code == 200


# --- metrics -----------------------------------------------------------------------------------


async def test_metrics_tell_of_the_queue(
    stranger: httpx.AsyncClient, api: httpx.AsyncClient, shop_order: MakeOrder, database: Database
) -> None:
    order = await shop_order(images=3)
    await api.post(f"/api/v1/orders/{order.id}/generate-coloring")
    await api.post(f"/api/v1/orders/{order.id}/sync")
    async with database.session() as session, session.begin():
        await session.execute(
            text(
                "UPDATE coloring_versions SET queued_at = now() - interval '1 hour', status = "
                "'processing', claimed_by = gen_random_uuid() WHERE id = 1;"
            )
        )
        await session.execute(
            text("UPDATE coloring_versions SET queued_at = now() - interval '100 s' WHERE id = 2;")
        )
        await session.execute(text("UPDATE orders SET queued_at = now() - interval '1 year'"))
    answer = await stranger.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = samples(answer.text)
    assert value(found, "database_up") == 1
    assert value(found, "jobs", kind="coloring", status="queued") == 2
    assert value(found, "jobs", kind="coloring", status="processing") == 1
    assert value(found, "queue_depth", kind="coloring") == 2
    oldest = value(found, "queue_oldest_seconds", kind="coloring")
    assert oldest is not None
    assert 100 <= oldest < 200  # who is being worked on does not wait
    assert value(found, "queue_depth", kind="ingest") == 1
    waited = value(found, "queue_oldest_seconds", kind="ingest")
    assert waited is not None
    assert 0 <= waited < 60  # since it was asked for, not since it came in
    for kind in ("svg", "download"):
        assert value(found, "queue_depth", kind=kind) == 0
        assert value(found, "queue_oldest_seconds", kind=kind) == 0


async def test_metrics_tell_what_orders_want(
    stranger: httpx.AsyncClient, shop_order: MakeOrder
) -> None:
    await shop_order()
    await shop_order()
    await shop_order(status=OrderStatus.DOWNLOADING)
    await shop_order(finished_at=datetime(2026, 11, 1, tzinfo=UTC))
    found = samples((await stranger.get("/metrics")).text)
    counts = {stage: value(found, "orders", stage=stage.value) for stage in Stage}
    assert counts == {
        **dict.fromkeys(Stage, 0),
        Stage.TO_COLOUR: 2,
        Stage.COMING_IN: 1,
        Stage.DONE: 1,
    }


async def test_metrics_tell_of_the_last_hour(
    stranger: httpx.AsyncClient, finished: Finished, database: Database
) -> None:
    async with database.session() as session, session.begin():
        await session.execute(
            text(
                "UPDATE svg_versions SET completed_at = now(), credits_charged = 1.5, "
                "resubmissions = 1, takeovers = 2, retries = 3"
            )
        )
        await session.execute(
            text("UPDATE coloring_versions SET completed_at = now() - interval '2 hours'")
        )
    found = samples((await stranger.get("/metrics")).text)
    assert value(found, "last_hour_jobs", kind="svg", status="completed") == 1
    assert value(found, "last_hour_jobs", kind="coloring", status="completed") is None
    assert value(found, "last_hour_credits_charged", kind="svg") == 1.5
    assert value(found, "last_hour_resubmissions", kind="svg") == 1
    assert value(found, "last_hour_takeovers", kind="svg") == 2
    assert value(found, "last_hour_retries", kind="svg") == 3
    assert value(found, "last_hour_resubmissions", kind="coloring") == 0


async def test_metrics_tell_what_was_paid(
    context: ServerContext, shop_order: MakeOrder, database: Database
) -> None:
    order = await shop_order()
    async with database.session() as session, session.begin():
        session.add_all(
            [
                make_call(order, execution_ms=2500),
                make_call(order, execution_ms=1500, outcome="failed", wasted=True),
                make_call(order, kind="svg", credits=Decimal("1.5")),
            ]
        )
    health = Health(context)
    plain = samples(context.metrics.render(None, paid=await health.paid()).decode())
    for period in ("today", "month"):
        assert value(plain, "paid_calls", period=period, part="all") == 3
        assert value(plain, "paid_calls", period=period, part="wasted") == 1
        assert value(plain, "paid_runpod_seconds", period=period, part="all") == 4
        assert value(plain, "paid_runpod_seconds", period=period, part="wasted") == 1.5
        assert value(plain, "paid_vectorizer_credits", period=period, part="all") == 1.5
    assert "fototui_paid_cost" not in plain
    assert "fototui_daily_budget" not in plain

    paid = await health.paid()
    assert paid is not None
    priced = replace(paid, prices=Prices(second=Decimal("0.5")), budget=Decimal(10))
    found = samples(context.metrics.render(None, paid=priced).decode())
    cost = {"currency": "USD", "period": "today"}
    assert value(found, "paid_cost", part="all", **cost) == 2
    assert value(found, "paid_cost", part="wasted", **cost) == 0.75
    assert value(found, "daily_budget", currency="USD") == 10


async def test_the_route_tells_what_was_paid(
    stranger: httpx.AsyncClient, shop_order: MakeOrder, database: Database
) -> None:
    order = await shop_order()
    async with database.session() as session, session.begin():
        session.add(make_call(order, execution_ms=2500))
    found = samples((await stranger.get("/metrics")).text)
    assert value(found, "paid_runpod_seconds", period="today", part="all") == 2.5


async def test_metrics_tell_of_requests_by_template(
    stranger: httpx.AsyncClient, api: httpx.AsyncClient, finished: Finished
) -> None:
    await api.get(f"/api/v1/orders/{finished.order.id}")
    await api.get("/api/v1/orders/1")
    for number in range(5):
        await stranger.get(f"/wp-admin/{number}.php")
    found = samples((await stranger.get("/metrics")).text)
    template = "/api/v1/orders/{order_id}"
    asked = {"method": "GET", "path": template}
    assert value(found, "http_requests_total", **asked, status="200") == 1
    assert value(found, "http_requests_total", **asked, status="404") == 1
    assert value(found, "http_request_seconds_count", **asked) == 2
    unknown = {"method": "(any)", "path": "(unknown)"}
    assert value(found, "http_requests_total", **unknown, status="401") == 5


async def test_metrics_go_on_in_an_outage(context: ServerContext) -> None:
    async with Database("postgresql://nobody@127.0.0.1:1/none") as nowhere:
        app = create_server(with_parts(context, database=nowhere))
        async with (
            serving(app) as url,
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE) as client,
        ):
            answer = await client.get("/metrics")
    assert answer.status_code == 200
    found = samples(answer.text)
    assert value(found, "database_up") == 0
    assert "fototui_queue_depth" not in found


def test_the_engine_tells_its_steps() -> None:
    metrics = ServerMetrics()
    observer: EngineObserver = metrics
    observer.claimed(JobKind.SVG, 3.0, taken_over=False)
    observer.claimed(JobKind.SVG, 40.0, taken_over=True)
    observer.step(JobKind.SVG, "processing", 0.2)
    observer.ended(JobKind.SVG, AttemptOutcome.RETRY_SCHEDULED, 1.0)
    found = samples(metrics.render(None).decode())
    assert value(found, "claims_total", kind="svg") == 2
    assert value(found, "takeovers_total", kind="svg") == 1
    assert value(found, "claim_latency_seconds_sum", kind="svg") == 43
    assert value(found, "step_seconds_count", kind="svg", status="processing") == 1
    assert value(found, "attempts_total", kind="svg", outcome="put back") == 1


async def test_events_are_counted_over_all_publishers() -> None:
    metrics = ServerMetrics()
    refused = "http://127.0.0.1:1/.well-known/mercure"
    for _ in range(2):
        async with MercurePublishService(
            refused, SecretStr("k" * 32), close_seconds=0.1
        ) as publisher:
            metrics.watch_events(publisher)
            publisher.publish(ListUpdateEvent())
    found = samples(metrics.render(None).decode())
    assert value(found, "events_total", result="dropped") == 2
    assert value(found, "events_total", result="published") == 0


async def test_figures_cost_the_same_whatever_is_finished(
    database: Database, finished: Finished
) -> None:
    async with database.session() as session, session.begin():
        await session.execute(
            text(
                "INSERT INTO coloring_versions (image_id, version, status, megapixels, steps, "
                "created_at, completed_at) "
                f"SELECT {finished.image_id}, n, 'completed', 1, 4, now(), "
                "now() - interval '2 hours' "
                "FROM generate_series(2, 10001) n"
            )
        )
    async with database.session() as session:
        await session.execute(text("ANALYZE coloring_versions"))
        await session.commit()
        before = await session.scalar(_READ)
        await session.commit()
        stats = await StatsService(session, operator="test").read()
        await session.execute(text("SELECT pg_stat_force_next_flush()"))
        await session.commit()
        after = await session.scalar(_READ)
    assert not stats.queue
    assert not stats.ended
    assert before is not None
    assert after == before, "finished rows were read one after the other"


_READ = text("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'coloring_versions'")
