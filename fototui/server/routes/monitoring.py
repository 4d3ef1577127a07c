"""How the server is, what it counts, and what its events look like."""

from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse

from fototui.server.event_schema import event_schema
from fototui.server.health import OK, Health
from fototui.server.routes.common import CLOSED, ERRORS, Context
from fototui.server.schemas import Alive, Readiness

router = APIRouter(tags=["monitoring"], responses=ERRORS)


@router.get("/healthz", operation_id="is_alive")
async def is_alive() -> Alive:
    """Whether the process runs; looks at nothing."""
    return Alive()


@router.get("/api/v1/health", operation_id="health")
async def health() -> Alive:
    """The same, under its earlier path."""
    return Alive()


@router.get(
    "/readyz",
    operation_id="is_ready",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "The server cannot do its work now."}},
)
async def is_ready(request: Request, context: Context) -> Response:
    """Whether the server can do its work: database, schema and storage."""
    if context.is_draining:
        found = Readiness(ready=False, checks={"server": "stopping"})
    else:
        checks = dict(await _health(request).check())
        found = Readiness(ready=all(state == OK for state in checks.values()), checks=checks)
    return JSONResponse(found.model_dump(), status_code=200 if found.ready else 503)


@router.get(
    "/metrics",
    operation_id="metrics",
    dependencies=CLOSED,
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request, context: Context) -> Response:
    """All metrics, in Prometheus' text format; needs no token from this machine itself."""
    health = _health(request)
    found = context.metrics.render(await health.stats(), await health.stages(), await health.paid())
    return Response(found, headers={"Content-Type": CONTENT_TYPE_LATEST})


# Any: JSON Schema.
@router.get("/api/v1/events/schema", operation_id="get_event_schema", dependencies=CLOSED)
async def get_event_schema() -> dict[str, Any]:
    """JSON Schema of all live events, for generated clients."""
    return event_schema()


def _health(request: Request) -> Health:
    health: Health = request.app.state.health
    return health
