"""Requests made of the server's OpenAPI description, and what it promises of their answers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import CHECKS

few = settings(
    max_examples=3,
    derandomize=True,  # the same each time, and nothing is written down
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Description:
    """What the server says it answers.

    Args:
        openapi: The description.
    """

    # Any: what OpenAPI allows there, and schemathesis' own type of what it read.
    def __init__(self, openapi: dict[str, Any]) -> None:
        self._schema: Any = schemathesis.openapi.from_dict(openapi)
        self._schema.config.generation.update(with_security_parameters=False)

    # Any: schemathesis' own type of what it read.
    def operations(self) -> Iterator[APIOperation[Any, Any, Any, Any]]:
        """All that can be called."""
        for result in self._schema.get_all_operations():
            yield result.ok()

    def try_all(
        self, url: str, headers: dict[str, str], names: dict[str, object]
    ) -> list[tuple[str, int]]:
        """Call every operation: with names that are there, rightly with any, and wrongly."""
        calls: list[tuple[str, int]] = []
        for operation in self.operations():
            own = {each: names[each] for each in names if f"{{{each}}}" in operation.path}
            ways: list[dict[str, Any]] = [{"path_parameters": own}] if own else []
            ways += [{}, {"generation_mode": GenerationMode.NEGATIVE}]
            for way in ways:
                statuses = _try(operation, way, url, headers)
                calls.extend((operation.label, status) for status in statuses)
        return calls


def _try(
    operation: APIOperation[Any, Any, Any, Any],
    way: dict[str, Any],
    url: str,
    headers: dict[str, str],
) -> list[int]:
    statuses: list[int] = []
    # Queries may hold more than is known, as those of older scripts do.
    # Any: the declared type leaves out the checks that are classes.
    excluded: list[Any] = [CHECKS.get_one("negative_data_rejection")] if operation.query else []
    # Any bytes are right by the description, and those that are no photo are refused.
    if any(each.media_type == "application/octet-stream" for each in operation.body):
        excluded.append(CHECKS.get_one("positive_data_acceptance"))

    @few
    @given(case=operation.as_strategy(**way))
    def call(case: Case[Any]) -> None:
        answer = case.call_and_validate(base_url=url, headers=headers, excluded_checks=excluded)
        statuses.append(answer.status_code)

    with contextlib.suppress(Unsatisfiable):  # there is nothing to be wrong about
        call()
    return statuses
