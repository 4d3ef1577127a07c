"""Flags, their rules, and what a status is made of."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from functools import reduce
from operator import or_

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fototui.domain.flags import (
    Colour,
    FlagRule,
    FlagRuleError,
    Flags,
    ProcessingStatusEnum,
    Status,
)

STARTABLE, RECOVERABLE = Flags.STARTABLE, Flags.RECOVERABLE
AWAITING, FINAL, RETRYABLE = Flags.AWAITING_EXTERNAL, Flags.FINAL, Flags.RETRYABLE

flag_lists = st.lists(st.sampled_from(list(Flags)), min_size=1, max_size=8)


def _makes_sense(flags: set[Flags]) -> bool:
    """The rules of the product, said a second time and another way."""
    if RETRYABLE in flags and FINAL not in flags:
        return False
    if FINAL in flags and flags & {RECOVERABLE, STARTABLE, AWAITING}:
        return False
    return AWAITING not in flags or (RECOVERABLE in flags and STARTABLE not in flags)


@given(flag_lists)
def test_a_declared_status_has_flags_that_make_sense(flags: list[Flags]) -> None:
    # Made without `|`, so that it is the status that checks.
    combination = Flags(sum(flag.value for flag in set(flags)))
    if _makes_sense(set(flags)):
        assert set(Status("x", combination).flags) == set(flags)
    else:
        with pytest.raises(FlagRuleError, match="|".join(str(flag) for flag in flags)):
            Status("x", combination)


@given(flag_lists)
def test_combining_either_makes_sense_or_raises(flags: list[Flags]) -> None:
    # A combination is refused as soon as it cannot stand, also where more flags would mend it.
    steps = [set(flags[:length]) for length in range(2, len(flags) + 1)]
    try:
        combined = reduce(or_, flags)
    except FlagRuleError:
        assert not all(map(_makes_sense, steps))
    else:
        assert all(map(_makes_sense, steps))
        assert set(combined) == set(flags)


@given(st.sets(st.sampled_from(list(Flags)), min_size=2))
def test_whatever_makes_sense_can_be_combined(flags: set[Flags]) -> None:
    if _makes_sense(flags):
        # As they are declared: what a flag requires comes before it.
        in_order = [flag for flag in Flags if flag in flags]
        assert set(reduce(or_, in_order)) == flags


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (FINAL, RECOVERABLE, "When FINAL: RECOVERABLE cannot be present"),
        (STARTABLE, FINAL, "When FINAL: STARTABLE cannot be present"),
        (RETRYABLE, STARTABLE, "When RETRYABLE: FINAL must be present"),
        (
            AWAITING,
            STARTABLE,
            "When AWAITING_EXTERNAL: RECOVERABLE must be present and STARTABLE cannot be present",
        ),
        (
            RETRYABLE,
            AWAITING,
            (
                "When AWAITING_EXTERNAL: RECOVERABLE must be present "
                "and When RETRYABLE: FINAL must be present"
            ),
        ),
        (FINAL, STARTABLE | RECOVERABLE, "When FINAL: STARTABLE and RECOVERABLE cannot be present"),
    ],
)
def test_the_message_names_all_faults(one: Flags, other: Flags, message: str) -> None:
    for first, second in ((one, other), (other, one)):
        with pytest.raises(FlagRuleError) as caught:
            _ = first | second
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        (RETRYABLE, "When RETRYABLE: FINAL must be present"),
        (AWAITING, "When AWAITING_EXTERNAL: RECOVERABLE must be present"),
    ],
)
def test_a_lone_flag_is_checked_when_a_status_is_declared(flag: Flags, message: str) -> None:
    with pytest.raises(FlagRuleError) as caught:
        Status("x", flag)
    assert str(caught.value) == message


def test_a_wrong_combination_cannot_be_imported() -> None:
    with pytest.raises(FlagRuleError):

        class Wrong(ProcessingStatusEnum):
            DONE = Status("done", Flags(FINAL.value | STARTABLE.value))


def test_the_rules_are_those_of_the_product() -> None:
    assert {(r.when, frozenset(r.required), frozenset(r.forbidden)) for r in Flags.RULES} == {
        (RETRYABLE, frozenset({FINAL}), frozenset()),
        (FINAL, frozenset(), frozenset({RECOVERABLE, STARTABLE, AWAITING})),
        (AWAITING, frozenset({RECOVERABLE}), frozenset({STARTABLE})),
    }


def test_a_rule_needs_a_condition_and_must_not_contradict_itself() -> None:
    with pytest.raises(FlagRuleError, match="cannot be empty"):
        FlagRule(when=Flags.NONE, required=FINAL)
    with pytest.raises(FlagRuleError, match="FINAL cannot be both required and forbidden"):
        FlagRule(when=RETRYABLE, required=FINAL, forbidden=FINAL)


@pytest.fixture
def rules() -> Iterator[set[FlagRule]]:
    """The rules, put back as they were."""
    before = set(Flags.RULES)
    yield Flags.RULES
    Flags.RULES.clear()
    Flags.RULES.update(before)


def test_an_added_rule_holds_for_what_comes_after_it(rules: set[FlagRule]) -> None:
    # A condition of two flags: the rule speaks only where both are there.
    rules.add(FlagRule(when=STARTABLE | RECOVERABLE, required=FINAL))
    rules.add(FlagRule(when=RETRYABLE, forbidden=FINAL))
    assert Status("x", STARTABLE).flags == STARTABLE
    with pytest.raises(FlagRuleError) as caught:
        _ = STARTABLE | RECOVERABLE
    assert str(caught.value) == "When STARTABLE and RECOVERABLE: FINAL must be present"
    with pytest.raises(FlagRuleError, match="When RETRYABLE: FINAL cannot be present"):

        class Wrong(ProcessingStatusEnum):
            BROKEN = Status("broken", Flags(FINAL.value | RETRYABLE.value))


def test_a_status_may_mean_nothing_to_the_engine() -> None:
    status = Status("x")
    assert (status.flags, set(status.flags)) == (Flags.NONE, set())
    assert (status.display, status.colour) == ("", Colour.GREY)
    assert FINAL | Flags.NONE == FINAL


class Light(ProcessingStatusEnum):
    """A small set of statuses."""

    OFF = Status("off", STARTABLE)
    WARM = Status("warm", RECOVERABLE)
    WAITING = Status("waiting", RECOVERABLE | AWAITING, "Čeká", Colour.YELLOW)
    BURNT = Status("burnt", FINAL)
    BROKEN = Status("broken", FINAL | RETRYABLE, "Chyba", Colour.RED)
    IDLE = Status("idle")


def test_a_member_is_its_database_string() -> None:
    assert Light.WARM.value == "warm"
    assert f"{Light.WARM}" == str(Light.WARM) == "warm"
    assert Light("burnt") is Light.BURNT
    assert {"warm": 1}[Light.WARM] == 1
    with pytest.raises(ValueError, match="gone"):
        Light("gone")


def test_a_member_survives_copying_and_pickling() -> None:
    for member in Light:
        assert copy.deepcopy(member) is member
        assert pickle.loads(pickle.dumps(member)) is member


def test_what_is_behind_a_member() -> None:
    meta = Light.BROKEN.meta
    assert (meta.value, meta.flags) == ("broken", FINAL | RETRYABLE)
    assert (meta.display, meta.colour) == ("Chyba", Colour.RED)
    asked = {
        member: (
            member.meta.is_startable,
            member.meta.is_recoverable,
            member.meta.is_awaiting_external,
            member.meta.is_final,
            member.meta.is_retryable,
        )
        for member in Light
    }
    assert asked == {
        "off": (True, False, False, False, False),
        "warm": (False, True, False, False, False),
        "waiting": (False, True, True, False, False),
        "burnt": (False, False, False, True, False),
        "broken": (False, False, False, True, True),
        "idle": (False, False, False, False, False),
    }


def test_a_status_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Light.OFF.meta.value = "on"  # type: ignore[misc]  # it is frozen


def test_sets_of_states() -> None:
    assert Light.startable_states() == {"off", "broken"}
    assert Light.intermediate_states() == {"warm", "waiting"}
    assert Light.awaiting_external_states() == {"waiting"}
    assert Light.final_states() == {"burnt", "broken"}
    assert Light.retryable_states() == {"broken"}
    assert Light.active_states() == {"off", "warm", "waiting"}
    for states in (Light.startable_states(), Light.final_states(), Light.active_states()):
        assert isinstance(states, frozenset)
        assert all(isinstance(state, Light) for state in states)
