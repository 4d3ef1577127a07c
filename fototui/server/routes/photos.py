"""Photos that came otherwise than through the shop: attached to orders that are there."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from fototui.domain.errors import NotFoundError
from fototui.server.routes.common import (
    CLOSED,
    ERRORS,
    Caller,
    Context,
    ImageId,
    LineItemId,
    OrderRef,
    Presenting,
)
from fototui.server.schemas import ImageAnswer
from fototui.services.orders.attaching import AttachService
from fototui.services.orders.manual import OrderService
from fototui.services.orders.photos import PhotoInput

router = APIRouter(prefix="/api/v1/orders", tags=["photos"], dependencies=CLOSED, responses=ERRORS)

Filename = Annotated[
    str | None, Query(max_length=200, description="What the file is called, for the history.")
]

# Any: JSON Schema. The body is the file itself, which is looked into and not believed.
_PHOTO: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The photo's bytes, as they are in its file.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "/{order_id}/images/{image_id}/photo", operation_id="attach_photo", openapi_extra=_PHOTO
)
async def attach_photo(
    request: Request,
    context: Context,
    presenter: Presenting,
    caller: Caller,
    order_id: OrderRef,
    image_id: ImageId,
    filename: Filename = None,
) -> ImageAnswer:
    """Attach a photo in place of one that is missing."""
    photo = PhotoInput(await request.body(), filename)
    async with context.database.session() as session:
        orders = OrderService(session, operator=caller)
        order = await orders.get_order(order_id)
        if image_id not in {image.id for image in order.images}:
            raise NotFoundError(
                "Order {number} has no image {id}; look at the order again.",
                number=order.number,
                id=image_id,
            )
        service = AttachService(session, operator=caller, storage=context.storage)
        await service.replace_missing(image_id, photo)
        image = await orders.get_image(image_id)
    return await presenter.image(image)


@router.post(
    "/{order_id}/line-items/{line_item_id}/photos",
    operation_id="add_photo",
    status_code=201,
    openapi_extra=_PHOTO,
)
async def add_photo(
    request: Request,
    context: Context,
    presenter: Presenting,
    caller: Caller,
    order_id: OrderRef,
    line_item_id: LineItemId,
    filename: Filename = None,
) -> ImageAnswer:
    """Attach a photo as one more of a colouring book."""
    photo = PhotoInput(await request.body(), filename)
    async with context.database.session() as session:
        orders = OrderService(session, operator=caller)
        order = await orders.get_order(order_id)
        if line_item_id not in {item.id for item in order.line_items}:
            raise NotFoundError(
                "Order {number} has no line item {id}; look at the order again.",
                number=order.number,
                id=line_item_id,
            )
        service = AttachService(session, operator=caller, storage=context.storage)
        image = await orders.get_image(await service.add(line_item_id, photo))
    return await presenter.image(image)
