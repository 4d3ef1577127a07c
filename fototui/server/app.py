"""The HTTP server's app: all its paths, over one server context."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

import fototui
from fototui.domain.errors import FototuiError
from fototui.server.context import ServerContext
from fototui.server.errors import answer_http, answer_invalid, answer_raised
from fototui.server.event_schema import event_schema
from fototui.server.health import Health
from fototui.server.middleware import RequestLimits, RequestMiddleware
from fototui.server.routes import books, images, monitoring, orders, photos, shop

DESCRIPTION = """
Orders, pictures and jobs of the shop. Every error is answered as `{"error": {"code", "message"}}`.
"""


class _App(FastAPI):
    """FastAPI, whose description also holds the live events."""

    # Any: FastAPI's own declaration.
    def openapi(self) -> dict[str, Any]:
        """Describe the API."""
        if self.openapi_schema is None:
            described = super().openapi()
            events = event_schema("#/components/schemas/{model}")
            parts = events.pop("$defs")
            described["components"]["schemas"] |= {**parts, "Event": events}
        assert self.openapi_schema is not None
        return self.openapi_schema


def create_server(context: ServerContext, *, limits: RequestLimits | None = None) -> FastAPI:
    """Make the app.

    Args:
        context: What it stands on; it must outlive the app's last request.
        limits: What a request may cost.

    Returns:
        The app; it opens and closes nothing itself.
    """
    app = _App(
        title="fototui",
        version=fototui.__version__,
        description=DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.context = context
    app.state.health = Health(context)
    # Routes are tried one after the other: those that are asked most stand first. No path fits
    # two.
    for routes in (shop, orders, monitoring, photos, images, books):
        app.include_router(routes.router)

    @app.exception_handler(FototuiError)
    async def _on_error(request: Request, error: FototuiError) -> Response:
        return answer_raised(error, path=request.url.path)

    @app.exception_handler(HTTPException)
    async def _on_refusal(_request: Request, error: HTTPException) -> Response:
        return answer_http(error)

    @app.exception_handler(RequestValidationError)
    async def _on_invalid(_request: Request, error: RequestValidationError) -> Response:
        return answer_invalid(error)

    app.add_middleware(RequestMiddleware, context=context, limits=limits or RequestLimits())
    return app
