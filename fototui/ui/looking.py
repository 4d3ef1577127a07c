"""The actions of screens on which one picture or page is looked at."""

from fototui.i18n import N_
from fototui.ui.action import Action

LOOKING: tuple[Action, ...] = (
    Action("picture.back", "escape,q,p", N_("Back"), N_("Leave the picture."), stays=True),
    Action("picture.zoom_in", "plus", N_("Zoom in"), N_("Enlarge the picture."), stays=True),
    Action("picture.zoom_out", "minus", N_("Zoom out"), N_("Show more of the picture.")),
    Action("picture.whole", "0", N_("Whole"), N_("See the whole picture.")),
    Action("picture.pan_left", "left,h", N_("Left"), N_("Move the picture."), show=False),
    Action("picture.pan_down", "down,j", N_("Down"), N_("Move the picture."), show=False),
    Action("picture.pan_up", "up,k", N_("Up"), N_("Move the picture."), show=False),
    Action("picture.pan_right", "right,l", N_("Right"), N_("Move the picture."), show=False),
    Action("book.back", "escape,q,B", N_("Back"), N_("Leave the book."), stays=True),
    Action("book.previous", "left,pageup", N_("Previous"), N_("The page before.")),
    Action("book.next", "right,pagedown,space", N_("Next"), N_("The next page."), stays=True),
    Action("book.first", "home", N_("First page"), N_("The first page."), show=False),
    Action("book.last", "end", N_("Last page"), N_("The last page."), show=False),
    Action("book.save", "d", N_("Save"), N_("Save the book as a file.")),
    Action("book.browse", "o", N_("Browser"), N_("Open the book in the browser.")),
    Action("book.copy", "y", N_("Copy"), N_("Copy the book's address.")),
    Action("book.zoom_in", "plus", N_("Zoom in"), N_("Enlarge the page.")),
    Action("book.zoom_out", "minus", N_("Zoom out"), N_("Show more of the page.")),
    Action("book.whole", "0", N_("Whole"), N_("See the whole page.")),
    Action("book.pan_left", "h", N_("Left"), N_("Move the page."), show=False),
    Action("book.pan_down", "down,j", N_("Down"), N_("Move the page."), show=False),
    Action("book.pan_up", "up,k", N_("Up"), N_("Move the page."), show=False),
    Action("book.pan_right", "l", N_("Right"), N_("Move the page."), show=False),
    Action("compare.back", "escape,q", N_("Back"), N_("Leave the comparison."), stays=True),
    Action("compare.left", "left", N_("Left"), N_("Go to the picture on the left."), show=False),
    Action(
        "compare.right", "right", N_("Right"), N_("Go to the picture on the right."), show=False
    ),
    Action(
        "compare.choose",
        "enter",
        N_("Choose"),
        N_("Choose this version."),
        changes=True,
        stays=True,
    ),
    Action("compare.zoom_in", "plus", N_("Zoom in"), N_("Enlarge all pictures.")),
    Action("compare.zoom_out", "minus", N_("Zoom out"), N_("Show more of all pictures.")),
    Action("compare.pan_left", "h", N_("Left"), N_("Move all pictures."), show=False),
    Action("compare.pan_down", "j", N_("Down"), N_("Move all pictures."), show=False),
    Action("compare.pan_up", "k", N_("Up"), N_("Move all pictures."), show=False),
    Action("compare.pan_right", "l", N_("Right"), N_("Move all pictures."), show=False),
)
