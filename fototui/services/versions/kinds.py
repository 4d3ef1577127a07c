"""The service of each kind of version, for where the kind is known only at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fototui.domain.statuses import VersionType
from fototui.services.access import ServiceType

if TYPE_CHECKING:
    from fototui.services.versions.coloring import ColoringService
    from fototui.services.versions.svg import VectorizerService

    AnyVersionService = ColoringService | VectorizerService


def version_service(kind: VersionType) -> ServiceType[AnyVersionService]:
    """The service of a kind of version; it is loaded now.

    Args:
        kind: Colouring or SVG.

    Returns:
        Its class; make it from a session, or hand it to `Backend.transaction`.
    """
    if kind is VersionType.COLORING:
        from fototui.services.versions.coloring import ColoringService

        return ColoringService
    from fototui.services.versions.svg import VectorizerService

    return VectorizerService
