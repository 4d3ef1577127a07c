"""`fototui coloring`, `fototui svg`, `fototui versions`: what is made from photos."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from fototui.cli.output import print_json, print_table
from fototui.cli.runner import run, say, settings_for_command
from fototui.config.settings import Settings
from fototui.db.events.session import TrackedAsyncSession
from fototui.domain.errors import InvalidInputError, NotFoundError
from fototui.domain.options import ColoringOptions, GroupBy, ShapeStacking, SvgOptions
from fototui.domain.statuses import VersionType
from fototui.i18n import N_, _, translate
from fototui.runtime.compose import default_options, open_runtime
from fototui.services.orders.manual import OrderService
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.kinds import version_service
from fototui.services.versions.svg import VectorizerService
from fototui.services.views import as_json
from fototui.services.views.orders import ImageView, OrderDetail
from fototui.services.views.versions import StartReport, VersionView
from fototui.widgets.version_words import kind_word, options_words

T = TypeVar("T")

Number = Annotated[str, typer.Argument(help="The order's number, such as #1270 or M1000.")]
ImageOption = Annotated[
    int | None, typer.Option("--image", help="Only this photo: its place in the order, from 1.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Kind = Annotated[VersionType, typer.Argument(help="Which kind of version.")]
VersionId = Annotated[int, typer.Argument(help="The version's id, as `versions list` shows it.")]

coloring = typer.Typer(help="Make colourings.", no_args_is_help=True)
svg = typer.Typer(help="Make SVGs.", no_args_is_help=True)
versions = typer.Typer(help="Look at versions, choose, retry, cancel.", no_args_is_help=True)


@coloring.command("generate")
def generate_coloring(
    number: Number,
    image: ImageOption = None,
    megapixels: Annotated[float | None, typer.Option(help="Size, 0.5 to 8.")] = None,
    steps: Annotated[int | None, typer.Option(help="Fineness, 1 to 20.")] = None,
    as_json_: Json = False,
) -> None:
    """Queue colourings for all photos of an order that need one, or for one photo."""
    settings = settings_for_command()
    usual = default_options(settings)
    options = ColoringOptions(
        megapixels=usual.megapixels if megapixels is None else megapixels,
        steps=usual.steps if steps is None else steps,
    )

    async def work(session: TrackedAsyncSession) -> tuple[StartReport, ...]:
        service = ColoringService(session, operator=settings.operator)
        if image is None:
            return await service.create_for_order(number, options)
        found = await _image(session, settings, number, image)
        return (_started(found, await service.create(found.id, options)),)

    _print_started(_with_session(settings, work), as_json_)


@svg.command("generate")
def generate_svg(
    number: Number,
    image: ImageOption = None,
    shape_stacking: Annotated[
        ShapeStacking, typer.Option(help="How shapes lie on each other.")
    ] = ShapeStacking.STACKED,
    group_by: Annotated[GroupBy, typer.Option(help="How shapes are grouped.")] = GroupBy.COLOR,
    as_json_: Json = False,
) -> None:
    """Queue SVGs for all photos of an order that have a colouring, or for one photo.

    They are made of the chosen colouring; where none is chosen, of the newest.
    """
    settings = settings_for_command()
    options = SvgOptions(shape_stacking=shape_stacking, group_by=group_by)

    async def work(session: TrackedAsyncSession) -> tuple[StartReport, ...]:
        service = VectorizerService(session, operator=settings.operator)
        if image is None:
            return await service.create_for_order(number, options)
        found = await _image(session, settings, number, image)
        return (_started(found, await service.create(found.id, options)),)

    _print_started(_with_session(settings, work), as_json_)


@versions.command("list")
def list_versions(number: Number, image: ImageOption = None, as_json_: Json = False) -> None:
    """List the versions of an order's photos."""
    settings = settings_for_command()

    async def work(session: TrackedAsyncSession) -> OrderDetail:
        return await OrderService(session, operator=settings.operator).get_order(number)

    order = _with_session(settings, work)
    images = list(enumerate(order.images, start=1))
    if image is not None:
        images = [(image, _nth(order, number, image))]
    found = [(place, view) for place, i in images for view in (*i.coloring, *i.svg)]
    if as_json_:
        print_json([{"place": place, **_plain(view)} for place, view in found])
        return
    print_table(
        (
            _("Photo"),
            _("Kind"),
            _("Id"),
            _("Version"),
            _("Status"),
            _("Chosen"),
            _("Options"),
            _("Seconds"),
            _("Reason"),
        ),
        [
            (
                place,
                view.kind,
                view.id,
                f"v{view.version}",
                view.status,
                _("yes") if view.selected else "",
                "?" if view.options is None else options_words(view.options),
                view.elapsed_seconds,
                view.error,
            )
            for place, view in found
        ],
    )


@versions.command("retry")
def retry_version(kind: Kind, version_id: VersionId, as_json_: Json = False) -> None:
    """Queue a failed or cancelled version again."""
    _act(
        kind, lambda service: service.retry(version_id), N_("{version} is queued again."), as_json_
    )


@versions.command("select")
def select_version(kind: Kind, version_id: VersionId, as_json_: Json = False) -> None:
    """Choose a completed version for its photo."""
    _act(kind, lambda service: service.select(version_id), N_("{version} is chosen."), as_json_)


@versions.command("cancel")
def cancel_version(kind: Kind, version_id: VersionId, as_json_: Json = False) -> None:
    """Stop a version that is waiting or being made."""
    _act(kind, lambda service: service.cancel(version_id), N_("{version} is cancelled."), as_json_)


def _act(
    kind: VersionType,
    action: Callable[[ColoringService | VectorizerService], Awaitable[VersionView]],
    done: str,
    as_json_: bool,
) -> None:
    settings = settings_for_command()

    async def work(session: TrackedAsyncSession) -> VersionView:
        return await action(version_service(kind)(session, operator=settings.operator))

    view = _with_session(settings, work)
    if as_json_:
        print_json(as_json(view))
    say(_(done).format(version=f"{kind_word(kind)} v{view.version} ({view.id})"))


def _with_session(settings: Settings, work: Callable[[TrackedAsyncSession], Awaitable[T]]) -> T:
    async def main() -> T:
        async with open_runtime(settings) as runtime, runtime.database.session() as session:
            return await work(session)

    return run(main())


async def _image(
    session: TrackedAsyncSession, settings: Settings, number: str, place: int
) -> ImageView:
    order = await OrderService(session, operator=settings.operator).get_order(number)
    return _nth(order, number, place)


def _nth(order: OrderDetail, number: str, place: int) -> ImageView:
    if place < 1:
        raise InvalidInputError(
            "There is no photo {place}; photos are counted from 1.", place=place
        )
    if place > len(order.images):
        raise NotFoundError(
            "Order {number} has photos up to {last}, not {place}; choose one of them.",
            number=number,
            last=len(order.images),
            place=place,
        )
    return order.images[place - 1]


def _started(image: ImageView, version: VersionView) -> StartReport:
    return StartReport(image_id=image.id, position=image.position, version=version)


def _print_started(reports: tuple[StartReport, ...], as_json_: bool) -> None:
    if as_json_:
        print_json(as_json(reports))
    for report in reports:
        if report.version is None:
            skipped = "" if report.skipped is None else translate(report.skipped)
            say(_("photo {place}: {words}").format(place=report.position, words=skipped))
        else:
            view = report.version
            note = "" if view.note is None else f" {translate(view.note)}"
            version = f"{kind_word(view.kind)} v{view.version} ({view.id})"
            words = _("photo {place}: {version} is queued.")
            say(words.format(place=report.position, version=version) + note)


def _plain(view: VersionView) -> dict[str, object]:
    plain = as_json(view)
    assert isinstance(plain, dict)
    return plain
