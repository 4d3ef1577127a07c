"""`fototui token`: keys to the HTTP API."""

from typing import Annotated

import typer

from fototui.cli.output import local_time, print_json, print_table
from fototui.cli.runner import run_service, say, settings_for_command
from fototui.i18n import _
from fototui.services.operations.tokens import NewToken, TokenService, TokenView

app = typer.Typer(help="Make, list and revoke keys to the HTTP API.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What the key is called: who or what uses it.")]


@app.command()
def create(name: Name) -> None:
    """Make a key; it is printed once, alone on standard output, and kept nowhere."""

    async def work(service: TokenService) -> NewToken:
        return await service.create(name)

    token = run_service(settings_for_command(), TokenService, work)
    typer.echo(token.key.get_secret_value())
    words = _("This is the key {name}. It cannot be shown again; keep it safe.")
    say(words.format(name=token.name))


@app.command("list")
def list_tokens(
    as_json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the keys by name; what they are is not known."""
    settings = settings_for_command()

    async def work(service: TokenService) -> tuple[TokenView, ...]:
        return await service.list()

    tokens = run_service(settings, TokenService, work)
    if as_json_:
        print_json(tokens)
        return
    zone = settings.timezone
    print_table(
        (_("Name"), _("Made"), _("By"), _("Last used"), _("Revoked")),
        [
            (
                token.name,
                local_time(token.created_at, zone),
                token.created_by,
                token.last_used_at and local_time(token.last_used_at, zone),
                token.revoked_at and local_time(token.revoked_at, zone),
            )
            for token in tokens
        ],
    )


@app.command()
def revoke(name: Name) -> None:
    """Refuse a key from now on."""

    async def work(service: TokenService) -> None:
        await service.revoke(name)

    run_service(settings_for_command(), TokenService, work)
    say(_("The key {name} is refused from now on.").format(name=name))
