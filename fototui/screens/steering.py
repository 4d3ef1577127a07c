"""What is done to lanes, engines and jobs on the screen that shows them."""

from __future__ import annotations

from fototui.i18n import _
from fototui.screens.base import FototuiScreen
from fototui.screens.dialogs import AskText, confirm
from fototui.services.ingest.imports import SyncService
from fototui.services.operations.lanes import LaneService
from fototui.services.operations.steering import STEERING
from fototui.services.views.operations import EngineView, JobView, LaneView
from fototui.ui import prospects
from fototui.widgets.tables.job_rows import lane_word
from fototui.widgets.version_words import kind_word


async def turn_lane(screen: FototuiScreen, lane: LaneView) -> str | None:
    """Pause a lane, with a reason that is asked for, or resume it; tells what was done."""
    name = lane_word(lane.lane)
    if lane.paused_at is not None:
        async with screen.context.backend.transaction(LaneService) as lanes:
            done = await lanes.resume(lane.lane)
        words = _("{lane}: engines take jobs again.").format(lane=name)
        return words if done else _("Someone else resumed it already.")
    reason = await screen.app.push_screen_wait(
        AskText(_("Why pause {lane}? The other operators will see the reason.").format(lane=name))
    )
    if reason is None:
        return None
    async with screen.context.backend.transaction(LaneService) as lanes:
        done = await lanes.pause(lane.lane, reason=reason)
    words = _("{lane}: paused on all engines; running jobs continue.").format(lane=name)
    return words if done else _("Someone else paused it already.")


async def turn_engine(screen: FototuiScreen, engine: EngineView) -> str | None:
    """Pause an engine or resume it; tells what was done."""
    if engine.paused_at is not None:
        async with screen.context.backend.transaction(LaneService) as lanes:
            done = await lanes.resume_engine(engine.id)
        return _("The engine takes jobs again.") if done else _("It was resumed already.")
    async with screen.context.backend.transaction(LaneService) as lanes:
        done = await lanes.pause_engine(engine.id)
    words = _("The engine is paused; its running jobs continue.")
    return words if done else _("It was paused already.")


async def cancel_job(screen: FototuiScreen, job: JobView) -> str | None:
    """Cancel a job; asks first where that may lose what was paid for."""
    question = _(
        "{kind} of {order} is already with the outside service and may be charged. Cancel it?"
    ).format(kind=kind_word(job.kind), order=job.order_number)
    if job.is_paid_for and not await confirm(screen.app, question, yes=_("Cancel the job")):
        return None
    if job.row_id is None:
        return None
    async with screen.context.backend.transaction(STEERING[job.kind]) as service:
        await service.cancel(job.row_id)
    return _("{order}: cancelled.").format(order=job.order_number)


async def retry_job(screen: FototuiScreen, job: JobView) -> str | None:
    """Have a job done once more; tells what will become of it."""
    if job.row_id is None:
        async with screen.context.backend.transaction(SyncService) as orders:
            await orders.retry(job.order_id)
    else:
        async with screen.context.backend.transaction(STEERING[job.kind]) as service:
            await service.retry(job.row_id)
    words = _("{order}: asked for once more.").format(order=job.order_number)
    return prospects.asked_for(screen.context, words, job.kind)
