"""What screens tell the app, which alone knows what other screens there are."""

from textual.message import Message

from fototui.domain.statuses import VersionType
from fototui.services.orders.finishing import FinishReport
from fototui.ui.actions import Scope
from fototui.ui.undo import Choice


class OpenOrder(Message):
    """An order is to be opened above what is shown.

    Args:
        order_id: ULID.
    """

    def __init__(self, order_id: str) -> None:
        super().__init__()
        self.order_id = order_id


class LeaveAsked(Message):
    """The operator wants to leave the app, and is to be asked."""


class ShowSection(Message):
    """Another section of the app is to be shown.

    Args:
        section: The scope of its screen.
        order_ids: Orders that are to be seen first there; of the review alone.
    """

    def __init__(self, section: Scope, order_ids: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.section = section
        self.order_ids = order_ids


class CompareVersions(Message):
    """An image's original and versions are to be compared.

    Args:
        order_id: ULID of its order.
        image_id: The image.
        kind: Which versions.
    """

    def __init__(self, order_id: str, image_id: int, kind: VersionType) -> None:
        super().__init__()
        self.order_id = order_id
        self.image_id = image_id
        self.kind = kind


class ChoiceMade(Message):
    """The operator chose a version; it may be taken back.

    Args:
        choice: What was chosen in place of what.
    """

    def __init__(self, choice: Choice) -> None:
        super().__init__()
        self.choice = choice


class OrdersFinished(Message):
    """The operator handed orders over; it may be taken back.

    Args:
        report: What became of them.
    """

    def __init__(self, report: FinishReport) -> None:
        super().__init__()
        self.report = report


class OrdersCounted(Message):
    """The list knows how many orders wait for the operator.

    Args:
        to_review: Orders to be judged.
        failed: Orders in which something failed.
    """

    def __init__(self, *, to_review: int, failed: int) -> None:
        super().__init__()
        self.to_review = to_review
        self.failed = failed
