"""The statuses with their labels, as `fototui/domain/statuses.py` declares them."""

from __future__ import annotations

from docs.reference.docstrings import of_attributes, of_class
from docs.reference.markdown import code, table
from fototui.domain.flags import Flags, ProcessingStatusEnum
from fototui.domain.statuses import PaymentStatus
from fototui.i18n import _, language, set_language


def kinds() -> list[type[ProcessingStatusEnum]]:
    """Each kind of thing that has a status."""
    return sorted(ProcessingStatusEnum.__subclasses__(), key=lambda kind: kind.__name__)


def page() -> str:
    """All statuses, a table for each kind."""
    before = language()
    set_language("en")
    try:
        return "\n".join([*map(_described, kinds()), _payment()])
    finally:
        set_language(before)


def _described(kind: type[ProcessingStatusEnum]) -> str:
    rows = [
        (
            code(status.value),
            status.meta.display,
            _(status.meta.display),
            str(status.meta.colour),
            ", ".join(code(flag.name) for flag in Flags if flag in status.meta.flags),
        )
        for status in kind
    ]
    title = f"### `{kind.__name__}`\n\n{of_class(kind)}\n\n"
    return title + table(("status", "Czech label", "English label", "colour", "flags"), rows)


def _payment() -> str:
    rows = [
        (code(each.value), each.display, _(each.display), str(each.colour))
        for each in PaymentStatus
    ]
    title = "### `PaymentStatus`\n\nAs Shopify has it; a value not listed is shown as it is.\n\n"
    return title + table(("status", "Czech label", "English label", "colour"), rows)


def flags() -> str:
    """What each flag says of a status."""
    said = of_attributes(Flags)
    return table(("flag", "means"), [(code(flag.name), said[str(flag.name)]) for flag in Flags])
