"""Orders coming in from the shop: asked for, or told by webhook."""

import asyncio
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request

from fototui.clients.shopify import Delivery, is_genuine, read_delivery
from fototui.domain.errors import ConfigurationError, FototuiError
from fototui.server.context import ServerContext
from fototui.server.errors import WrongSignatureError
from fototui.server.routes.common import CLOSED, ERRORS, Caller, Context, OrderRef
from fototui.server.schemas import FailedImport, ImportAnswer, SyncAnswer, WebhookAnswer
from fototui.services.ingest.imports import ImportService, SyncService

router = APIRouter(prefix="/api/v1", tags=["shop"], responses=ERRORS)


@router.post("/orders/fetch-from-shopify", operation_id="fetch_from_shopify", dependencies=CLOSED)
async def fetch_from_shopify(
    context: Context,
    caller: Caller,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most orders.")] = 50,
    since: Annotated[
        date | None, Query(description="Only orders placed or changed on that day or later.")
    ] = None,
) -> ImportAnswer:
    """Import recent orders; answers when that is done."""
    shop = context.require_shop()
    async with context.database.session() as session:
        service = ImportService(session, operator=caller, shop=shop)
        report = await service.import_recent(limit=limit, since=since)
    return ImportAnswer(
        imported=list(report.imported),
        updated=list(report.updated),
        skipped=list(report.skipped),
        failed=[
            FailedImport(order_number=failure.number, reason=str(failure.reason))
            for failure in report.failed
        ],
    )


@router.post(
    "/orders/{order_id}/sync", operation_id="sync_order", status_code=202, dependencies=CLOSED
)
async def sync_order(context: Context, caller: Caller, order_id: OrderRef) -> SyncAnswer:
    """Have an order fetched from the shop again, by an engine."""
    async with context.database.session() as session:
        await SyncService(session, operator=caller).request(order_id)
    return SyncAnswer()


_READ_AT_ONCE = 16_000

# FastAPI would read the body; the signature is that of its very bytes.
_WEBHOOK_BODY = {
    "requestBody": {
        "required": True,
        "description": "An order in the words of Shopify's webhooks.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


@router.post("/webhooks/shopify", operation_id="take_shopify_webhook", openapi_extra=_WEBHOOK_BODY)
async def take_webhook(request: Request, context: Context) -> WebhookAnswer:
    """Take a webhook of the shop; what it tells of is fetched afterwards, by an engine."""
    try:
        result = await _take(request, context)
    except FototuiError as error:
        context.metrics.took_webhook(error.code)
        raise
    context.metrics.took_webhook(result)
    return WebhookAnswer(result=result)


async def _take(request: Request, context: ServerContext) -> str:
    secrets = context.webhook_secrets
    if not secrets:
        raise ConfigurationError(
            "The server knows no secret to check webhooks by. Set SHOPIFY_WEBHOOK_SECRET, then "
            "reload it."
        )
    signature = request.headers.get("x-shopify-hmac-sha256")
    body = await request.body()

    def read() -> Delivery:
        if not is_genuine(body, signature, secrets):
            raise WrongSignatureError(
                "The signature is wrong: the webhook is not the shop's, or SHOPIFY_WEBHOOK_SECRET "
                "is not the shop's present secret."
            )
        return read_delivery(request.headers, body)

    # A body may be 2 MB; of a usual one a thread takes longer to begin than to read it.
    delivery = read() if len(body) <= _READ_AT_ONCE else await asyncio.to_thread(read)
    is_new = await context.deliveries.take_in(delivery)
    if delivery.order is None:
        return "ignored"
    return "accepted" if is_new else "duplicate"
