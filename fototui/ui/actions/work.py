"""The actions of the screens that show what is done and what was done: engines, history."""

from fototui.i18n import N_
from fototui.ui.actions.action import Action

WORK: tuple[Action, ...] = (
    Action("engines.back", "escape,q", N_("Back"), N_("Go back to the list."), stays=True),
    Action(
        "engines.pause",
        "p",
        N_("Pause"),
        N_("Pause or resume the lane or the engine."),
        changes=True,
        stays=True,
    ),
    Action("engines.cancel", "x", N_("Cancel"), N_("Cancel the job."), changes=True),
    Action("engines.retry", "r", N_("Retry"), N_("Retry the failed job."), changes=True),
    Action(
        "engines.details",
        "enter",
        N_("Details"),
        N_("Tell all that is known of the job: ids, tries, times, its log."),
        stays=True,
    ),
    Action("engines.open", "o", N_("Its order"), N_("Open the job's order.")),
    Action("engines.switch", "tab", N_("Next table"), N_("Go to the next table."), show=False),
    Action(
        "engines.search",
        "slash",
        N_("Search"),
        N_("Filter the jobs by words, or by fields such as is:failed kind:svg."),
        show=False,
    ),
    Action("activity.back", "escape,q", N_("Back"), N_("Go back to the list."), stays=True),
    Action("activity.open", "enter", N_("Open"), N_("Open the order."), stays=True),
    Action("activity.by_order", "o", N_("This order"), N_("Show only this order, or all.")),
    Action(
        "activity.by_operator", "u", N_("This operator"), N_("Show only this operator, or all.")
    ),
    Action(
        "activity.search",
        "slash",
        N_("Search"),
        N_("Filter by words, or by fields such as is:failed by:jana."),
    ),
    Action("activity.more", "m", N_("More"), N_("Show older entries.")),
)
