"""The imitated services under one address."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from fototui.sandbox.outcomes import Script
from fototui.sandbox.pictures.generator import GeneratorKind, create_generator
from fototui.sandbox.runpod.app import RETENTION_SECONDS, create_runpod
from fototui.sandbox.runpod.jobs import ResultShape
from fototui.sandbox.shopify.app import ShopSettings, create_shop
from fototui.sandbox.shopify.cdn import Cdn, create_cdn
from fototui.sandbox.vectorizer.app import create_vectorizer


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """How the imitated services behave.

    Args:
        runpod_key: The key that RunPod asks for.
        vectorizer_key: The key that Vectorizer.ai asks for …
        vectorizer_secret: … and its secret.
        runpod: Latency, failure rates and seed of RunPod; its counts stand there, too.
        vectorizer: The same for Vectorizer.ai.
        generator: Real pictures, or tiny ones for load tests.
        retention: Seconds for which RunPod keeps a result.
        result: Shape of RunPod's output.
        shop: How Shopify behaves, and the shop's orders.
        cdn: The customers' photos; the sample photos where none is given.
    """

    runpod_key: SecretStr
    vectorizer_key: SecretStr
    vectorizer_secret: SecretStr
    runpod: Script = field(default_factory=Script)
    vectorizer: Script = field(default_factory=Script)
    generator: GeneratorKind = GeneratorKind.LINEART
    retention: float = RETENTION_SECONDS
    result: ResultShape = ResultShape.IMAGE
    shop: ShopSettings = field(default_factory=lambda: ShopSettings(token=SecretStr("sandbox")))
    cdn: Cdn = field(default_factory=Cdn)


def create_sandbox(settings: SandboxSettings) -> Starlette:
    """Imitate RunPod, Vectorizer.ai, Shopify and the customers' photos in one app.

    RunPod's base address is `{url}/runpod/v2`, Vectorizer.ai's `{url}/vectorizer/api/v1/vectorize`,
    the shop's `{url}/shopify`; each has its control surface at `/runpod/counts`, `/runpod/script`
    and so on. Photos are at `{url}/cdn/photos/cat.jpg`.

    Args:
        settings: How they behave.

    Returns:
        The app; its lifespan owns the jobs.
    """
    generator = create_generator(settings.generator)
    runpod = create_runpod(
        settings.runpod,
        api_key=settings.runpod_key,
        generator=generator,
        retention=settings.retention,
        result=settings.result,
    )
    vectorizer = create_vectorizer(
        settings.vectorizer,
        key=settings.vectorizer_key,
        secret=settings.vectorizer_secret,
        generator=generator,
    )
    shop = create_shop(settings.shop)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # Starlette runs the lifespan of the outermost app only.
        async with AsyncExitStack() as stack:
            for app in (runpod, vectorizer, shop):
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    return Starlette(
        lifespan=lifespan,
        middleware=[Middleware(_Unanswered)],
        routes=[
            Mount("/runpod", runpod),
            Mount("/vectorizer", vectorizer),
            Mount("/shopify", shop),
            Mount("/cdn", create_cdn(settings.cdn)),
        ],
    )


class _Unanswered:
    """Lets a client go that leaves while it is read: a demo is interrupted at any moment.

    It is no fault of a service's, whose stack trace an operator would read.

    Args:
        app: The services.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        with suppress(ClientDisconnect):
            await self._app(scope, receive, send)
