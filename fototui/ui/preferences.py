"""What one operator's terminal remembers between runs: theme, language, filter, sorting."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import platformdirs
from pydantic import BaseModel, ConfigDict, ValidationError

from fototui.config.file import write_atomically
from fototui.domain.text import clean_line
from fototui.live.order_list import OrderList, Sort, Tab
from fototui.log import get_logger
from fototui.services.orders.search import OrderSearch

E = TypeVar("E", bound=StrEnum)
log = get_logger(__name__)


class Preferences(BaseModel):
    """What is remembered.

    Args:
        theme: Name of the theme.
        language: "cs" or "en"; None follows the environment.
        tab: State whose orders are shown.
        sort: Column that orders are sorted by.
        reverse: Sorted the other way round.
        search: The filter's text.
        screen: The screen that was shown last.
    """

    model_config = ConfigDict(extra="ignore")

    theme: str = "fototui-dark"
    language: str | None = None
    tab: str = "working"
    sort: str = "created"
    reverse: bool = False
    search: str = ""
    screen: str = "orders"

    def order_list(self, read: Callable[[str], OrderSearch]) -> OrderList:
        """The list as the operator left it.

        Args:
            read: Reads a search.
        """
        return OrderList(
            tab=_member(Tab, self.tab, Tab.WORKING),
            sort=_member(Sort, self.sort, Sort.CREATED),
            reverse=self.reverse,
            search=clean_line(self.search, limit=100),
            read=read,
        )


def _member(kind: type[E], value: str, default: E) -> E:
    """A remembered value, which an older or newer program may have written."""
    return next((member for member in kind if member.value == value), default)


def preferences_file() -> Path:
    """Where they are kept."""
    return platformdirs.user_state_path("fototui") / "preferences.json"


def load_preferences(path: Path | None = None) -> Preferences:
    """Read them; a missing or broken file gives the defaults."""
    try:
        return Preferences.model_validate_json((path or preferences_file()).read_bytes())
    except FileNotFoundError:
        return Preferences()
    except (OSError, ValidationError) as error:
        log.warning("the preferences cannot be read", fault=type(error).__name__)
        return Preferences()


def save_preferences(preferences: Preferences, path: Path | None = None) -> None:
    """Write them, whole or not at all; failing to is no reason to stop anyone's work."""
    target = path or preferences_file()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, preferences.model_dump_json().encode(), private=True)
    except OSError as error:
        log.warning("the preferences cannot be kept", fault=type(error).__name__)
