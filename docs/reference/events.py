"""The live events, as `fototui/domain/events.py` declares them."""

from __future__ import annotations

from docs.reference.markdown import code, table
from fototui.domain.events import BATCH_EVENT_REGISTRY, EVENT_REGISTRY


def page() -> str:
    """All events with their fields, and what makes those of a single row."""
    batch = [
        (code(name), _fields(kind.model_fields), _summary(kind))
        for name, kind in BATCH_EVENT_REGISTRY.items()
    ]
    single = [
        (code(name), _fields(kind.model_fields), _summary(kind))
        for name, kind in EVENT_REGISTRY.items()
    ]
    return table(("type", "fields", "says"), [*batch, *single])


def triggers() -> str:
    """Which changed columns may make which event."""
    rows = [
        (code(name), code(model), ", ".join(code(column) for column in sorted(columns)))
        for name, kind in EVENT_REGISTRY.items()
        for model, columns in kind.trigger_fields.items()
    ]
    return table(("event", "model", "columns"), rows)


def _fields(fields: object) -> str:
    assert isinstance(fields, dict)
    return ", ".join(code(name) for name in fields if name != "type")


def _summary(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]
