"""`fototui token` and the options of `fototui serve`."""

from __future__ import annotations

import socket

from tests.cli.conftest import Command


def test_a_key_is_told_once_and_alone(fototui: Command) -> None:
    made = fototui("token", "create", "skript")
    assert made.code == 0
    key = made.out.removesuffix("\n")
    assert key.startswith("fototui_")
    assert not any(sign.isspace() for sign in key)
    assert key not in made.err
    # Nothing but the sentence: no line of the log.
    assert made.err.splitlines() == [
        "This is the key skript. It cannot be shown again; keep it safe."
    ]
    listed = fototui("token", "list", "--json")
    assert key not in listed.out + listed.err
    (token,) = listed.json
    assert token["name"] == "skript"
    assert token["created_by"] == "jana"
    assert token["last_used_at"] is token["revoked_at"] is None


def test_a_name_is_taken_once(fototui: Command) -> None:
    fototui("token", "create", "skript")
    again = fototui("token", "create", "skript")
    assert (again.code, again.out) == (1, "")
    assert "skript" in again.err
    assert fototui("token", "create", " ").code == 2


def test_a_key_is_revoked_by_its_name(fototui: Command) -> None:
    fototui("token", "create", "skript")
    assert fototui("token", "revoke", "skript").code == 0
    (token,) = fototui("token", "list", "--json").json
    assert token["revoked_at"] is not None
    assert "skript" in fototui("token", "list").out
    missing = fototui("token", "revoke", "nobody")
    assert missing.code == 1
    assert "nobody" in missing.err


def test_serve_says_what_is_wrong_before_it_begins(fototui: Command) -> None:
    assert "no lane" in fototui("serve", "--lanes", "colouring").err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = fototui("serve", "--port", port)
    assert refused.code == 2
    assert "--port" in refused.err
    nothing = fototui("serve", "--port", "0", STORAGE_PATH="")
    assert nothing.code == 2
    assert "STORAGE_PATH" in nothing.err
