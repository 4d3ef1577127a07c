"""What becomes of jobs that are asked for now: an engine takes them, or why none does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from fototui.domain.lanes import LANES
from fototui.domain.statuses import JobKind
from fototui.domain.text import clean_line
from fototui.i18n import _, ngettext, translate
from fototui.ui.context import AppContext


def why_waiting(context: AppContext, kind: JobKind) -> str | None:
    """Why jobs of a lane wait, in words that follow others; None where engines take them.

    Args:
        context: The parts of the app. What the live store has not read yet is held against nothing.
        kind: The lane.
    """
    store = context.store
    lane = next((lane for lane in store.lanes if lane.lane == kind), None)
    if lane is None:
        return None
    name = translate(LANES[kind].lane_name)
    if lane.paused_at is not None:
        if lane.paused_reason is not None:
            reason = clean_line(translate(lane.paused_reason))
            return _("the lane “{lane}” is paused: {reason}").format(lane=name, reason=reason)
        words = _("the lane “{lane}” is paused by {operator}")
        return words.format(lane=name, operator=clean_line(lane.paused_by or "?"))
    if not store.engines:
        if (problem := context.engine_problem()) is not None:
            words = _("the engine here cannot start: {reason}")
            return words.format(reason=clean_line(translate(problem)))
        return _("no engine is running")
    engines = [engine for engine in store.engines if kind in engine.lanes]
    if not engines:
        return _("no running engine works in the lane “{lane}”").format(lane=name)
    if all(engine.paused_at is not None for engine in engines):
        return _("every engine that works in the lane “{lane}” is paused").format(lane=name)
    return None


def trouble(context: AppContext) -> str:
    """Why jobs are not done, in a few words for the header; empty where all lanes are worked in."""
    paused = [lane for lane in context.store.lanes if lane.paused_at is not None]
    parts = []
    if context.store.lanes and not context.store.engines:
        parts.append("✗ " + _("no engine"))
    if paused:
        parts.append("‖ " + ", ".join(translate(LANES[lane.lane].lane_name) for lane in paused))
    return "  ".join(parts)


def alarm(context: AppContext) -> str:
    """The same as signs: how many lanes and engines are paused, and whether there is no engine."""
    store = context.store
    moments = [lane.paused_at for lane in store.lanes]
    moments += [engine.paused_at for engine in store.engines]
    paused = sum(at is not None for at in moments)
    is_idle = bool(store.lanes) and not store.engines
    return ("✗" if is_idle else "") + (f"‖{paused}" if paused else "")


def asked_for(context: AppContext, words: str, kind: JobKind) -> str:
    """Say of one job that was asked for that it waits, where it does.

    Args:
        context: The parts of the app.
        words: What was asked for, as a sentence.
        kind: The job's lane.
    """
    reason = why_waiting(context, kind)
    return words if reason is None else f"{words} " + _("It waits: {reason}").format(reason=reason)


def started(context: AppContext, jobs: Mapping[JobKind, int], orders: int) -> str:
    """Say what was asked for, of how many orders, and why it waits where it does.

    Args:
        context: The parts of the app.
        jobs: How many of which.
        orders: In how many orders.
    """
    reasons = [why_waiting(context, kind) for kind, count in jobs.items() if count]
    counted = ", ".join(
        translate(LANES[kind].counted(count)) for kind, count in jobs.items() if count
    )
    if orders > 1 and any(LANES[kind].has_own_rows for kind in jobs):
        counted = ngettext("{jobs} in {count} order", "{jobs} in {count} orders", orders).format(
            jobs=counted, count=orders
        )
    if all(reasons):
        told = "; ".join(Counter(reason for reason in reasons if reason))
        return _("Queued: {jobs}; {reason}").format(jobs=counted, reason=told)
    words = _("Started: {jobs}").format(jobs=counted)
    # Of several kinds some run, and of the others it has to be said.
    waiting = [reason for reason in reasons if reason]
    return "; ".join([words, *Counter(waiting)])
