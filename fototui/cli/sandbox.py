"""`fototui sandbox`: RunPod, Vectorizer.ai and Shopify, played on this machine."""

from typing import Annotated
from urllib.parse import urlsplit

import typer
from pydantic import SecretStr

from fototui.cli.extra import explaining_extra
from fototui.cli.output import print_json
from fototui.cli.runner import listen_on, run, say, settings_for_command, stop_signals
from fototui.i18n import _
from fototui.net.asgi import serving


def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.")] = 3001,
    seed: Annotated[int, typer.Option(help="Makes chance repeatable.")] = 0,
    seconds: Annotated[float, typer.Option(help="How long a job takes.")] = 2.0,
    fail: Annotated[
        float, typer.Option(help="Share of jobs that fail, 0 to 1.", min=0.0, max=1.0)
    ] = 0.0,
    orders: Annotated[int, typer.Option(help="Orders that the shop has.", min=0)] = 5,
    webhooks: Annotated[
        str | None, typer.Option(help="Address that is told of orders placed at the shop.")
    ] = None,
) -> None:
    """Play RunPod, Vectorizer.ai and Shopify on this machine.

    Prints their addresses and keys as JSON. POST {"photos": […]} to SHOPIFY_STORE_URL/orders to
    place an order.
    """
    # Only this command and the demo need what draws the pictures; some of it is loaded only when
    # the first one is drawn, which is late to learn that it is missing.
    with explaining_extra():
        from fototui.demo.orders import place_orders
        from fototui.sandbox.app import SandboxSettings, create_sandbox
        from fototui.sandbox.outcomes import Latency, Outcome, Script
        from fototui.sandbox.shopify.app import ShopSettings

    settings_for_command(serves=True)
    key = "sandbox"

    def script(number: int) -> Script:
        return Script(
            seed=seed + number,
            latency=Latency(queue=seconds / 4, run=seconds, spread=0.3),
            rates={Outcome.FAILED: fail},
        )

    shop = ShopSettings(
        token=SecretStr(key), webhook_secret=SecretStr(key), webhook_url=webhooks or None
    )
    app = create_sandbox(
        SandboxSettings(
            runpod_key=SecretStr(key),
            vectorizer_key=SecretStr(key),
            vectorizer_secret=SecretStr(key),
            runpod=script(0),
            vectorizer=script(1),
            shop=shop,
        )
    )

    async def main() -> None:
        with stop_signals() as stop:
            async with serving(app, sock=listen_on(host, port)) as url:
                place_orders(shop.shop, f"{url}/cdn", orders, seed=seed)
                print_json(_settings(url, key))
                say(_("The sandbox runs; stop it with Ctrl+C."))
                await stop.wait()

    run(main())


def _settings(url: str, key: str) -> dict[str, str]:
    """What fototui is to be told to use the sandbox."""
    return {
        "SHOPIFY_STORE_URL": f"{url}/shopify",
        "SHOPIFY_ACCESS_TOKEN": key,
        "SHOPIFY_WEBHOOK_SECRET": key,
        "PHOTO_TRUSTED_HOSTS": urlsplit(url).netloc,
        "RUNPOD_API_URL": f"{url}/runpod/v2",
        "RUNPOD_ENDPOINT_ID": "sandbox",
        "RUNPOD_API_KEY": key,
        "VECTORIZER_URL": f"{url}/vectorizer/api/v1/vectorize",
        "VECTORIZER_API_KEY": key,
        "VECTORIZER_API_SECRET": key,
    }
