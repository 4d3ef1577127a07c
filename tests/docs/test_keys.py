"""What the documentation says is what the program does."""

from docs.keys import README, table, with_table
from fototui.ui.actions import ACTIONS


def test_the_readmes_keys_are_those_of_the_app() -> None:
    readme = README.read_text("utf-8")
    assert readme == with_table(readme), "make keys"


def test_every_action_is_in_the_table() -> None:
    lines = table()
    missing = {action for action in ACTIONS if f"`{action}`" not in lines}
    assert missing == {f"order.version_{number}" for number in range(2, 10)}


def test_the_readmes_pictures_are_there() -> None:
    named = {line for line in README.read_text("utf-8").split("(") if line.startswith("docs/")}
    pictures = {line.partition(")")[0] for line in named if ".svg" in line}
    assert pictures
    assert all((README.parent / picture).is_file() for picture in pictures)
