"""What became of an order that the shop told of."""

from __future__ import annotations

from dataclasses import dataclass

from ulid import ULID

from fototui.domain.statuses import OrderStatus
from fototui.services.ingest.diff import OrderDiff


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of an order that the shop told of.

    Args:
        order_id: ULID of the order.
        number: Its number.
        is_new: Its details were not known before.
        changed: Something was written.
        new_photos: Photos to be fetched that came of it: new ones, and missing ones that are
            elsewhere now.
        missing_photos: All photos that have an address and no file.
        lacks_photos: It should have photos, and has none.
    """

    order_id: str
    number: str
    is_new: bool
    changed: bool
    new_photos: int
    missing_photos: int
    lacks_photos: bool = False

    @classmethod
    def of(cls, order_id: ULID, number: str, diff: OrderDiff) -> Applied:
        """What becomes of an order by what is to be written.

        Args:
            order_id: The order.
            number: Its number.
            diff: What is to be written.
        """
        return cls(
            order_id=str(order_id),
            number=number,
            is_new=diff.is_first,
            changed=diff.is_any,
            new_photos=diff.photos,
            missing_photos=diff.missing_photos,
            lacks_photos=diff.lacks_photos,
        )

    def status_after(self, status: OrderStatus, *, asked: bool = False) -> OrderStatus:
        """Where the order stands with it.

        An order that an operator may be reviewing goes back for new photos only. One that failed
        stays so while nothing but the photos that could not be fetched are missing: else each
        import would try these again for ever.

        Args:
            status: Where it stood before.
            asked: An operator asked for this very order: what failed is tried again.
        """
        as_its_photos_tell = (
            OrderStatus.DOWNLOADING if self.missing_photos else OrderStatus.READY_FOR_REVIEW
        )
        match status:
            case OrderStatus.DOWNLOADING:  # the download finds out when nothing is missing
                return status
            case OrderStatus.READY_FOR_REVIEW if not self.new_photos:
                return status
            case OrderStatus.ERROR if self.missing_photos and not (self.new_photos or asked):
                return status
            case _:
                return as_its_photos_tell
