"""The base of all models: names of constraints, and which Python type is which column."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import DateTime, Float, MetaData, Text, func, text
from sqlalchemy.orm import DeclarativeBase
from ulid import ULID

from fototui.db.types import S3ObjectRef, SentenceType, ULIDType
from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence

NOW = func.now()
ZERO = text("0")


class Base(DeclarativeBase):
    """Base of all models."""

    metadata = MetaData(
        # PostgreSQL's own default names, which the shop's existing constraints have.
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )
    # Any: SQLAlchemy's own declaration of the attribute.
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        str: Text(),
        ULID: ULIDType(),
        S3ObjectRefData: S3ObjectRef(),
        Sentence: SentenceType(),
        float: Float(),
    }
