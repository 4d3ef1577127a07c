"""Errors: what programs tell them apart by, and what they carry."""

from __future__ import annotations

import pytest

from fototui.domain import errors
from fototui.domain.errors import FototuiError, OutsideError, TransientError

# Exit codes, answers of the HTTP API and translations go by these words.
CODES = {
    "FototuiError": "failed",
    "ConfigurationError": "configuration",
    "NotFoundError": "not_found",
    "InvalidInputError": "invalid_input",
    "ConflictError": "conflict",
    "OutsideError": "outside",
    "TransientError": "transient",
    "PermanentError": "permanent",
    "ResultGoneError": "result_gone",
    "AccountError": "account",
}
# What only an operator tells apart; to programs it is what it derives from.
KINDS = {"InProgressError": "conflict"}


def _classes() -> dict[str, type[FototuiError]]:
    return {
        name: found
        for name, found in vars(errors).items()
        if isinstance(found, type) and issubclass(found, FototuiError)
    }


def test_every_class_has_its_own_stable_code() -> None:
    assert {name: found.code for name, found in _classes().items()} == {**CODES, **KINDS}
    assert len(set(CODES.values())) == len(CODES)


@pytest.mark.parametrize("name", sorted(CODES))
def test_a_message_is_cleaned(name: str) -> None:
    found = _classes()[name]
    text = "The service said \x1b[2J\x00no\u202e."
    error = found(text, service="RunPod") if issubclass(found, OutsideError) else found(text)
    assert str(error) == "The service said [2Jno."


def test_what_a_failure_outside_carries() -> None:
    error = TransientError("Wait.", service="Vectorizer.ai", status=429, retry_after=5.0)
    assert (error.service, error.status, error.retry_after) == ("Vectorizer.ai", 429, 5.0)
    assert not error.ambiguous
    assert TransientError("?", service="RunPod", ambiguous=True).ambiguous
    assert OutsideError("?", service="RunPod").status is None
