"""What an operator at a terminal may do: services, each call on a session of its own."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from fototui.db.database import Database
from fototui.db.events.session import TrackedAsyncSession
from fototui.domain.errors import ConfigurationError, FototuiError
from fototui.domain.events import BaseMercureEvent
from fototui.services.ingest.imports import ImportService, ShopSource
from fototui.services.orders.manual import OrderService
from fototui.storage.base import Storage

S_co = TypeVar("S_co", covariant=True)
S = TypeVar("S")
T = TypeVar("T")


class ReadOnlyError(FototuiError):
    """Something was to be changed in read-only mode."""

    code = "read_only"


class ServiceType(Protocol[S_co]):
    """A service: made from a session and the operator who acts."""

    def __call__(self, session: TrackedAsyncSession, *, operator: str) -> S_co:
        """Make it."""


class Backend:
    """One operator's access to the services.

    Screens call it and know neither sessions nor the database.

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

    async def read(self, service: ServiceType[S], call: Callable[[S], Awaitable[T]]) -> T:
        """Read by a service, in one network round trip per statement.

        Args:
            service: Its class.
            call: Makes the call.

        Returns:
            What the call returns.

        Raises:
            FototuiError: What the service raises, or `DatabaseUnavailableError`.
        """
        async with self._database.autocommit() as session:
            return await call(service(session, operator=self.operator))

    async def act(self, service: ServiceType[S], call: Callable[[S], Awaitable[T]]) -> T:
        """Change something by a service.

        Args:
            service: Its class.
            call: Makes the call.

        Returns:
            What the call returns.

        Raises:
            ReadOnlyError: This backend only looks.
            FototuiError: What the service raises, or `DatabaseUnavailableError`.
        """
        if self.read_only:
            raise ReadOnlyError("This terminal is read-only. Start it without --read-only.")
        async with self._database.session() as session:
            return await call(service(session, operator=self.operator))

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
        """An import service on the shop; hand it to `act`.

        Raises:
            ConfigurationError: No shop is configured.
        """
        if self._shop is None:
            raise ConfigurationError(
                "No shop is configured; set SHOPIFY_STORE_URL and SHOPIFY_ACCESS_TOKEN."
            )
        return ImportService(session, operator=operator, shop=self._shop)

    def orders(self, session: TrackedAsyncSession, *, operator: str) -> OrderService:
        """An order service that can also store photos; hand it to `read` or `act`."""
        return OrderService(session, operator=operator, storage=self.storage)
