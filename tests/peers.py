"""The same tests against other peers than those each run has: `make peers`.

PEER names the one that a run is about. What speaks to a peer of its kind carries the marker
`peers`, by the folder it stands in; a run with PEER leaves out what speaks to others. Without PEER
nothing here changes anything.
"""

from __future__ import annotations

import os
from enum import StrEnum
from functools import cache
from pathlib import Path

import pytest

_TESTS = Path(__file__).parent


class Peer(StrEnum):
    """Something that is not in every run."""

    POSTGRESQL_15 = "postgresql-15"
    """Debian's, where the others have the newest."""
    PGBOUNCER = "pgbouncer"
    """In front of the PostgreSQL of every run, one session a client."""
    VERSITYGW = "versitygw"
    """Another S3 server, a gateway to folders."""
    MERCURE = "mercure"
    """The reference hub."""


CHOSEN = Peer(os.environ["PEER"]) if os.environ.get("PEER") else None

_DATABASE = ("db", "services", "engine/jobs", "engine/test_turns.py")
_FOLDERS = {
    Peer.POSTGRESQL_15: _DATABASE,
    Peer.PGBOUNCER: _DATABASE,
    Peer.VERSITYGW: ("storage/test_contract.py",),
    Peer.MERCURE: ("mercure",),
}
#: Tests of what a pooler does itself: it knows the users and their passwords, keeps the server's
#: connections, lets clients wait where the server would refuse them; and refuses parameters, so
#: that each of its clients connects twice.
_NOT_WITH_A_POOLER = frozenset(
    {
        "test_a_full_server_takes_no_more",
        "test_a_role_without_rights_is_told_which_table",
        "test_cancelled_while_it_is_held",
        "test_check_tells_a_wrong_password",
        "test_check_tells_an_unknown_user",
        "test_the_proxy_counts_and_delays_what_a_client_sends",
        "test_whatever_the_driver_raises_is_an_outage",
    }
)


def mark(item: pytest.Item) -> None:
    """Give a test the marker, where it speaks to the chosen peer.

    Without a chosen one, to any.

    Args:
        item: The test.
    """
    if CHOSEN is Peer.PGBOUNCER and item.name.partition("[")[0] in _NOT_WITH_A_POOLER:
        return
    if _speaks_to_one(item.path):
        item.add_marker(pytest.mark.peers)


@cache
def _speaks_to_one(path: Path) -> bool:
    place = path.relative_to(_TESTS).as_posix()
    peers = Peer if CHOSEN is None else (CHOSEN,)
    folders = (folder for peer in peers for folder in _FOLDERS[peer])
    return any(f"{place}/".startswith(f"{folder}/") for folder in folders)
