"""Column types that the shop's tables need beyond SQLAlchemy's own."""

import uuid
from collections.abc import Iterable

from pydantic import ValidationError
from sqlalchemy import ARRAY, ColumnElement, Dialect, Enum, any_, func, literal
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import UUID, TypeDecorator
from ulid import ULID

from fototui.domain.files import S3ObjectRefData
from fototui.domain.flags import ProcessingStatusEnum
from fototui.domain.sentences import Sentence


class ULIDType(TypeDecorator[ULID]):
    """A ULID kept as PostgreSQL `uuid`: the same 128 bits, so both sort by time."""

    impl = UUID(as_uuid=True)
    cache_ok = True

    def process_bind_param(self, value: ULID | str | None, dialect: Dialect) -> uuid.UUID | None:
        """Turn a ULID, or its 26 characters, into the column's uuid."""
        if value is None:
            return None
        return (ULID.from_str(value) if isinstance(value, str) else value).to_uuid()

    def process_result_value(self, value: uuid.UUID | None, dialect: Dialect) -> ULID | None:
        """Turn the column's uuid into a ULID."""
        return None if value is None else ULID.from_uuid(value)


class S3ObjectRef(TypeDecorator[S3ObjectRefData]):
    """A reference to a stored file, kept as JSONB.

    Older writers left a JSON `null` where they meant no file; it reads as None like an SQL NULL,
    and None is always written as an SQL NULL.
    """

    impl = JSONB(none_as_null=True)
    cache_ok = True

    def process_bind_param(
        self, value: S3ObjectRefData | None, dialect: Dialect
    ) -> dict[str, object] | None:
        """Turn a reference into the column's object, without what is not known."""
        return None if value is None else value.model_dump(exclude_none=True)

    def process_result_value(self, value: object, dialect: Dialect) -> S3ObjectRefData | None:
        """Turn the column's object into a reference.

        One that cannot be read refers to nothing: it must not hide the rows beside it.
        """
        try:
            return None if value is None else S3ObjectRefData.model_validate(value)
        except ValidationError:
            return None


def has_no_file(column: InstrumentedAttribute[S3ObjectRefData | None]) -> ColumnElement[bool]:
    """The condition that a reference to a file is none, be it a JSON `null`.

    Args:
        column: The column.
    """
    return func.coalesce(func.jsonb_typeof(column), "null") == "null"


class SentenceType(TypeDecorator[Sentence]):
    """A sentence with its values, kept as JSONB beside the column that has it in English."""

    impl = JSONB(none_as_null=True)
    cache_ok = True

    def process_bind_param(
        self, value: Sentence | None, dialect: Dialect
    ) -> dict[str, object] | None:
        """Turn a sentence into the column's object."""
        return None if value is None else value.model_dump(mode="json", exclude_defaults=True)

    def process_result_value(self, value: object, dialect: Dialect) -> Sentence | None:
        """Turn the column's object into a sentence; one that cannot be read is none."""
        try:
            return None if value is None else Sentence.model_validate(value)
        except ValidationError:
            return None


def status_enum(statuses: type[ProcessingStatusEnum]) -> Enum:
    """The column type of some statuses; PostgreSQL's type has the class's name.

    Args:
        statuses: The statuses.
    """
    # The types are made by migrations, whose history must not follow later edits of the enums.
    name = statuses.__name__.lower()
    return Enum(statuses, name=name, values_callable=lambda enum: [member.value for member in enum])


def among(
    column: ColumnElement[object] | InstrumentedAttribute[object], values: Iterable[object]
) -> ColumnElement[bool]:
    """The condition that a column has one of some values, however many.

    They are one parameter, an array: the statement stays the same for any number of them, and so
    stays prepared on the server, which takes no more than 32,767 parameters.

    Args:
        column: The column.
        values: The values.
    """
    return column == any_(literal(list(values), ARRAY(column.type)))
