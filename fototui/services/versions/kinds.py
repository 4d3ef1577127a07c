"""The service of each kind of version, for where the kind is known only at run time."""

from fototui.domain.statuses import VersionType
from fototui.services.access import ServiceType
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.svg import VectorizerService

AnyVersionService = ColoringService | VectorizerService

_SERVICES: dict[VersionType, ServiceType[AnyVersionService]] = {
    VersionType.COLORING: ColoringService,
    VersionType.SVG: VectorizerService,
}


def version_service(kind: VersionType) -> ServiceType[AnyVersionService]:
    """The service of a kind of version.

    Args:
        kind: Colouring or SVG.

    Returns:
        Its class; make it from a session, or hand it to `Backend.transaction`.
    """
    return _SERVICES[kind]
