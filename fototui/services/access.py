"""What a service is made from, and what its single statements may do."""

from enum import Enum
from typing import Protocol, TypeVar

from fototui.db.events.session import TrackedAsyncSession

S_co = TypeVar("S_co", covariant=True)


class ServiceType(Protocol[S_co]):
    """A service: made from a session and the operator who acts."""

    def __call__(self, session: TrackedAsyncSession, *, operator: str) -> S_co:
        """Make it."""


class Access(Enum):
    """What a service does by statements that stand alone, each committed by itself.

    A service says so as its `autocommit_access`; one that says nothing only reads by them.
    """

    READS = "reads"
    WRITES = "writes"
    """They change what others see, so a read-only terminal may not use it at all."""
    SIGNS = "signs"
    """They write about the terminal itself and nothing else; a read-only one does so too."""

    @classmethod
    def of(cls, service: object) -> "Access":
        """What a service said.

        Args:
            service: Its class, or what makes it.
        """
        access = getattr(service, "autocommit_access", cls.READS)
        assert isinstance(access, cls)
        return access
