"""Choosing a version, and asking where another operator has chosen something else meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from textual.app import App
from ulid import ULID

from fototui.domain.errors import ConflictError
from fototui.i18n import _, translate
from fototui.screens.dialogs import confirm
from fototui.services.backend import Backend
from fototui.services.operations.activity import ActivityService
from fototui.services.orders.manual import OrderService
from fototui.services.review.service import PictureDecidedError, PictureTakenError
from fototui.services.versions.kinds import version_service
from fototui.services.views.orders import OrderDetail
from fototui.services.views.versions import VersionView
from fototui.ui.context import AppContext
from fototui.ui.messages import ChoiceMade
from fototui.ui.undo import Choice


@dataclass(frozen=True, slots=True)
class Choosing:
    """What came of it.

    Args:
        is_chosen: The version is chosen; else the operator left what another one had done.
        seen_id: What counts as seen as the chosen one from now on.
        conflict: What stood against it at first.
    """

    is_chosen: bool
    seen_id: int | None
    conflict: ConflictError | None = None


async def choose(
    app: App[object],
    context: AppContext,
    order_id: str,
    version: VersionView,
    *,
    expected: int | None,
    first: Callable[[], Awaitable[object]] | None = None,
    on_conflict: Callable[[OrderDetail], None] | None = None,
) -> Choosing:
    """Choose a version over what the operator saw as the chosen one. To be called in a worker.

    Args:
        app: The app, in which the question is asked.
        context: The parts of the app.
        order_id: ULID of the version's order.
        version: The version.
        expected: What the operator saw as the chosen one.
        first: Chooses it the first time, where that is not by the kind's own service.
        on_conflict: Takes the order as it stands by now, before the operator is asked.

    Returns:
        What came of it.

    Raises:
        PictureTakenError: From `first`: it is another operator's to judge.
        FototuiError: It cannot be chosen, or the database does not answer.
    """
    conflict: ConflictError | None = None
    while True:
        try:
            if first is not None and conflict is None:
                await first()
            else:
                async with context.backend.transaction(version_service(version.kind)) as service:
                    await service.select(version.id, expected=expected)
        except PictureTakenError:
            raise
        except ConflictError as error:
            conflict = conflict or error
            async with context.backend.autocommit(OrderService) as orders:
                order = await orders.get_order(order_id)
            present_id = _chosen_id(order, version)
            if present_id != expected:
                question = await _chosen_meanwhile(context.backend, order, version, present_id)
            elif isinstance(error, PictureDecidedError):
                question = _("{reason} Choose v{number} anyway?").format(
                    reason=translate(error), number=version.version
                )
            else:
                raise  # it is something else that stands against it
            if on_conflict is not None:
                on_conflict(order)
            if not await confirm(app, question, yes=_("Choose")):
                return Choosing(is_chosen=False, seen_id=present_id, conflict=conflict)
            expected = present_id
        else:
            app.post_message(ChoiceMade(_choice(context, order_id, version, expected)))
            return Choosing(is_chosen=True, seen_id=version.id, conflict=conflict)


def _choice(
    context: AppContext, order_id: str, version: VersionView, previous_id: int | None
) -> Choice:
    """A choice as it may be taken back."""
    row = context.store.orders.get(order_id)
    ids = [] if row is None else [image.image_id for image in row.images]
    return Choice(
        context.settings.now(),
        version.kind,
        version.image_id,
        previous_id,
        version.id,
        version.version,
        "" if row is None else row.number,
        ids.index(version.image_id) + 1 if version.image_id in ids else None,
    )


def _chosen_id(order: OrderDetail, version: VersionView) -> int | None:
    image = next((image for image in order.images if image.id == version.image_id), None)
    return None if image is None else image.chosen_id(version.kind)


async def _chosen_meanwhile(
    backend: Backend, order: OrderDetail, version: VersionView, present_id: int | None
) -> str:
    """How to ask about another one's choice."""
    views = (view for image in order.images for view in image.versions(version.kind))
    other = next((view for view in views if view.id == present_id), None)
    if other is None:
        return _("The choice was taken back meanwhile. Choose v{number}?").format(
            number=version.version
        )
    async with backend.autocommit(ActivityService) as activity:
        who = await activity.who_chose(version.kind, other.id, ULID.from_str(order.id))
    words = (
        _("{operator} chose v{other} meanwhile. Choose v{number} anyway?")
        if who
        else _("v{other} was chosen meanwhile. Choose v{number} anyway?")
    )
    return words.format(operator=who, other=other.version, number=version.version)
