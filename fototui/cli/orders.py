"""`fototui orders`: make orders by hand or import them, list them, look at one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from fototui.cli import finishing, shop
from fototui.cli.output import in_words, local_time, print_json, print_table
from fototui.cli.photo import photo
from fototui.cli.runner import run, run_service, say, settings_for_command
from fototui.domain.stages import Stage
from fototui.domain.statuses import PaymentStatus
from fototui.i18n import _, ngettext, translate

if TYPE_CHECKING:
    from fototui.config.settings import Settings
    from fototui.domain.stages import OrderStage
    from fototui.services.views.orders import ImageBadges, LineItemView, OrderDetail, OrderRow

T = TypeVar("T")

app = typer.Typer(help="Make and import orders, list them, look at one.", no_args_is_help=True)
app.command("import")(shop.import_orders)
app.command()(shop.sync)
app.command()(shop.retry)
app.command()(shop.urgent)
app.command()(shop.waits)
app.command()(photo)
app.command()(finishing.finish)
app.command()(finishing.reopen)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    photos: Annotated[
        list[Path], typer.Argument(help="Photo files, in the order of the pages; or folders.")
    ],
    customer: Annotated[
        str | None,
        typer.Option(help="The customer's name; that of the folder, where there is only one."),
    ] = None,
    email: Annotated[str | None, typer.Option(help="The customer's address.")] = None,
    dedication: Annotated[str | None, typer.Option(help="What is printed in the book.")] = None,
    layout: Annotated[str | None, typer.Option(help="How the book is laid out.")] = None,
    as_json_: Json = False,
) -> None:
    """Make a manual order out of photo files. All are taken, or none.

    A folder is a book, called by its name, and so is each folder in it; photos are taken by name.
    What is hidden or no photo is left out of folders, and named.
    """
    from fototui.runtime.compose import open_runtime
    from fototui.services.orders.folders import find_books
    from fototui.services.orders.manual import OrderService
    from fototui.services.views import as_json

    settings = settings_for_command()
    found = find_books(photos)
    for left_out in found.left_out:
        say(translate(left_out))

    async def work() -> OrderDetail:
        async with open_runtime(settings) as runtime, runtime.database.session() as session:
            service = OrderService(session, operator=settings.operator, storage=runtime.storage)
            return await service.create_manual_order(
                found.books,
                customer=found.name if customer is None else customer,
                email=email,
                dedication=dedication,
                layout=layout,
            )

    order = run(work())
    if as_json_:
        print_json(as_json(order))
    else:
        typer.echo(order.number)
    count, books = len(order.images), len(order.line_items)
    words = ngettext(
        "Order {number} has {count} photo.", "Order {number} has {count} photos.", count
    )
    if books > 1:
        words = _("Order {number} has {count} photos in {books} books.")
    say(words.format(number=order.number, count=count, books=books))


@app.command("list")
def list_orders(
    limit: Annotated[int, typer.Option(help="Most orders.", min=1, max=1000)] = 50,
    search: Annotated[
        str | None,
        typer.Option(help='As in the app: words and fields, such as "is:failed paid:no novak".'),
    ] = None,
    stage: Annotated[
        Stage | None,
        typer.Option(help="Only orders that want this next.", metavar="STAGE"),
    ] = None,
    as_json_: Json = False,
) -> None:
    """List orders, newest first; those that are done by their end, the latest first.

    STAGE is "coming in", "to colour", "running", "to review", "to vectorise", "to typeset",
    "to hand over", "done" or "error".

    A search has words (of number, name, e-mail, dedication) and fields: is: failed, review,
    running, waiting, approved, stale, urgent, done …; paid: yes or no; before: and after: a day,
    as 2026-11-01.
    """
    from fototui.services.views import as_json

    settings = settings_for_command()
    found = _find_orders(settings, limit=limit, search=search, stage=stage)
    if as_json_:
        print_json(as_json([_plain(row) for row in found]))
        return
    print_table(
        (
            _("Number"),
            _("Created"),
            _("Customer"),
            _("Books"),
            _("Payment"),
            _("Stage"),
            _("Colourings"),
            _("SVGs"),
        ),
        [
            (
                f"{row.number} !" if row.urgent else row.number,
                local_time(row.created_at, settings.timezone),
                row.customer_name,
                row.items,
                _payment(row.payment_status),
                row.stage,
                _badges(row.images, lambda image: image.coloring),
                _badges(row.images, lambda image: image.svg),
            )
            for row in found
        ],
    )


def _find_orders(
    settings: Settings, *, limit: int, search: str | None, stage: Stage | None
) -> Sequence[OrderRow]:
    from fototui.domain.errors import InvalidInputError
    from fototui.services.orders.by_stage import StageService
    from fototui.services.orders.search import read_order_search

    asked = read_order_search(search or "", zone=settings.timezone, now=datetime.now(UTC))
    if asked.complaint is not None:
        # What is left out while one types would list too many orders for a script.
        raise InvalidInputError(asked.complaint)

    async def find(stages: StageService) -> Sequence[OrderRow]:
        if stage is Stage.DONE and not asked:
            return (await stages.list_orders(stage, limit=limit)).orders
        return await stages.find(asked, stage=stage, limit=limit)

    return run_service(settings, StageService, find)


@app.command()
def show(
    number: Annotated[str, typer.Argument(help="The order's number, such as #1270 or M1000.")],
    as_json_: Json = False,
) -> None:
    """Show one order with its photos and their newest versions."""
    from fototui.domain.costs import told
    from fototui.runtime.compose import open_runtime
    from fototui.services.orders.by_stage import StageService
    from fototui.services.orders.manual import OrderService
    from fototui.services.views import as_json

    settings = settings_for_command()

    async def work() -> tuple[OrderDetail, OrderStage]:
        async with open_runtime(settings) as runtime, runtime.database.autocommit() as session:
            order = await OrderService(session, operator=settings.operator).get_order(number)
            stages = StageService(session, operator=settings.operator)
            return order, await stages.stage_of(order.id)

    order, stage = run(work())
    if as_json_:
        whole = {key: value for key, value in asdict(order).items() if key != "books"}
        print_json(
            as_json(
                {
                    **whole,
                    "stage": stage.stage,
                    "stage_count": stage.count,
                    "shop_page": _shop_page(order, settings),
                }
            )
        )
        return
    received = local_time(order.created_at, settings.timezone)
    typer.echo(f"{order.number}  {in_words(stage)}  {received}")
    for label, value in (
        (_("Shop status"), order.status),
        (_("Customer"), order.customer_name),
        (_("E-mail"), order.customer_email),
        (_("Payment"), _payment(order.payment_status)),
        (_("Shipping"), order.shipping_method),
        (_("Reason"), order.error),
        (_("Urgent"), _("its jobs go before others'") if order.urgent else None),
        (_("Waits for the customer"), _waits_for(order)),
        (_("Handed over"), _handed_over(order, settings)),
        (_("Came back"), order.reopened),
        (_("Shopify"), _shop_page(order, settings)),
        (_("Cost"), told(order.costs, settings.prices) if order.costs.total else None),
    ):
        if value:
            typer.echo(f"{label}: {in_words(value)}")
    place = 0
    for item in order.line_items:
        _print_item(item, first=place + 1)
        place += len(item.images)


def _print_item(item: LineItemView, *, first: int) -> None:
    """Print a line item with its images, counted on from the first one's place in the order."""
    typer.echo(f"\n{item.title} × {item.quantity}")
    for label, value in ((_("Dedication"), item.dedication), (_("Layout"), item.layout)):
        if value:
            typer.echo(f"{label}: {value}")
    rows = []
    for place, image in enumerate(item.images, start=first):
        newest = [views[-1] if views else None for views in (image.coloring, image.svg)]
        rows.append(
            (
                place,
                _("stored") if image.file else _("missing"),
                *(f"v{v.version} {in_words(v.status)}" if v else "" for v in newest),
                next((v.error for v in newest if v is not None and v.error), image.error),
            )
        )
    print_table((_("Photo"), _("File"), _("Colouring"), _("SVG"), _("Reason")), rows)


def _payment(value: str | None) -> PaymentStatus | str | None:
    return next((status for status in PaymentStatus if status == value), value)


def _waits_for(order: OrderDetail) -> str | None:
    return None if order.customer_note is None else order.customer_note or _("yes")


def _handed_over(order: OrderDetail, settings: Settings) -> str | None:
    if order.finished_at is None:
        return None
    at = local_time(order.finished_at, settings.timezone)
    return _("{time}, by {operator}").format(time=at, operator=order.finished_by or "?")


def _shop_page(order: OrderDetail, settings: Settings) -> str | None:
    admin = settings.shop_admin
    if admin is None or order.shopify_id is None:
        return None
    return f"{admin}/orders/{order.shopify_id}"


def _plain(row: OrderRow) -> dict[str, object]:
    fields = asdict(row)
    del fields["search"]  # what a terminal filters by; it only repeats the rest
    return {**fields, "stage": row.stage.stage, "stage_count": row.stage.count}


def _badges(images: tuple[ImageBadges, ...], status: Callable[[ImageBadges], object | None]) -> str:
    return ", ".join(in_words(status(image)) or "–" for image in images)
