"""Keys to the HTTP API.

A key is told once, when it is made, and kept as its SHA-256 only: who reads the database cannot use
the API. A slow password hash would protect nothing, for a key is 32 random bytes that nobody can
guess. It is looked up by its hash; how long that takes tells at most something of the hash, from
which no key can be made, so the comparison need not be constant in time.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr
from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from fototui.db.database import Database
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.fixed import FixedStatement
from fototui.db.models.inbound import ApiToken
from fototui.domain.errors import ConflictError, InvalidInputError, NotFoundError
from fototui.domain.text import clean_line
from fototui.log import get_logger

log = get_logger(__name__)

PREFIX = "fototui_"
"""How a key begins, so that people and secret scanners know one where they find it."""

LONGEST_NAME = 60

_RANDOM_BYTES = 32
_LONGEST_KEY = 200

# A key that is used all the time is written to once a minute.
_CHECK = FixedStatement(
    text(
        """
        WITH used AS (
            UPDATE api_tokens SET last_used_at = now()
            WHERE token_hash = :hash AND revoked_at IS NULL
              AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
        )
        SELECT name FROM api_tokens WHERE token_hash = :hash AND revoked_at IS NULL
        """
    )
)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A key that was made just now.

    Args:
        name: What it is called.
        key: The key itself, which cannot be told again.
    """

    name: str
    key: SecretStr


@dataclass(frozen=True, slots=True)
class TokenView:
    """A key, as a list shows it.

    Args:
        name: What it is called.
        created_at: When it was made.
        created_by: Who made it.
        last_used_at: When it was last used, give or take a minute.
        revoked_at: Since when it is refused.
    """

    name: str
    created_at: datetime
    created_by: str
    last_used_at: datetime | None
    revoked_at: datetime | None


class TokenService:
    """Makes, lists and revokes keys. Each call is one statement.

    Args:
        session: A session with no transaction under way; one that commits by itself will do.
        operator: Who acts.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session
        self.operator = operator

    async def create(self, name: str) -> NewToken:
        """Make a key.

        Args:
            name: What to call it, 1 to 60 characters; a revoked key keeps its name.

        Returns:
            The key, which is told only here.

        Raises:
            InvalidInputError: The name is none.
            ConflictError: There is a key of that name.
        """
        name = _checked(name)
        key = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        async with self.session.begin():
            made = await self.session.scalar(
                insert(ApiToken)
                .values(name=name, token_hash=_hash(key), created_by=self.operator)
                .on_conflict_do_nothing(index_elements=[ApiToken.name])
                .returning(ApiToken.name)
            )
        if made is None:
            raise ConflictError(
                "There is an API key called {name} already, or there was; choose another name.",
                name=name,
            )
        log.info("an API key was made", name=name, operator=self.operator)
        return NewToken(name=name, key=SecretStr(key))

    async def list(self) -> tuple[TokenView, ...]:
        """All keys, the revoked ones too, by name."""
        async with self.session.begin():
            rows = await self.session.execute(
                select(
                    ApiToken.name,
                    ApiToken.created_at,
                    ApiToken.created_by,
                    ApiToken.last_used_at,
                    ApiToken.revoked_at,
                ).order_by(ApiToken.name)
            )
            return tuple(TokenView(*row) for row in rows)

    async def revoke(self, name: str) -> None:
        """Have a key refused from now on; one that is revoked already stays so.

        Args:
            name: What it is called.

        Raises:
            NotFoundError: There is no such key.
        """
        name = clean_line(name)
        async with self.session.begin():
            revoked = await self.session.scalar(
                update(ApiToken)
                .where(ApiToken.name == name)
                .values(revoked_at=func.coalesce(ApiToken.revoked_at, func.now()))
                .returning(ApiToken.name)
                .execution_options(synchronize_session=False)
            )
        if revoked is None:
            raise NotFoundError(
                "There is no API key called {name}; list them to see their names.", name=name
            )
        log.info("an API key was revoked", name=name, operator=self.operator)

    async def any(self) -> bool:
        """Whether there is a key that is not revoked."""
        async with self.session.begin():
            found = await self.session.scalar(
                select(ApiToken.id).where(ApiToken.revoked_at.is_(None)).limit(1)
            )
            return found is not None


async def holder_of(database: Database, key: str) -> str | None:
    """Find whose key it is, in one round trip: each request of the API asks so.

    Args:
        database: The database.
        key: What a stranger sent.

    Returns:
        The key's name; None for one that is not known, or is revoked.
    """
    if not (key.startswith(PREFIX) and key.isascii() and len(key) <= _LONGEST_KEY):
        return None
    found = await database.run(_CHECK, {"hash": _hash(key)})
    return found[0]["name"] if found else None


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _checked(name: str) -> str:
    cleaned = clean_line(name)
    if not cleaned or len(cleaned) > LONGEST_NAME or cleaned != name.strip():
        raise InvalidInputError(
            "An API key needs a name of 1 to {longest} ordinary characters.", longest=LONGEST_NAME
        )
    return cleaned
