"""What is to be closed when it is needed no more."""

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """Something with connections: an `async with` block closes it at its end."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close what is open; a second time does nothing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()
