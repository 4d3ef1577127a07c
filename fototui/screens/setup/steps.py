"""What the first run asks for, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from fototui.i18n import N_


@dataclass(frozen=True, slots=True)
class Field:
    """One setting that is asked for.

    Args:
        name: Its name, as the settings file has it.
        label: What it is called.
        hint: What it looks like.
        secret: It is never shown.
    """

    name: str
    label: str
    hint: str = ""
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a shop.

    Args:
        service: Its name among the checks.
        title: What it is called.
        why: What it is for.
        fields: What is asked for.
        required: Nothing works without it.
    """

    service: str
    title: str
    why: str
    fields: tuple[Field, ...]
    required: bool = False


STEPS = (
    Step(
        "database",
        N_("Database"),
        N_("PostgreSQL keeps the orders. An empty database is set up here."),
        (
            Field(
                "database_url",
                N_("Address"),
                "postgresql://user:password@host/database",
                secret=True,
            ),
        ),
        required=True,
    ),
    Step(
        "storage",
        N_("Storage"),
        N_("Photos and pictures are kept in a folder of this machine or in an S3 bucket."),
        (
            Field("storage_path", N_("Folder"), "/srv/fototui/files"),
            Field("s3_bucket", N_("or S3 bucket")),
            Field("s3_endpoint", N_("S3 address"), "https://…"),
            Field("s3_region", N_("S3 region"), "eu-central-1"),
            Field("s3_access_key_id", N_("S3 access key")),
            Field("s3_secret_access_key", N_("S3 secret key"), secret=True),
        ),
        required=True,
    ),
    Step(
        "runpod",
        "RunPod",
        N_("RunPod makes the colourings. Without it this machine leaves them to others."),
        (
            Field("runpod_api_key", N_("API key"), secret=True),
            Field("runpod_endpoint_id", N_("Endpoint's id")),
            Field("runpod_api_url", N_("Address"), "https://api.runpod.ai/v2"),
        ),
    ),
    Step(
        "vectorizer",
        "Vectorizer.ai",
        N_("Vectorizer.ai makes the SVGs. Without it this machine leaves them to others."),
        (
            Field("vectorizer_api_key", N_("API key"), secret=True),
            Field("vectorizer_api_secret", N_("API secret"), secret=True),
            Field("vectorizer_url", N_("Address"), "https://api.vectorizer.ai/api/v1/vectorize"),
        ),
    ),
    Step(
        "shopify",
        "Shopify",
        N_("Orders come from Shopify. Without it they are added by hand."),
        (
            Field("shopify_store_url", N_("Shop's address"), "https://shop.myshopify.com"),
            Field("shopify_access_token", N_("Access token"), secret=True),
            Field("shopify_webhook_secret", N_("Webhook secret"), secret=True),
        ),
    ),
    Step(
        "hub",
        N_("Hub"),
        N_("A Mercure hub tells other machines of changes at once. Without it they ask."),
        (
            Field("mercure_url", N_("Address"), "https://hub.example.com/.well-known/mercure"),
            Field("mercure_publisher_jwt_key", N_("Publisher key"), secret=True),
            Field("mercure_subscriber_jwt_key", N_("Subscriber key"), secret=True),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    Args:
        ok: It works; None where nothing was filled in that could be checked.
        words: What was seen, or what to do.
        needs_tables: The database answers, and its tables have to be made or brought up to date.
    """

    ok: bool | None
    words: str
    needs_tables: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What the settings hold already.

    Args:
        shown: Values that may be shown, by name.
        secrets: Names of secrets that are set.
    """

    shown: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()


class SetupWork(Protocol):
    """What the first run has done for it; each raises a `FototuiError` that says why not."""

    async def check(self, service: str, values: Mapping[str, str]) -> Checked:
        """Try one part of what was filled in."""

    async def make_tables(self, values: Mapping[str, str]) -> None:
        """Bring the database's tables to what the program needs."""

    async def save(self, values: Mapping[str, str]) -> None:
        """Write the settings file; what it holds beside these values stays."""
