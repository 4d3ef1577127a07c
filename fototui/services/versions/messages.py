"""What sentences say of versions; whole sentences, since words bend with their kind."""

from collections.abc import Callable

from fototui.domain.errors import ConflictError, NotFoundError
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import VersionType

_NAME: dict[VersionType, Callable[[int], Sentence]] = {
    VersionType.COLORING: lambda number: Sentence.make("Colouring v{number}", number=number),
    VersionType.SVG: lambda number: Sentence.make("SVG v{number}", number=number),
}
_MISSING: dict[VersionType, Callable[[int], NotFoundError]] = {
    VersionType.COLORING: lambda version_id: NotFoundError(
        "There is no colouring {id}; look at the order again.", id=version_id
    ),
    VersionType.SVG: lambda version_id: NotFoundError(
        "There is no SVG {id}; look at the order again.", id=version_id
    ),
}
_NOT_FAILED: dict[VersionType, Callable[[], ConflictError]] = {
    VersionType.COLORING: lambda: ConflictError("Its newest colouring did not fail."),
    VersionType.SVG: lambda: ConflictError("Its newest SVG did not fail."),
}
_NONE_CHOSEN: dict[VersionType, Callable[[Sentence], ConflictError]] = {
    VersionType.COLORING: lambda image: ConflictError(
        "No colouring is chosen for {image} by now; look again.", image=image
    ),
    VersionType.SVG: lambda image: ConflictError(
        "No SVG is chosen for {image} by now; look again.", image=image
    ),
}


def name_of(kind: VersionType, number: int) -> Sentence:
    """What an operator calls a version.

    Args:
        kind: Its kind.
        number: Its number within the image.
    """
    return _NAME[kind](number)


def no_such_version(kind: VersionType, version_id: int) -> NotFoundError:
    """The error for a version that is not there.

    Args:
        kind: Its kind.
        version_id: What was asked for.
    """
    return _MISSING[kind](version_id)


def nothing_failed(kind: VersionType) -> ConflictError:
    """The error for an image whose newest version did not fail.

    Args:
        kind: The version's kind.
    """
    return _NOT_FAILED[kind]()


def chosen_by(version: Sentence, image: Sentence, operator: str | None) -> ConflictError:
    """The error for a choice that another one has overtaken.

    Args:
        version: The version that is chosen now.
        image: Its image.
        operator: Who chose it; None where its completion did.
    """
    if operator is None:
        return ConflictError(
            "{version} is the chosen one for {image} by now, chosen when it was completed. "
            "Look at it, then choose again.",
            version=version,
            image=image,
        )
    return ConflictError(
        "{version} is the chosen one for {image} by now, chosen by {operator}. "
        "Look at it, then choose again.",
        version=version,
        image=image,
        operator=operator,
    )


def none_chosen(kind: VersionType, image: Sentence) -> ConflictError:
    """The error for a choice that was taken back meanwhile.

    Args:
        kind: The kind of version.
        image: The image.
    """
    return _NONE_CHOSEN[kind](image)
