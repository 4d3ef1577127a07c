"""What an operator at a terminal may do: services, each on a session of its own.

What it has a service of its own for is loaded when that is asked for: nobody waits for it at the
start.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from fototui.db.database import Database
from fototui.db.events.session import TrackedAsyncSession
from fototui.domain.errors import ConfigurationError, FototuiError
from fototui.domain.events import BaseMercureEvent
from fototui.services.access import Access, ServiceType
from fototui.storage.base import Storage

if TYPE_CHECKING:
    from fototui.services.ingest.imports import ImportService, ShopSource
    from fototui.services.orders.attaching import AttachService

S = TypeVar("S")


class ReadOnlyError(FototuiError):
    """Something was to be changed in read-only mode."""

    code = "read_only"


class Backend:
    """One operator's access to the services.

    Screens call it and know neither sessions nor the database. Whether this terminal may change
    anything is decided here and nowhere else.

    Args:
        database: The database.
        storage: Where files are kept.
        operator: Who acts.
        read_only: Nothing may be changed.
        shop: Where orders come from; None where none is configured.
    """

    def __init__(
        self,
        database: Database,
        storage: Storage,
        *,
        operator: str,
        read_only: bool = False,
        shop: ShopSource | None = None,
    ) -> None:
        self._database = database
        self._shop = shop
        self.storage = storage
        self.operator = operator
        self.read_only = read_only

    @asynccontextmanager
    async def transaction(self, service: ServiceType[S]) -> AsyncIterator[S]:
        """Change something by a service, whose calls are transactions.

        Args:
            service: Its class.

        Yields:
            The service.

        Raises:
            ReadOnlyError: This backend only looks.
            FototuiError: What the service raises, or `DatabaseUnavailableError`.
        """
        self._require_writing()
        async with self._database.session() as session:
            yield service(session, operator=self.operator)

    @asynccontextmanager
    async def autocommit(self, service: ServiceType[S]) -> AsyncIterator[S]:
        """Ask a service, in one network round trip per statement.

        Nothing can be written by it but by a service whose statements are said to (`Access`).

        Args:
            service: Its class.

        Yields:
            The service.

        Raises:
            ReadOnlyError: Its statements write, and this backend only looks.
            FototuiError: What the service raises, or `DatabaseUnavailableError`.
        """
        access = Access.of(service)
        if access is Access.WRITES:
            self._require_writing()
        async with self._database.autocommit() as session:
            if access is Access.READS:
                session.refuse_writes()
            yield service(session, operator=self.operator)

    def _require_writing(self) -> None:
        if self.read_only:
            raise ReadOnlyError("This terminal is read-only. Start it without --read-only.")

    def listen(self, listener: Callable[[BaseMercureEvent], None]) -> Callable[[], None]:
        """Have the events of all that is committed in this process, by whom ever, at once.

        Args:
            listener: Takes each event.

        Returns:
            Call it to have no more.
        """
        return self._database.listen(listener)

    @property
    def has_shop(self) -> bool:
        """Orders can be imported from here."""
        return self._shop is not None

    def imports(self, session: TrackedAsyncSession, *, operator: str) -> ImportService:
        """An import service on the shop; hand it to `transaction`.

        Raises:
            ConfigurationError: No shop is configured.
        """
        from fototui.services.ingest.imports import ImportService

        if self._shop is None:
            raise ConfigurationError(
                "No shop is configured; set SHOPIFY_STORE_URL and SHOPIFY_ACCESS_TOKEN."
            )
        return ImportService(session, operator=operator, shop=self._shop)

    def photos(self, session: TrackedAsyncSession, *, operator: str) -> AttachService:
        """A service that attaches photos; hand it to `transaction`."""
        from fototui.services.orders.attaching import AttachService

        return AttachService(session, operator=operator, storage=self.storage)
