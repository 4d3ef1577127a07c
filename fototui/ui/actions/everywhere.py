"""The actions that all screens have."""

from fototui.i18n import N_
from fototui.ui.actions.action import Action

EVERYWHERE: tuple[Action, ...] = (
    Action(
        "everywhere.help",
        "question_mark",
        N_("Help"),
        N_("Show the keys of this screen."),
        stays=True,
    ),
    Action(
        "everywhere.messages",
        "ctrl+l",
        N_("Messages"),
        N_("List what you were told since the app was opened."),
        show=False,
    ),
    Action("everywhere.palette", "ctrl+p", N_("Palette"), N_("Find any action by its name.")),
    Action(
        "everywhere.show_orders", "1,f1", N_("Orders"), N_("Go to the list of orders."), show=False
    ),
    Action(
        "everywhere.show_review",
        "2,f2",
        N_("Review"),
        N_("Review the pictures that are waiting."),
        show=False,
    ),
    Action(
        "everywhere.show_engines",
        "3,f3",
        N_("Engines"),
        N_("See engines, lanes and jobs."),
        show=False,
    ),
    Action(
        "everywhere.show_activity",
        "4,f4",
        N_("History"),
        N_("See who did what, and when."),
        show=False,
    ),
    Action("everywhere.next_theme", "f9", N_("Theme"), N_("Switch to the next theme."), show=False),
    Action(
        "everywhere.next_language",
        "f10",
        N_("Language"),
        N_("Switch between Czech and English."),
        show=False,
    ),
    Action(
        "everywhere.undo_choice",
        "ctrl+z",
        N_("Undo"),
        N_("Undo the last choice, or the last handing over."),
        changes=True,
        show=False,
    ),
    Action(
        "everywhere.undo_list",
        "Z",
        N_("Undo…"),
        N_("List what can be undone, and undo one thing or all down to it."),
        changes=True,
        show=False,
    ),
    Action(
        "everywhere.how_to_leave",
        "ctrl+c",
        N_("How to leave"),
        N_("Say how to leave the app; it does not end by this key."),
        show=False,
    ),
    Action("everywhere.quit", "ctrl+q", N_("Quit"), N_("Leave the app.")),
)
