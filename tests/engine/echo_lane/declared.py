"""A lane that the program does not know, declared as a real one is: its statuses and its spec.

Pytest is given this file as a plugin, before anything else of the program is imported; what a new
lane writes into `domain/` is all written here.
"""

from fototui.domain.flags import Colour, Flags, ProcessingStatusEnum, Status
from fototui.domain.lanes import LANES, LaneSpec
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind


class EchoStatus(ProcessingStatusEnum):
    """The way of an echo: some words → the same words aloud → storage."""

    QUEUED = Status("queued", Flags.STARTABLE | Flags.RECOVERABLE, "Čeká", Colour.BLUE)
    SHOUTING = Status("shouting", Flags.RECOVERABLE, "Volá", Colour.BLUE)
    STORAGE_UPLOAD = Status("storage_upload", Flags.RECOVERABLE, "Ukládá se", Colour.BLUE)
    COMPLETED = Status("completed", Flags.FINAL, "Hotovo", Colour.GREEN)
    ERROR = Status("error", Flags.FINAL | Flags.RETRYABLE, "Chyba", Colour.RED)


def _one_more_kind(name: str, value: str) -> JobKind:
    """What a line `ECHO = "echo"` in `JobKind` would make."""
    kind = str.__new__(JobKind, value)
    kind._name_, kind._value_ = name, value
    JobKind._member_names_.append(name)
    JobKind._member_map_[name] = JobKind._value2member_map_[value] = kind
    return kind


ECHO = _one_more_kind("ECHO", "echo")
LANES[ECHO] = LaneSpec(
    ECHO,
    label=Sentence.plain("Echo"),
    counted=lambda count: Sentence.plain(f"{count} echoes"),
    word=Sentence.plain("echo"),
    also=(),
    table="echoes",
    model="Echo",
    statuses=EchoStatus,
    parent="line_item_id",
    concurrency=2,
    unfinished="{row}status NOT IN ('completed', 'error')",
)
