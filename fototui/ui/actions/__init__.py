"""Every action of the terminal app, once: its keys, its words, where it applies.

Keys, footer, help and palette are all made from these tables. Ids are stable: the configuration
remaps keys by them.
"""

from collections.abc import Iterable

from fototui.ui.actions.action import Action, Scope
from fototui.ui.actions.everywhere import EVERYWHERE
from fototui.ui.actions.looking import LOOKING
from fototui.ui.actions.order import ORDER
from fototui.ui.actions.orders import ORDERS
from fototui.ui.actions.work import WORK

__all__ = ["ACTIONS", "Action", "Scope", "in_scope"]

ACTIONS: dict[str, Action] = {
    action.id: action for action in (*EVERYWHERE, *ORDERS, *ORDER, *LOOKING, *WORK)
}


def in_scope(scope: Scope) -> Iterable[Action]:
    """The actions of a scope, in the order of its table."""
    return (action for action in ACTIONS.values() if action.scope is scope)
