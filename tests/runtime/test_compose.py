"""The parts are opened when they are needed, and closed in order."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from fototui.config.settings import Settings
from fototui.db.errors import SchemaError
from fototui.domain.errors import ConfigurationError
from fototui.domain.events import OrderUpdateEvent
from fototui.mercure.hub import HubSettings, serving_hub
from fototui.runtime.compose import Runtime, open_engine, open_runtime
from tests.factories import make_order

KEY = SecretStr("a key of the tests, long enough to sign with")


def _opened(runtime: Runtime) -> set[str]:
    return set(vars(runtime)) & {"database", "publisher", "storage", "shopify", "runpod"}


async def test_nothing_is_opened_that_nobody_needs(database_url: str, tmp_path: Path) -> None:
    settings = Settings(database_url=SecretStr(database_url), storage_path=tmp_path)
    async with Runtime(settings) as runtime:
        assert _opened(runtime) == set()
        assert runtime.storage is runtime.storage
        assert _opened(runtime) == {"storage"}
        assert runtime.shop is None


async def test_what_is_missing_is_said_when_it_is_needed_and_not_before() -> None:
    async with Runtime(Settings(mercure_url="http://127.0.0.1:1/.well-known/mercure")) as runtime:
        with pytest.raises(ConfigurationError, match="SHOPIFY_STORE_URL"):
            _ = runtime.shopify
        with pytest.raises(ConfigurationError, match="MERCURE_PUBLISHER_JWT_KEY"):
            _ = runtime.database
        with pytest.raises(ConfigurationError, match="RUNPOD"):
            _ = runtime.runpod


async def test_a_runtime_whose_schema_is_wrong_is_not_handed_out(empty_database_url: str) -> None:
    with pytest.raises(SchemaError):
        async with open_runtime(Settings(database_url=SecretStr(empty_database_url))):
            raise AssertionError("it was handed out")


async def test_the_last_commit_is_published_before_all_is_closed(database_url: str) -> None:
    async with serving_hub(HubSettings(publisher_key=KEY, subscriber_key=KEY)) as hub_url:
        settings = Settings(
            database_url=SecretStr(database_url),
            mercure_url=hub_url,
            mercure_publisher_jwt_key=KEY,
            mercure_subscriber_jwt_key=KEY,
        )
        async with open_runtime(settings) as runtime:
            async with runtime.database.session() as session, session.begin():
                session.track_changes(OrderUpdateEvent)
                order = await make_order(session)
                await session.flush()
                order.customer_name = "Eva Malá"
            publisher = runtime.publisher
        assert publisher.stats.published == 1
        assert publisher.stats.dropped == 0


async def test_without_a_hub_no_events_are_made_until_someone_listens(
    database_url: str,
) -> None:
    taken: list[object] = []
    async with open_runtime(Settings(database_url=SecretStr(database_url))) as runtime:
        for listening in (False, True):
            if listening:
                runtime.database.listen(taken.append)
            async with runtime.database.session() as session, session.begin():
                session.track_changes(OrderUpdateEvent)
                await make_order(session)
            assert bool(taken) is listening


async def test_engines_that_follow_each_other_share_the_parts(
    database_url: str, tmp_path: Path
) -> None:
    settings = Settings(
        database_url=SecretStr(database_url),
        storage_path=tmp_path,
        shopify_webhook_secret=KEY,
        runpod_endpoint_id="endpoint",
        runpod_api_key=KEY,
        vectorizer_api_key=KEY,
        vectorizer_api_secret=KEY,
    )
    async with open_runtime(settings) as runtime:
        async with open_engine(runtime):
            runpod = runtime.runpod
        async with open_engine(runtime):
            assert runtime.runpod is runpod
        async with runtime.database.session() as session:
            assert await session.scalar(text("SELECT count(*) FROM engines")) == 2
