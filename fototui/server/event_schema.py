"""The live events as JSON Schema, for clients that are generated."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from fototui.domain.events import Event

_EVENTS: TypeAdapter[Event] = TypeAdapter(
    Annotated[Event, Field(discriminator="type", title="Event")]
)


# Any: JSON Schema.
def event_schema(ref_template: str = "#/$defs/{model}") -> dict[str, Any]:
    """The union of all events, as they are written.

    Args:
        ref_template: Where its parts are referred to.

    Returns:
        The schema, its parts under `$defs`.
    """
    schema = _EVENTS.json_schema(mode="serialization", ref_template=ref_template)
    for part in schema["$defs"].values():
        if "properties" in part:
            # What has a default is written all the same.
            part["required"] = list(part["properties"])
    return schema
