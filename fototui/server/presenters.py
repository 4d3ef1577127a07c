"""Turns what services give into what the API answers; files become addresses."""

from collections.abc import Iterable

from fototui.domain.books import Finding
from fototui.domain.costs import Prices, Spent
from fototui.domain.files import S3ObjectRefData
from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.domain.stages import OrderStage
from fototui.domain.statuses import ColoringProcessingStatus, SvgProcessingStatus
from fototui.server.schemas import (
    BookAnswer,
    BookOptionsAnswer,
    ColoringOptionsAnswer,
    ColoringVersionAnswer,
    CostsAnswer,
    FindingAnswer,
    ImageAnswer,
    LineItemAnswer,
    OrderAnswer,
    OrderSummary,
    SelectedVersions,
    SpentAnswer,
    SvgOptionsAnswer,
    SvgVersionAnswer,
    Versions,
)
from fototui.services.views.books import BookView
from fototui.services.views.orders import ImageView, OrderDetail, OrderRow
from fototui.services.views.versions import VersionView
from fototui.storage.base import Storage


class Presenter:
    """Makes answers.

    Args:
        storage: Knows the files' addresses.
        prices: What outside services charge.
    """

    def __init__(self, storage: Storage, prices: Prices) -> None:
        self._storage = storage
        self._prices = prices

    async def coloring(self, view: VersionView) -> ColoringVersionAnswer:
        """A colouring."""
        options = view.options if isinstance(view.options, ColoringOptions) else None
        return ColoringVersionAnswer(
            id=view.id,
            version=view.version,
            url=await self._url(view.file),
            status=ColoringProcessingStatus(view.status),
            options=None if options is None else ColoringOptionsAnswer.model_validate(options),
            created_at=view.created_at,
        )

    async def svg(self, view: VersionView) -> SvgVersionAnswer:
        """An SVG."""
        assert view.coloring_version_id is not None
        options = view.options if isinstance(view.options, SvgOptions) else None
        return SvgVersionAnswer(
            id=view.id,
            version=view.version,
            url=await self._url(view.file),
            status=SvgProcessingStatus(view.status),
            coloring_version_id=view.coloring_version_id,
            options=None if options is None else SvgOptionsAnswer.model_validate(options),
            created_at=view.created_at,
        )

    async def colorings(self, views: Iterable[VersionView]) -> list[ColoringVersionAnswer]:
        """Several colourings."""
        return [await self.coloring(view) for view in views]

    async def svgs(self, views: Iterable[VersionView]) -> list[SvgVersionAnswer]:
        """Several SVGs."""
        return [await self.svg(view) for view in views]

    async def book(self, view: BookView) -> BookAnswer:
        """A book."""
        findings = view.findings
        return BookAnswer(
            id=view.id,
            line_item_id=view.line_item_id,
            position=view.position,
            version=view.version,
            url=await self._url(view.file),
            status=view.status,
            current=view.current,
            pages=view.pages,
            findings=None if findings is None else [_finding(each) for each in findings],
            options=None
            if view.options is None
            else BookOptionsAnswer.model_validate(view.options),
            error=None if view.error is None else str(view.error),
            created_at=view.created_at,
            completed_at=view.completed_at,
        )

    async def image(self, view: ImageView) -> ImageAnswer:
        """An image with its versions."""
        return ImageAnswer(
            id=view.id,
            position=view.position,
            url=await self._url(view.file),
            downloaded_at=view.uploaded_at,
            selected_version_ids=SelectedVersions(
                coloring=view.selected_coloring_id, svg=view.selected_svg_id
            ),
            versions=Versions(
                coloring=await self.colorings(view.coloring), svg=await self.svgs(view.svg)
            ),
        )

    async def order(self, order: OrderDetail, stage: OrderStage) -> OrderAnswer:
        """An order with everything in it."""
        return OrderAnswer(
            id=order.id,
            order_number=order.number,
            shopify_id=order.shopify_id,
            status=order.status,
            stage=stage.stage,
            stage_count=stage.count,
            finished_at=order.finished_at,
            finished_by=order.finished_by,
            customer_note=order.customer_note,
            customer_asked_at=order.customer_asked_at,
            customer_asked_by=order.customer_asked_by,
            customer_name=order.customer_name,
            customer_email=order.customer_email,
            payment_status=order.payment_status,
            shipping_method=order.shipping_method,
            created_at=order.created_at,
            updated_at=order.updated_at,
            costs=CostsAnswer(
                total=self._spent(order.costs.total),
                wasted=self._spent(order.costs.wasted),
                currency=self._prices.currency if self._prices.any else None,
            ),
            line_items=[
                LineItemAnswer(
                    id=item.id,
                    position=item.position,
                    title=item.title,
                    quantity=item.quantity,
                    dedication=item.dedication,
                    layout=item.layout,
                    images=[await self.image(image) for image in item.images],
                )
                for item in order.line_items
            ],
        )

    def _spent(self, spent: Spent) -> SpentAnswer:
        cost = self._prices.cost(spent)
        return SpentAnswer(
            calls=spent.calls,
            seconds=spent.seconds,
            credits=spent.credits,
            cost=None if cost is None else float(round(cost, 6)),
        )

    async def _url(self, file: S3ObjectRefData | None) -> str | None:
        return None if file is None else await self._storage.url(file.key)


def _finding(finding: Finding) -> FindingAnswer:
    return FindingAnswer(page=finding.page, kind=finding.kind, message=str(finding.sentence))


def summary(row: OrderRow) -> OrderSummary:
    """A line of the list of orders."""
    stage = row.stage
    return OrderSummary(
        id=row.id,
        order_number=row.number,
        status=row.status,
        stage=stage.stage,
        stage_count=stage.count,
        customer_name=row.customer_name,
        customer_email=row.customer_email,
        payment_status=row.payment_status,
        customer_note=row.customer_note,
        created_at=row.created_at,
        line_items=row.items,
        images=len(row.images),
    )


def summary_json(row: OrderRow) -> bytes:
    """The same in the words of the wire."""
    return summary(row).model_dump_json().encode()
