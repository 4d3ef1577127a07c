"""What the routes stand on."""

from functools import cached_property, partial

from pydantic import SecretStr

from fototui.config.settings import Settings
from fototui.domain.errors import ConfigurationError
from fototui.runtime.compose import Runtime
from fototui.server.metrics import ServerMetrics
from fototui.server.presenters import summary_json
from fototui.services.ingest.deliveries import Deliveries
from fototui.services.ingest.imports import ShopSource
from fototui.services.operations.tokens import holder_of
from fototui.services.orders.kept_lines import KeptLines
from fototui.services.shared_answers import SharedAnswers


class ServerContext(Runtime):
    """The runtime of one server; a reload makes a new one.

    Args:
        settings: The settings.
        metrics: Counts for monitoring; they live as long as the process.
    """

    def __init__(self, settings: Settings, *, metrics: ServerMetrics | None = None) -> None:
        super().__init__(settings)
        self.metrics = metrics or ServerMetrics()
        self.is_draining = False
        """The server is about to stop and wants no new work; changed by who stops it."""

    @cached_property
    def newest_orders(self) -> KeptLines[bytes]:
        """The beginning of the list of orders; each order as the API answers it."""
        return KeptLines(self.database, summary_json)

    @cached_property
    def token_holders(self) -> SharedAnswers[str, str | None]:
        """Whose each key of the API is; None where it is none that is known."""
        return SharedAnswers(partial(holder_of, self.database))

    @cached_property
    def deliveries(self) -> Deliveries:
        """Takes in the shop's webhooks."""
        return self._keep(Deliveries(self.database, operator="Shopify"))

    @property
    def webhook_secrets(self) -> tuple[SecretStr, ...]:
        """The secrets that webhooks may be signed with."""
        secrets = (self.settings.shopify_webhook_secret, self.settings.shopify_webhook_secret_2)
        return tuple(secret for secret in secrets if secret is not None)

    def require_shop(self) -> ShopSource:
        """The Shopify client.

        Raises:
            ConfigurationError: The shop is not configured.
        """
        if self.shop is None:
            raise ConfigurationError(
                "The server knows no shop. Set SHOPIFY_STORE_URL and SHOPIFY_ACCESS_TOKEN, then "
                "reload it."
            )
        return self.shop
