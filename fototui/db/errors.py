"""What can go wrong between us and the database, told apart by SQLSTATE."""

from enum import StrEnum

from fototui.domain.errors import ConfigurationError, FototuiError
from fototui.domain.sentences import Sentence, Value


class SqlState(StrEnum):
    """The SQLSTATE codes that the program acts on (PostgreSQL manual, appendix A)."""

    LOCK_NOT_AVAILABLE = "55P03"
    DEADLOCK_DETECTED = "40P01"
    UNIQUE_VIOLATION = "23505"
    INVALID_AUTHORIZATION = "28000"
    AUTHENTICATION_FAILED = "28P01"
    INVALID_DATABASE = "3D000"
    TOO_MANY_CONNECTIONS = "53300"
    INSUFFICIENT_PRIVILEGE = "42501"
    READ_ONLY_TRANSACTION = "25006"
    PROTOCOL_VIOLATION = "08P01"
    DUPLICATE_PREPARED_STATEMENT = "42P05"
    INVALID_STATEMENT_NAME = "26000"


# Classes of SQLSTATE after which the same statement may succeed: no room (53), operator
# intervention and time-outs (57), rolled back (40), lock not available (55P03), connection (08).
_PASSING = ("08", "40", "53", "55P03", "57")


class DatabaseError(FototuiError):
    """The database answers, and does not do what it is asked to.

    Args:
        text: One sentence for the operator.
        state: The SQLSTATE; None where the driver refused before the server was asked.
        constraint: The constraint that would not hold.
        **values: What stands in the sentence.
    """

    code = "database"

    def __init__(
        self,
        text: str,
        /,
        *,
        state: str | None = None,
        constraint: str | None = None,
        **values: Value,
    ) -> None:
        super().__init__(text, **values)
        self.sqlstate = state
        self.constraint = constraint

    @property
    def is_passing(self) -> bool:
        """Whether the same statement may succeed when it is tried again."""
        return self.sqlstate is not None and self.sqlstate.startswith(_PASSING)


class DatabaseUnavailableError(FototuiError):
    """The database does not answer."""

    code = "database_unavailable"


def is_outage(error: BaseException) -> bool:
    """Whether the database failed for now, and what it was asked may be asked again."""
    return isinstance(error, DatabaseUnavailableError) or (
        isinstance(error, DatabaseError) and error.is_passing
    )


class SchemaError(ConfigurationError):
    """The database's schema is not the one that this program needs."""

    code = "schema"


class RecordLockedError(FototuiError):
    """Someone else holds the row (SQLSTATE 55P03). A normal answer, not a failure."""

    code = "locked"


class RecordNotFoundError(FototuiError):
    """No row matches."""

    code = "not_found"


class AmbiguousRecordError(FototuiError):
    """A lock names more than one row."""

    code = "ambiguous"


class LockNotAcquiredError(FototuiError):
    """A record was written outside the block that holds its lock."""

    code = "lock_not_acquired"


class UnexpectedStatusError(FototuiError):
    """The row is in another status than the one its change starts from.

    Args:
        expected: The statuses from which the change may start.
        actual: The status found.
    """

    code = "unexpected_status"

    def __init__(self, expected: frozenset[str], actual: str) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(
            Sentence.make(
                "Its status is {actual}; this change starts from {expected}. "
                "Look at its present state and try again.",
                actual=actual,
                expected=", ".join(sorted(expected)),
            )
        )


class ClaimLostError(FototuiError):
    """The job is no longer this engine's: its claim token or its status has changed."""

    code = "claim_lost"
