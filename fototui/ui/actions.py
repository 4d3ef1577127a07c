"""Every action of the terminal app, once: its keys, its words, where it applies.

Keys, footer, help and palette are all made from this table. Ids are stable: the configuration
remaps keys by them.
"""

from collections.abc import Iterable

from fototui.i18n import N_
from fototui.ui.action import Action, Scope
from fototui.ui.looking import LOOKING

__all__ = ["ACTIONS", "Action", "Scope", "in_scope"]

_TABLE: tuple[Action, ...] = (
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
        "everywhere.how_to_leave",
        "ctrl+c",
        N_("How to leave"),
        N_("Say how to leave the app; it does not end by this key."),
        show=False,
    ),
    Action("everywhere.quit", "ctrl+q", N_("Quit"), N_("Leave the app.")),
    Action("orders.open", "enter", N_("Open"), N_("Open the order."), stays=True),
    Action("orders.leave", "q", N_("Leave"), N_("Leave the app, after a question."), stays=True),
    Action(
        "orders.next_step",
        "full_stop",
        N_("Next step"),
        N_("Take the order one step on, or all marked ones: whatever each wants next."),
        changes=True,
        stays=True,
    ),
    Action(
        "orders.search",
        "slash",
        N_("Search"),
        N_("Filter by words, or by fields such as is:failed paid:no."),
    ),
    Action(
        "orders.clear",
        "escape",
        N_("Back"),
        N_("Leave the search, then clear it, remove all marks, show all orders."),
        show=False,
    ),
    Action(
        "orders.generate_coloring",
        "g",
        N_("Colourings"),
        N_("Make colourings of all images that need one."),
        changes=True,
    ),
    Action(
        "orders.generate_svg",
        "s",
        N_("SVG"),
        N_("Make SVGs of all chosen colourings that have none."),
        changes=True,
    ),
    Action("orders.retry", "r", N_("Retry"), N_("Retry what failed."), changes=True),
    Action(
        "orders.fetch",
        "f",
        N_("Fetch"),
        N_("Fetch new orders from Shopify, or the marked ones again."),
        changes=True,
    ),
    Action(
        "orders.urgent",
        "exclamation_mark",
        N_("First"),
        N_("Put the order first, or all marked ones; once more takes it back."),
        changes=True,
        show=False,
    ),
    Action(
        "orders.mark",
        "space",
        N_("Mark"),
        N_("Mark the order, to act on several at once."),
        show=False,
    ),
    Action(
        "orders.mark_range",
        "M",
        N_("Mark up to here"),
        N_("Mark all orders from the one that was marked last up to this one."),
        show=False,
    ),
    Action(
        "orders.mark_all",
        "ctrl+a",
        N_("Mark all"),
        N_("Mark all orders that are shown, or none."),
        show=False,
    ),
    Action("orders.sort", "o", N_("Sort"), N_("Sort by the next column."), show=False),
    Action("orders.reverse", "O", N_("Reverse"), N_("Reverse the sort order."), show=False),
    Action(
        "orders.next_tab", "tab", N_("Next tab"), N_("Show the orders of the next tab."), show=False
    ),
    Action(
        "orders.previous_tab",
        "shift+tab",
        N_("Previous tab"),
        N_("Show the orders of the previous tab."),
        show=False,
    ),
    Action("orders.review", "v", N_("Review"), N_("Review the pictures that are waiting.")),
    Action("orders.copy", "y", N_("Copy"), N_("Copy the order's number."), show=False),
    Action(
        "orders.ask_customer",
        "w",
        N_("Customer…"),
        N_("Mark the order, or all marked ones, as waiting for the customer; again takes it back."),
        changes=True,
        show=False,
    ),
    Action(
        "orders.copy_email", "e", N_("Copy"), N_("Copy the customer's e-mail address."), show=False
    ),
    Action(
        "orders.shop_page",
        "a",
        N_("Shopify"),
        N_("Open the order in Shopify's admin."),
        show=False,
    ),
    Action(
        "orders.copy_shop_page",
        "A",
        N_("Copy"),
        N_("Copy the order's address in Shopify's admin."),
        show=False,
    ),
    Action("order.back", "escape,q", N_("Back"), N_("Go back to the list."), stays=True),
    Action(
        "order.next_step",
        "full_stop",
        N_("Next step"),
        N_("Take the order one step on: whatever it wants next."),
        changes=True,
        stays=True,
    ),
    Action(
        "order.choose", "enter", N_("Choose"), N_("Choose this version."), changes=True, stays=True
    ),
    Action(
        "order.generate_books",
        "b",
        N_("Books"),
        N_("Make a book of each line item that has none which is still true."),
        changes=True,
        where_possible=True,
    ),
    Action(
        "order.book",
        "B",
        N_("Book"),
        N_("See the pages of this line item's book, and its older books."),
        where_possible=True,
    ),
    Action(
        "order.generate_coloring",
        "g",
        N_("Colouring"),
        N_("Make a colouring of this image."),
        changes=True,
    ),
    Action(
        "order.generate_coloring_options",
        "ctrl+g",
        N_("Colouring…"),
        N_("Make a colouring with other options."),
        changes=True,
        show=False,
    ),
    Action(
        "order.generate_coloring_all",
        "G",
        N_("All colourings"),
        N_("Make colourings of all images that need one."),
        changes=True,
        show=False,
    ),
    Action(
        "order.generate_svg",
        "s",
        N_("SVG"),
        N_("Make an SVG of the chosen colouring, or of the newest."),
        changes=True,
    ),
    Action(
        "order.generate_svg_options",
        "ctrl+s",
        N_("SVG…"),
        N_("Make an SVG with other options."),
        changes=True,
        show=False,
    ),
    Action(
        "order.generate_svg_all",
        "S",
        N_("All SVGs"),
        N_("Make SVGs of all chosen colourings that have none."),
        changes=True,
        show=False,
    ),
    Action(
        "order.retry",
        "r",
        N_("Retry"),
        N_("Retry this version, or the order itself if it failed."),
        changes=True,
    ),
    Action(
        "order.retry_all",
        "R",
        N_("Retry all"),
        N_("Retry everything that failed in this order."),
        changes=True,
        show=False,
    ),
    Action("order.cancel", "x", N_("Cancel"), N_("Cancel this version."), changes=True),
    Action(
        "order.switch_kind",
        "tab",
        N_("Colouring/SVG"),
        N_("Switch between colourings and SVGs."),
    ),
    Action(
        "order.previous_version",
        "left_square_bracket",
        N_("Previous"),
        N_("The previous version."),
        show=False,
    ),
    Action(
        "order.next_version",
        "right_square_bracket",
        N_("Next"),
        N_("The next version."),
        show=False,
    ),
    *(
        Action(
            f"order.version_{n}",
            str(n),
            str(n),
            N_("Jump to the version with this number."),
            show=False,
        )
        for n in range(1, 10)
    ),
    Action(
        "order.next_order",
        "n",
        N_("Next order"),
        N_("Open the next order of the list."),
        show=False,
    ),
    Action(
        "order.previous_order",
        "N",
        N_("Previous order"),
        N_("Open the previous order of the list."),
        show=False,
    ),
    Action("order.picture", "p", N_("Picture"), N_("See the picture on the whole screen.")),
    Action("order.compare", "c", N_("Compare"), N_("See original and versions side by side.")),
    Action("order.browse", "o", N_("Browser"), N_("Open the picture in the browser."), show=False),
    Action("order.copy", "y", N_("Copy"), N_("Copy the picture's address."), show=False),
    Action("order.save", "d", N_("Save"), N_("Save the picture as a file."), show=False),
    Action(
        "order.fetch",
        "u",
        N_("Fetch"),
        N_("Fetch the order from Shopify again."),
        changes=True,
        show=False,
    ),
    Action(
        "order.attach",
        "plus",
        N_("Photo…"),
        N_("Attach a photo from a file: in place of a missing one, or as one more of the book."),
        changes=True,
        show=False,
    ),
    Action(
        "order.ask_customer",
        "w",
        N_("Customer…"),
        N_("Mark the order as waiting for the customer, with a note; again takes it back."),
        changes=True,
        show=False,
    ),
    Action(
        "order.copy_email", "e", N_("Copy"), N_("Copy the customer's e-mail address."), show=False
    ),
    Action(
        "order.shop_page",
        "a",
        N_("Shopify"),
        N_("Open the order in Shopify's admin."),
        show=False,
    ),
    Action(
        "order.copy_shop_page",
        "A",
        N_("Copy"),
        N_("Copy the order's address in Shopify's admin."),
        show=False,
    ),
    Action(
        "order.urgent",
        "exclamation_mark",
        N_("First"),
        N_("Put the order first; once more takes it back."),
        changes=True,
        show=False,
    ),
    *LOOKING,
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
    Action("engines.open", "enter", N_("Open"), N_("Open the job's order."), stays=True),
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

ACTIONS: dict[str, Action] = {action.id: action for action in _TABLE}


def in_scope(scope: Scope) -> Iterable[Action]:
    """The actions of a scope, in the order of the table."""
    return (action for action in _TABLE if action.scope is scope)
