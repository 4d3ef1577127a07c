"""Orders and what belongs to them, made through the ORM."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from sqlalchemy.ext.asyncio import AsyncSession

from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order, SvgVersion
from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import ColoringProcessingStatus, OrderStatus, SvgProcessingStatus

_numbers = count(2000)


def file_ref(key: str = "photo.jpg") -> S3ObjectRefData:
    """A reference to a file that may not exist."""
    return S3ObjectRefData(key=key, bucket="test", content_type="image/jpeg", size=1234)


async def make_order(
    session: AsyncSession,
    *,
    images: int = 1,
    line_items: int = 1,
    status: OrderStatus = OrderStatus.READY_FOR_REVIEW,
    uploaded: bool = True,
    **fields: object,
) -> Order:
    """An order in the session, flushed and with everything below it loaded.

    Args:
        session: Session to make it in; the commit is the caller's.
        images: Photos of each line item.
        line_items: Line items.
        status: The order's status.
        uploaded: The photos have files.
        fields: Other columns of the order.
    """
    number = next(_numbers)
    values: dict[str, object] = {
        "order_number": f"#{number}",
        "shopify_id": number * 1000,
        "shopify_order_number": str(number),
        "customer_name": "Jana Nováková",
        "customer_email": "jana@example.com",
        "payment_status": "PAID",
        "status": status,
    }
    order = Order(**values | fields)
    order.line_items = [
        LineItem(
            position=position,
            title=f"Omalovánka {position}",
            quantity=1,
            images=[
                Image(
                    position=place,
                    original_url=f"https://example.com/{number}/{position}/{place}.jpg",
                    file_ref=file_ref(f"{number}/{position}/image_{place}.jpg")
                    if uploaded
                    else None,
                    coloring_versions=[],
                    svg_versions=[],
                )
                for place in range(1, images + 1)
            ],
        )
        for position in range(1, line_items + 1)
    ]
    session.add(order)
    await session.flush()
    return order


async def make_coloring(
    session: AsyncSession,
    image: Image,
    *,
    status: ColoringProcessingStatus = ColoringProcessingStatus.QUEUED,
    version: int = 1,
    **fields: object,
) -> ColoringVersion:
    """A colouring of an image, flushed."""
    row = ColoringVersion(image_id=image.id, version=version, status=status, **fields)
    session.add(row)
    await session.flush()
    return row


async def make_svg(
    session: AsyncSession,
    coloring: ColoringVersion,
    *,
    status: SvgProcessingStatus = SvgProcessingStatus.QUEUED,
    version: int = 1,
    **fields: object,
) -> SvgVersion:
    """An SVG of a colouring, flushed."""
    row = SvgVersion(
        image_id=coloring.image_id,
        coloring_version_id=coloring.id,
        version=version,
        status=status,
        **fields,
    )
    session.add(row)
    await session.flush()
    return row


async def choose_svgs(session: AsyncSession, order: Order) -> list[int]:
    """A finished SVG of each image of an order, and its choice; the SVGs' ids."""
    chosen = []
    for item in order.line_items:
        for its_image in item.images:
            image = await session.merge(its_image)
            coloring = await make_coloring(
                session, image, status=ColoringProcessingStatus.COMPLETED, file_ref=file_ref()
            )
            svg = await make_svg(
                session,
                coloring,
                status=SvgProcessingStatus.COMPLETED,
                file_ref=file_ref(f"{image.id}.svg"),
                completed_at=datetime.now(UTC),
            )
            image.selected_coloring_id, image.selected_svg_id = coloring.id, svg.id
            chosen.append(svg.id)
    await session.flush()
    return chosen
