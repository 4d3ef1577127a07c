"""`fototui books`: print-ready books made of the chosen SVGs."""

from pathlib import Path
from typing import Annotated

import typer

from fototui.cli.output import print_json, print_table
from fototui.cli.runner import run, run_service, say, settings_for_command
from fototui.config.file import write_atomically
from fototui.domain.books import MAX_BLEED, BookOptions
from fototui.domain.errors import InvalidInputError, NotFoundError
from fototui.i18n import _, translate
from fototui.runtime.compose import book_options, open_runtime
from fototui.services.books.service import BookService
from fototui.services.verified_files import get_verified
from fototui.services.views import as_json
from fototui.services.views.books import BookReport, BookView

Number = Annotated[str, typer.Argument(help="The order's number, such as #1270 or M1000.")]
Numbers = Annotated[list[str], typer.Argument(help="Numbers of orders, such as #1270 or M1000.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

app = typer.Typer(help="Make and save print-ready books.", no_args_is_help=True)


@app.command("make")
def make_books(
    numbers: Numbers,
    item: Annotated[
        list[int] | None,
        typer.Option(
            "--item", min=1, max=10_000, help="Only this line item: its place in the order, from 1."
        ),
    ] = None,
    bleed: Annotated[
        float | None, typer.Option(min=0, max=MAX_BLEED, help="Millimetres to be cut off.")
    ] = None,
    crop_marks: Annotated[bool | None, typer.Option(help="Lines that tell where to cut.")] = None,
    blank_backs: Annotated[
        bool | None, typer.Option(help="Leave the back of each picture white.")
    ] = None,
    page_numbers: Annotated[bool | None, typer.Option(help="Number the pictures.")] = None,
    as_json_: Json = False,
) -> None:
    """Queue a book of each line item that has none which is still true.

    A true book does, whatever its options, unless options are given here.
    """
    settings = settings_for_command()
    given = {
        "bleed": bleed,
        "crop_marks": crop_marks,
        "blank_backs": blank_backs,
        "page_numbers": page_numbers,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    options = BookOptions.model_validate(book_options(settings).model_dump() | chosen)

    async def work(books: BookService) -> tuple[BookReport, ...]:
        found: list[BookReport] = []
        for number in numbers:
            found += await books.create_for_order(
                number, options, positions=item or None, exactly=bool(chosen)
            )
        return tuple(found)

    reports = run_service(settings, BookService, work)
    if as_json_:
        print_json(as_json(reports))
    for report in reports:
        if report.book is None:
            skipped = "" if report.skipped is None else translate(report.skipped)
            say(_("line item {place}: {words}").format(place=report.position, words=skipped))
        else:
            view = report.book
            words = _("line item {place}: book v{version} ({id}) is queued.")
            say(words.format(place=report.position, version=view.version, id=view.id))


@app.command("list")
def list_books(number: Number, as_json_: Json = False) -> None:
    """List the books of an order."""
    settings = settings_for_command()
    views = run_service(settings, BookService, lambda books: books.list_books(number))
    if as_json_:
        print_json(as_json(views))
        return
    print_table(
        (
            _("Item"),
            _("Id"),
            _("Version"),
            _("Status"),
            _("Current"),
            _("Pages"),
            _("Warnings"),
            _("Seconds"),
            _("Reason"),
        ),
        [
            (
                view.position,
                view.id,
                f"v{view.version}",
                view.status,
                _("yes") if view.current else "",
                view.pages,
                "" if view.findings is None else len(view.findings),
                view.elapsed_seconds,
                view.error,
            )
            for view in views
        ],
    )


@app.command("save")
def save_books(
    number: Number,
    folder: Annotated[Path, typer.Option("--to", help="Folder for the files.")] = Path(),
    as_json_: Json = False,
) -> None:
    """Save the newest finished book of each line item of an order as a PDF."""
    settings = settings_for_command()

    async def work() -> list[tuple[BookView, bytes]]:
        async with open_runtime(settings) as runtime:
            async with runtime.database.session() as session:
                views = await BookService(session, operator=settings.operator).list_books(number)
            newest = {view.line_item_id: view for view in views if view.file is not None}
            if not newest:
                raise NotFoundError(
                    "Order {number} has no finished book; "
                    "make one with: fototui books make {number}",
                    number=number,
                )
            return [
                (view, await get_verified(runtime.storage, view.file))
                for view in newest.values()
                if view.file is not None
            ]

    saved = [(view, _write(folder, view, data)) for view, data in run(work())]
    if as_json_:
        print_json([{"path": str(path), "book": as_json(view)} for view, path in saved])
    for view, path in saved:
        if not as_json_:
            typer.echo(str(path))
        if not view.current:
            words = _("line item {place}: something else is chosen by now; make it again.")
            say(words.format(place=view.position))


@app.command("retry")
def retry_book(
    book_id: Annotated[int, typer.Argument(help="The book's id, as `books list` shows it.")],
    as_json_: Json = False,
) -> None:
    """Queue a failed or cancelled book again."""
    settings = settings_for_command()
    view = run_service(settings, BookService, lambda books: books.retry(book_id))
    if as_json_:
        print_json(as_json(view))
    say(_("book v{version} ({id}) is queued again.").format(version=view.version, id=view.id))


def _write(folder: Path, view: BookView, data: bytes) -> Path:
    assert view.file is not None
    path = folder / view.file.key.rsplit("/", 1)[-1]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise InvalidInputError(
            "{path} cannot be written: {reason}. Choose another folder with --to.",
            path=str(path),
            reason=error.strerror or type(error).__name__,
        ) from error
    return path
