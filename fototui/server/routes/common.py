"""What routes share: their parameters, and how their errors are described."""

from typing import Annotated, Any

from fastapi import Depends, Path, Request

from fototui.server.auth import DESCRIBED
from fototui.server.context import ServerContext
from fototui.server.errors import ErrorAnswer
from fototui.server.presenters import Presenter

_LARGEST_ID = 2**31 - 1  # the type of the ids is PostgreSQL's integer

OrderRef = Annotated[
    str,
    Path(min_length=1, max_length=64, description="ULID, or number with or without its #."),
]
ImageId = Annotated[int, Path(ge=1, le=_LARGEST_ID)]
LineItemId = Annotated[int, Path(ge=1, le=_LARGEST_ID)]
VersionId = Annotated[int, Path(ge=1, le=_LARGEST_ID)]
BookId = Annotated[int, Path(ge=1, le=_LARGEST_ID)]


async def context_of(request: Request) -> ServerContext:
    """What the server of a request stands on."""
    context: ServerContext = request.app.state.context
    return context


async def caller_of(request: Request) -> str:
    """Who acts, for the activity log: the token by its name."""
    return f"{request.state.caller} (API)"


Context = Annotated[ServerContext, Depends(context_of)]
Caller = Annotated[str, Depends(caller_of)]


async def _presenter(context: Context) -> Presenter:
    return Presenter(context.storage, context.settings.prices)


Presenting = Annotated[Presenter, Depends(_presenter)]

# Any: FastAPI's own type of it.
ERRORS: dict[int | str, dict[str, Any]] = {
    "default": {"model": ErrorAnswer, "description": "It was not done; the body says why."}
}
"""How every route describes its errors."""

CLOSED = [DESCRIBED]
"""Dependencies of routers whose routes need a token."""
