"""What is done with a picture of the review that is not accepted."""

from __future__ import annotations

from fototui.domain.statuses import JobKind
from fototui.i18n import _
from fototui.screens.base import FototuiScreen
from fototui.screens.dialogs import AskText
from fototui.screens.options import ask_options
from fototui.services.review.queue import ReviewItem
from fototui.services.review.service import ReviewService
from fototui.services.views.versions import VersionView
from fototui.ui import prospects
from fototui.ui.judged import Judgement


async def ask_again(screen: FototuiScreen, item: ReviewItem, version: VersionView | None) -> bool:
    """Ask for another version, with options that the operator gives.

    Args:
        screen: The review.
        item: The picture.
        version: The version that is looked at, whose options stand in the fields.

    Returns:
        Whether the picture is done with; not where the operator thinks better of it.
    """
    before = None if version is None else version.options
    options = await ask_options(screen.app, screen.context, item.kind, item.image.id, before)
    if options is None:
        return False
    async with screen.context.backend.transaction(ReviewService) as service:
        await service.again(item, options)
    screen.context.judged.add((item.image.id, item.kind), item.order_id, Judgement.AGAIN)
    words = _("Another version is asked for; it comes up here when it is done.")
    screen.notify(prospects.asked_for(screen.context, words, JobKind(item.kind)))
    return True


async def skip(screen: FototuiScreen, item: ReviewItem) -> bool:
    """Leave the picture for later; it is done with for now."""
    async with screen.context.backend.transaction(ReviewService) as service:
        await service.skip(item)
    if item.left == 1:
        screen.notify(_("It is the only one waiting."))
    return True


async def set_aside(screen: FototuiScreen, item: ReviewItem) -> bool:
    """Set the picture aside with a note; see `ask_again`."""
    question = _("What is wrong with this picture?")
    text = await screen.app.push_screen_wait(AskText(question, value=item.note or ""))
    if text is None:
        return False
    async with screen.context.backend.transaction(ReviewService) as service:
        await service.note(item, text)
    screen.context.judged.add((item.image.id, item.kind), item.order_id, Judgement.ASIDE)
    screen.notify(_("Set aside with a note, which is kept in the activity log."))
    return True
