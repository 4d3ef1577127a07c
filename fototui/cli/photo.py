"""`fototui orders photo`: attach a photo that an operator has to an order that is there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fototui.cli.output import print_json
from fototui.cli.runner import run, say, settings_for_command
from fototui.domain.errors import ConflictError, InvalidInputError
from fototui.i18n import _

if TYPE_CHECKING:
    from fototui.services.orders.attaching import AttachService
    from fototui.services.orders.photos import PhotoInput
    from fototui.services.views.orders import OrderDetail

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def photo(
    number: Annotated[str, typer.Argument(help="The order's number, such as #1270 or M1000.")],
    file: Annotated[Path, typer.Argument(help="The photo: a JPEG, PNG, WebP or GIF.")],
    image: Annotated[
        int | None,
        typer.Option(
            min=1, help="The missing one in whose place it goes, as `orders show` counts them."
        ),
    ] = None,
    book: Annotated[
        int | None, typer.Option(min=1, help="The book that it is added to, where there are more.")
    ] = None,
    as_json_: Json = False,
) -> None:
    """Attach a photo: in place of one that is missing, or as one more of a book.

    The file is checked like any photo from the shop, and the picture goes on as if its photo had
    been downloaded.
    """
    from fototui.runtime.compose import open_runtime
    from fototui.services.orders.attaching import AttachService
    from fototui.services.orders.manual import OrderService
    from fototui.services.orders.photos import PhotoInput
    from fototui.services.views import as_json

    if image is not None and book is not None:
        raise InvalidInputError("Give --image or --book, not both.")
    settings = settings_for_command()

    async def work() -> tuple["OrderDetail", int]:
        async with open_runtime(settings) as runtime, runtime.database.session() as session:
            orders = OrderService(session, operator=settings.operator)
            service = AttachService(session, operator=settings.operator, storage=runtime.storage)
            order = await orders.get_order(number)
            attached = await _attach(service, order, PhotoInput(file), image=image, book=book)
            return await orders.get_order(order.id), attached

    order, image_id = run(work())
    place = next(n for n, each in enumerate(order.images, start=1) if each.id == image_id)
    if as_json_:
        print_json(as_json({"number": order.number, "image": place, "image_id": image_id}))
    words = _("It is photo {place} of order {number} now.")
    say(words.format(place=place, number=order.number))


async def _attach(
    service: "AttachService",
    order: "OrderDetail",
    photo: "PhotoInput",
    *,
    image: int | None,
    book: int | None,
) -> int:
    if image is not None:
        if image > len(order.images):
            raise InvalidInputError(
                "Order {number} has no photo {place}; see fototui orders show.",
                number=order.number,
                place=image,
            )
        return await service.replace_missing(order.images[image - 1].id, photo)
    books = order.line_items
    if book is None and len(books) != 1:
        raise ConflictError(
            "Order {number} has {count} books; say by --book which of them the photo is for.",
            number=order.number,
            count=len(books),
        )
    if book is not None and book > len(books):
        raise InvalidInputError(
            "Order {number} has no book {place}; see fototui orders show.",
            number=order.number,
            place=book,
        )
    return await service.add(books[(book or 1) - 1].id, photo)
