"""`fototui orders`: make orders by hand or import them, list them, look at one."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from fototui.cli import shop
from fototui.cli.output import local_time, print_json, print_table
from fototui.cli.runner import run, run_service, say, settings_for_command
from fototui.domain.costs import told
from fototui.runtime.compose import open_runtime
from fototui.services.orders.manual import OrderService, PhotoInput
from fototui.services.views import as_json
from fototui.services.views.orders import ImageBadges, OrderDetail, OrderPage

T = TypeVar("T")

app = typer.Typer(help="Make and import orders, list them, look at one.", no_args_is_help=True)
app.command("import")(shop.import_orders)
app.command()(shop.sync)
app.command()(shop.retry)
app.command()(shop.urgent)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    photos: Annotated[list[Path], typer.Argument(help="Photo files, in the order of the pages.")],
    customer: Annotated[str | None, typer.Option(help="The customer's name.")] = None,
    email: Annotated[str | None, typer.Option(help="The customer's address.")] = None,
    dedication: Annotated[str | None, typer.Option(help="What is printed in the book.")] = None,
    layout: Annotated[str | None, typer.Option(help="How the book is laid out.")] = None,
    as_json_: Json = False,
) -> None:
    """Make a manual order out of photo files. All are taken, or none."""
    settings = settings_for_command()

    async def work() -> OrderDetail:
        async with open_runtime(settings) as runtime, runtime.database.session() as session:
            service = OrderService(session, operator=settings.operator, storage=runtime.storage)
            return await service.create_manual_order(
                [PhotoInput(photo) for photo in photos],
                customer=customer,
                email=email,
                dedication=dedication,
                layout=layout,
            )

    order = run(work())
    if as_json_:
        print_json(as_json(order))
    else:
        typer.echo(order.number)
    say(f"Order {order.number} has {len(order.images)} photos.")


@app.command("list")
def list_orders(
    limit: Annotated[int, typer.Option(help="Most orders.", min=1, max=1000)] = 50,
    search: Annotated[str | None, typer.Option(help="Number, name, e-mail or dedication.")] = None,
    as_json_: Json = False,
) -> None:
    """List orders, newest first."""
    settings = settings_for_command()

    async def work(service: OrderService) -> OrderPage:
        return await service.list_orders(limit=limit, search=search)

    page = run_service(settings, OrderService, work)
    if as_json_:
        rows = [asdict(row) for row in page.orders]
        for row in rows:
            del row["search"]  # what a terminal filters by; it only repeats the rest
        print_json(as_json(rows))
        return
    print_table(
        ("Number", "Created", "Customer", "Books", "Payment", "Status", "Colourings", "SVGs"),
        [
            (
                f"{row.number} !" if row.urgent else row.number,
                local_time(row.created_at, settings.timezone),
                row.customer_name,
                row.items,
                row.payment_status,
                row.status,
                _badges(row.images, lambda image: image.coloring),
                _badges(row.images, lambda image: image.svg),
            )
            for row in page.orders
        ],
    )


@app.command()
def show(
    number: Annotated[str, typer.Argument(help="The order's number, such as #1270 or M1000.")],
    as_json_: Json = False,
) -> None:
    """Show one order with its images and their newest versions."""
    settings = settings_for_command()

    async def work(service: OrderService) -> OrderDetail:
        return await service.get_order(number)

    order = run_service(settings, OrderService, work)
    if as_json_:
        print_json(as_json(order))
        return
    typer.echo(f"{order.number}  {order.status}  {local_time(order.created_at, settings.timezone)}")
    for label, value in (
        ("Customer", order.customer_name),
        ("E-mail", order.customer_email),
        ("Payment", order.payment_status),
        ("Shipping", order.shipping_method),
        ("Reason", order.error),
        ("Urgent", "its jobs go before others'" if order.urgent else None),
        ("Cost", told(order.costs, settings.prices) if order.costs.total else None),
    ):
        if value:
            typer.echo(f"{label}: {value}")
    place = 0
    for item in order.line_items:
        typer.echo(f"\n{item.title} × {item.quantity}")
        for label, value in (("Dedication", item.dedication), ("Layout", item.layout)):
            if value:
                typer.echo(f"{label}: {value}")
        rows = []
        for image in item.images:
            place += 1
            newest = [views[-1] if views else None for views in (image.coloring, image.svg)]
            rows.append(
                (
                    place,
                    "stored" if image.file else "missing",
                    *(f"v{v.version} {v.status}" if v else "" for v in newest),
                    next((v.error for v in newest if v is not None and v.error), image.error),
                )
            )
        print_table(("Image", "Photo", "Colouring", "SVG", "Reason"), rows)


def _badges(images: tuple[ImageBadges, ...], status: Callable[[ImageBadges], object | None]) -> str:
    return " ".join(str(status(image) or "-") for image in images)
