"""The key that takes orders one stage on: what it would do now, and doing it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from textual.app import App

from fototui.domain.stages import BookState, Stage, Step, next_step
from fototui.domain.text import clean_line
from fototui.i18n import N_, _, ngettext, translate
from fototui.screens.dialogs import confirm
from fototui.screens.orders import bulk
from fototui.screens.orders.bulk import Outcome
from fototui.services.orders.finishing import FinishReport, FinishService
from fototui.services.views.orders import OrderRow
from fototui.ui.actions import Scope
from fototui.ui.context import AppContext
from fototui.ui.messages import OpenOrder, OrdersFinished, ShowSection

_LABELS = {
    Step.COLOUR: N_("Colourings"),
    Step.REVIEW: N_("Review"),
    Step.VECTORISE: N_("SVG"),
    Step.TYPESET: N_("Books"),
    Step.FINISH: N_("Hand over"),
    Step.RETRY: N_("Retry"),
}
_TOOLTIPS = {
    Step.COLOUR: N_("The next step: make the missing colourings."),
    Step.REVIEW: N_("The next step: review the pictures of it that are waiting."),
    Step.VECTORISE: N_("The next step: make the missing SVGs."),
    Step.TYPESET: N_("The next step: make the missing books."),
    Step.FINISH: N_("The next step: say that it was handed over."),
    Step.RETRY: N_("The next step: retry what failed."),
}
_WAITS = {
    Stage.COMING_IN: N_("It is still coming in; wait for its photos."),
    Stage.RUNNING: N_("It is being worked on; wait until that is done."),
    Stage.DONE: N_("It is done; there is no next step."),
}

# The footer is painted at each move: of more orders than this it says nothing particular.
_LOOKED_AT = 200
_PASSED_OVER_TOLD = 3


def steps_of(rows: Iterable[OrderRow]) -> set[Step]:
    """What would be done to orders."""
    return {step for row in rows if (step := next_step(row)) is not None}


def label(rows: Sequence[OrderRow]) -> str | None:
    """What the footer calls the key now, translated; None where it would do several things."""
    step = _common_step(rows)
    return None if step is None else _(_LABELS[step])


def tooltip(rows: Sequence[OrderRow]) -> str | None:
    """What the help says of the key now, translated; None where it would do several things."""
    step = _common_step(rows)
    return None if step is None else _(_TOOLTIPS[step])


def _common_step(rows: Sequence[OrderRow]) -> Step | None:
    steps = steps_of(rows) if len(rows) <= _LOOKED_AT else set()
    return steps.pop() if len(steps) == 1 else None


def why_not(rows: Sequence[OrderRow]) -> str | None:
    """Why orders cannot be taken on now; None where one of them can."""
    if len(rows) > _LOOKED_AT or steps_of(rows):
        return None
    if len(rows) == 1:
        return _(_WAITS[rows[0].stage.stage])
    return _("None of these orders has a next step now.")


@dataclass(slots=True)
class _Plan:
    """Orders by what is to be done to them.

    Args:
        jobs: Something is to be made.
        ready: To be handed over.
        pictures: To be reviewed.
    """

    jobs: list[OrderRow] = field(default_factory=list)
    ready: list[OrderRow] = field(default_factory=list)
    pictures: list[OrderRow] = field(default_factory=list)

    @classmethod
    def of(cls, rows: Iterable[OrderRow]) -> _Plan:
        plan = cls()
        for row in rows:
            match next_step(row):
                case Step.FINISH:
                    plan.ready.append(row)
                case Step.REVIEW:
                    plan.pictures.append(row)
                case None:
                    pass
                case _:
                    plan.jobs.append(row)
        return plan


def books(context: AppContext) -> bulk.Command:
    """Make books of all line items that have no true one.

    Args:
        context: The parts of the app.
    """

    return bulk.Command(
        _("Books"), lambda row: make_books(context, row.id, row.number), lambda _row: 0
    )


async def make_books(context: AppContext, order_id: str, number: str) -> Outcome:
    """Make books of all line items of an order that have no true one.

    Args:
        context: The parts of the app.
        order_id: ULID.
        number: The order's number, for what is told.

    Returns:
        What was started, and why the rest was not.

    Raises:
        FototuiError: What the service raises that is not about one line item.
    """
    from fototui.services.books.service import BookService  # here: the list is drawn without it

    async with context.backend.transaction(BookService) as service:
        reports = await service.create_for_order(order_id, context.settings.book_options)
    return Outcome.of_books(number, reports)


async def take_on(
    app: App[object],
    context: AppContext,
    rows: Sequence[OrderRow],
    progress: Callable[[str, int, int], None],
) -> str | None:
    """Take orders one stage on. Call it in a worker.

    Args:
        app: The app.
        context: Its parts.
        rows: The orders, as the operator sees them.
        progress: Told what is being done, how many orders are through, and of how many.

    Returns:
        What was done, in a sentence; None where there is nothing to tell.

    Raises:
        FototuiError: What the services raise that is not about one order.
    """
    plan = _Plan.of(rows)
    told: list[str] = []
    if plan.jobs:
        outcome = await _make(app, context, plan.jobs, progress)
        if outcome is None:
            return None
        told.append(outcome.in_words(context, names_orders=len(rows) > 1))
    if plan.ready:
        async with context.backend.transaction(FinishService) as service:
            report = await service.finish_seen(plan.ready)
        app.post_message(OrdersFinished(report))
        told.append(_finished(report))
    if waiting := [row for row in plan.pictures if row.waiting]:
        app.post_message(ShowSection(Scope.REVIEW, tuple(row.id for row in waiting)))
    elif plan.pictures:
        # An older program's versions are in no review: they are chosen on the order's own screen.
        app.post_message(OpenOrder(plan.pictures[0].id))
        told.append(_("Choose a version of each picture."))
    return " ".join(told) or None


async def _make(
    app: App[object],
    context: AppContext,
    rows: Sequence[OrderRow],
    progress: Callable[[str, int, int], None],
) -> Outcome | None:
    commands = _commands(context)
    images = sum(
        command.images(row) for row in rows if (command := commands.get(next_step(row))) is not None
    )
    question = _("{command}: start up to {images} photos in {orders} orders?").format(
        command=_("Next step"), images=images, orders=len(rows)
    )
    if images > context.settings.ask_above and not await confirm(app, question, yes=_("Start")):
        return None

    async def act(row: OrderRow) -> Outcome:
        # By the order as it is when its turn comes: another operator may have been here.
        present = context.store.orders.get(row.id, row)
        command = commands.get(next_step(present))
        return Outcome() if command is None else await command.act(present)

    try:
        return await bulk.for_orders(
            rows, act, lambda done: progress(_("Next step"), done, len(rows))
        )
    finally:
        progress("", 0, 0)


def _commands(context: AppContext) -> dict[Step | None, bulk.Command]:
    backend = context.backend
    retry, typeset = bulk.retries(backend), books(context)

    async def again(row: OrderRow) -> Outcome:
        outcome = await retry.act(row)
        if BookState.ERROR in row.books:
            outcome.add((await typeset.act(row)).without_skipped())
        return outcome

    return {
        Step.COLOUR: bulk.colorings(backend),
        Step.VECTORISE: bulk.svgs(backend),
        Step.TYPESET: typeset,
        Step.RETRY: bulk.Command(retry.name, again, retry.images),
    }


def _finished(report: FinishReport) -> str:
    told = []
    if len(report.changed) == 1:
        told.append(_("{number} is handed over.").format(number=clean_line(report.changed[0])))
    elif count := len(report.changed):
        words = ngettext("{count} order is handed over.", "{count} orders are handed over.", count)
        told.append(words.format(count=count))
    if len(report.unchanged) == 1:
        words = _("{number} was handed over already, by somebody else.")
        told.append(words.format(number=clean_line(report.unchanged[0])))
    elif count := len(report.unchanged):
        words = ngettext(
            "{count} order was handed over already.",
            "{count} orders were handed over already.",
            count,
        )
        told.append(words.format(count=count))
    told += map(translate, report.passed_over[:_PASSED_OVER_TOLD])
    if (more := len(report.passed_over) - _PASSED_OVER_TOLD) > 0:
        words = ngettext(
            "{count} more order was not handed over, for it changed meanwhile.",
            "{count} more orders were not handed over, for they changed meanwhile.",
            more,
        )
        told.append(words.format(count=more))
    return " ".join(told)
