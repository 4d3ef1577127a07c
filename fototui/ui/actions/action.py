"""What an action is, and where it may apply."""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """Where an action applies: everywhere, or on one screen."""

    EVERYWHERE = "everywhere"
    ORDERS = "orders"
    ORDER = "order"
    SHEET = "sheet"
    PICTURE = "picture"
    BOOK = "book"
    COMPARE = "compare"
    REVIEW = "review"
    ENGINES = "engines"
    ACTIVITY = "activity"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing an operator can do.

    Args:
        id: Scope and name, for instance "order.choose".
        keys: Default keys, as Textual names them, comma separated.
        label: A word or two, for the footer.
        tooltip: A sentence, for help and palette.
        changes: It changes something, so a read-only terminal refuses it.
        show: It stands in the footer.
        where_possible: There it stands only where it can be done now.
        stays: However little room there is, the footer does not drop it: a way out, or what the
            screen is for.
    """

    id: str
    keys: str
    label: str
    tooltip: str
    changes: bool = False
    show: bool = True
    where_possible: bool = False
    stays: bool = False

    @property
    def scope(self) -> Scope:
        """Where it applies."""
        return Scope(self.id.partition(".")[0])

    @property
    def leads_away(self) -> bool:
        """Whether it is of use whatever the screen shows, since it is not about that."""
        _scope, _dot, name = self.id.partition(".")
        return self.scope is Scope.EVERYWHERE or name in {"back", "leave"}
