"""The actions of the list of orders."""

from fototui.i18n import N_
from fototui.ui.actions.action import Action

ORDERS: tuple[Action, ...] = (
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
        "orders.next_tab",
        "tab,l",
        N_("Next tab"),
        N_("Show the orders of the next tab."),
        show=False,
    ),
    Action(
        "orders.previous_tab",
        "shift+tab,h",
        N_("Previous tab"),
        N_("Show the orders of the previous tab."),
        show=False,
    ),
    Action(
        "orders.review",
        "v",
        N_("Review"),
        N_("Review the pictures that are waiting, this order's or those of the marked ones first."),
    ),
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
)
