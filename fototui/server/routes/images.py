"""Images and their versions: lists, new ones, retries, choices."""

from fastapi import APIRouter

from fototui.domain.errors import NotFoundError
from fototui.runtime.compose import default_options
from fototui.server.context import ServerContext
from fototui.server.routes.common import (
    CLOSED,
    ERRORS,
    Caller,
    Context,
    ImageId,
    Presenting,
    VersionId,
)
from fototui.server.schemas import (
    ColoringRequest,
    ColoringVersionAnswer,
    ImageAnswer,
    SvgRequest,
    SvgVersionAnswer,
)
from fototui.services.orders.manual import OrderService
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.svg import VectorizerService
from fototui.services.views.orders import ImageView
from fototui.services.views.versions import VersionView

router = APIRouter(prefix="/api/v1", tags=["images"], dependencies=CLOSED, responses=ERRORS)


async def _read_image(context: ServerContext, caller: str, image_id: int) -> ImageView:
    async with context.database.autocommit() as session:
        return await OrderService(session, operator=caller).get_image(image_id)


@router.get("/images/{image_id}/coloring-versions", operation_id="list_coloring_versions")
async def list_coloring_versions(
    context: Context, presenter: Presenting, caller: Caller, image_id: ImageId
) -> list[ColoringVersionAnswer]:
    """All colourings of an image, by number."""
    image = await _read_image(context, caller, image_id)
    return await presenter.colorings(image.coloring)


@router.get("/images/{image_id}/svg-versions", operation_id="list_svg_versions")
async def list_svg_versions(
    context: Context, presenter: Presenting, caller: Caller, image_id: ImageId
) -> list[SvgVersionAnswer]:
    """All SVGs of an image, by number."""
    image = await _read_image(context, caller, image_id)
    return await presenter.svgs(image.svg)


@router.post(
    "/images/{image_id}/generate-coloring", operation_id="generate_coloring", status_code=202
)
async def generate_coloring(
    context: Context,
    presenter: Presenting,
    caller: Caller,
    image_id: ImageId,
    wanted: ColoringRequest | None = None,
) -> ColoringVersionAnswer:
    """Ask for a new colouring of an image."""
    options = (wanted or ColoringRequest()).over(default_options(context.settings))
    async with context.database.session() as session:
        view = await ColoringService(session, operator=caller).create(image_id, options)
    return await presenter.coloring(view)


@router.post("/images/{image_id}/generate-svg", operation_id="generate_svg", status_code=202)
async def generate_svg(
    context: Context,
    presenter: Presenting,
    caller: Caller,
    image_id: ImageId,
    wanted: SvgRequest | None = None,
) -> SvgVersionAnswer:
    """Ask for a new SVG of an image, made from its chosen colouring, else from the newest."""
    options = (wanted or SvgRequest()).options()
    async with context.database.session() as session:
        view = await VectorizerService(session, operator=caller).create(image_id, options)
    return await presenter.svg(view)


@router.post(
    "/coloring-versions/{version_id}/retry", operation_id="retry_coloring", status_code=202
)
async def retry_coloring(
    context: Context, presenter: Presenting, caller: Caller, version_id: VersionId
) -> ColoringVersionAnswer:
    """Have a failed colouring made again."""
    async with context.database.session() as session:
        view = await ColoringService(session, operator=caller).retry(version_id)
    return await presenter.coloring(view)


@router.post("/svg-versions/{version_id}/retry", operation_id="retry_svg", status_code=202)
async def retry_svg(
    context: Context, presenter: Presenting, caller: Caller, version_id: VersionId
) -> SvgVersionAnswer:
    """Have a failed SVG made again."""
    async with context.database.session() as session:
        view = await VectorizerService(session, operator=caller).retry(version_id)
    return await presenter.svg(view)


@router.post("/images/{image_id}/select-coloring/{version_id}", operation_id="select_coloring")
async def select_coloring(
    context: Context,
    presenter: Presenting,
    caller: Caller,
    image_id: ImageId,
    version_id: VersionId,
) -> ImageAnswer:
    """Choose a colouring for its image."""
    image = await _read_image(context, caller, image_id)
    _require_among(image.coloring, version_id, image_id)
    async with context.database.session() as session:
        await ColoringService(session, operator=caller).select(version_id)
    return await presenter.image(await _read_image(context, caller, image_id))


@router.post("/images/{image_id}/select-svg/{version_id}", operation_id="select_svg")
async def select_svg(
    context: Context,
    presenter: Presenting,
    caller: Caller,
    image_id: ImageId,
    version_id: VersionId,
) -> ImageAnswer:
    """Choose an SVG for its image."""
    image = await _read_image(context, caller, image_id)
    _require_among(image.svg, version_id, image_id)
    async with context.database.session() as session:
        await VectorizerService(session, operator=caller).select(version_id)
    return await presenter.image(await _read_image(context, caller, image_id))


def _require_among(versions: tuple[VersionView, ...], version_id: int, image_id: int) -> None:
    # A version never changes its image, so this stays true until the choice is made.
    if all(version.id != version_id for version in versions):
        raise NotFoundError(
            "Image {image} has no such version {version}; look at its versions again.",
            image=image_id,
            version=version_id,
        )
