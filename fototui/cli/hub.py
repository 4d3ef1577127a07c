"""`fototui hub`: a Mercure hub for one machine."""

from typing import Annotated

import typer

from fototui.cli.runner import listen_on, run, say, settings_for_command, stop_signals
from fototui.config.settings import required
from fototui.i18n import _
from fototui.mercure.hub import HubSettings, serving_hub


def hub(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.")] = 3000,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Let anyone read public updates.")
    ] = False,
) -> None:
    """Run a Mercure hub for one machine, with the keys MERCURE_*_JWT_KEY."""
    settings = settings_for_command(serves=True)
    hub_settings = HubSettings(
        publisher_key=required(settings.mercure_publisher_jwt_key, "mercure_publisher_jwt_key"),
        subscriber_key=required(settings.mercure_subscriber_jwt_key, "mercure_subscriber_jwt_key"),
        anonymous=anonymous,
    )

    async def main() -> None:
        with stop_signals() as stop:
            async with serving_hub(hub_settings, sock=listen_on(host, port)) as url:
                say(_("The hub listens on {url}").format(url=url))
                await stop.wait()

    run(main())
