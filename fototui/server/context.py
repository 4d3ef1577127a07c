"""What the routes stand on."""

from dataclasses import dataclass, field

from pydantic import SecretStr

from fototui.config.settings import Settings
from fototui.db.database import Database
from fototui.domain.errors import ConfigurationError
from fototui.mercure.publisher import MercurePublishService
from fototui.server.metrics import ServerMetrics
from fototui.services.ingest.imports import ShopSource
from fototui.storage.base import Storage


@dataclass(slots=True)
class ServerContext:
    """The parts of one server; a reload makes new ones.

    Args:
        settings: The settings they were made from.
        database: The database.
        storage: Where files are kept.
        publisher: Sends the live events.
        shop: The Shopify client; None where the shop is not configured.
        metrics: Counts for monitoring; they live as long as the process.
        is_draining: The server is about to stop and wants no new work; changed by who stops it.
    """

    settings: Settings
    database: Database
    storage: Storage
    publisher: MercurePublishService
    shop: ShopSource | None = None
    metrics: ServerMetrics = field(default_factory=ServerMetrics)
    is_draining: bool = False

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
