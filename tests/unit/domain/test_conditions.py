"""Conditions: what is narrower, and how they are written down."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.conditions import (
    ALWAYS,
    Clock,
    Condition,
    deciding,
    from_plain,
    is_narrower,
    to_plain,
)

MORNING = Clock("Asia/Shanghai", ((540, 720),), frozenset(range(5)), "CN")
NIGHT = Clock("Asia/Shanghai", ((1350, 480),))


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    low = draw(st.sampled_from((0, 32_001)))
    return Condition(
        input_from=low,
        input_to=draw(st.sampled_from((None, 128_001))),
        output_to=draw(st.sampled_from((None, 201))),
        clock=draw(st.sampled_from((None, MORNING, NIGHT))),
        thinking=draw(st.sampled_from((None, True, False))),
        tier=draw(st.sampled_from(("", "batch"))),
        region=draw(st.sampled_from(("", "intl"))),
        version=draw(st.sampled_from(("", "V3"))),
        is_list_price=draw(st.booleans()),
    )


@given(conditions(), conditions(), conditions())
def test_narrower_is_an_order(one: Condition, other: Condition, third: Condition) -> None:
    assert not is_narrower(one, one)
    assert not (is_narrower(one, other) and is_narrower(other, one))
    if is_narrower(one, other) and is_narrower(other, third):
        assert is_narrower(one, third)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Condition(input_to=10), ALWAYS, True),
        (Condition(input_to=10), Condition(input_to=20), True),
        (Condition(input_from=5), Condition(input_to=20), False),
        (Condition(thinking=True), Condition(input_to=20), False),
        (Condition(clock=MORNING), ALWAYS, True),
        (Condition(clock=MORNING), Condition(clock=NIGHT), False),
        (Condition(tier="batch", input_to=9), Condition(tier="batch"), True),
        (Condition(version="V3"), ALWAYS, False),
        (ALWAYS, Condition(is_list_price=True, input_to=9), True),
    ],
)
def test_what_is_narrower(one: Condition, other: Condition, expected: bool) -> None:
    assert is_narrower(one, other) is expected


@given(conditions())
def test_written_and_read_again(condition: Condition) -> None:
    assert from_plain(to_plain(condition)) == condition
    assert deciding(condition) == deciding(deciding(condition))
    assert not deciding(condition).version


def test_what_is_free_is_not_written() -> None:
    assert to_plain(ALWAYS) == {}
    assert to_plain(Condition(input_to=9, thinking=False)) == {"input_to": 9, "thinking": False}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"input_from": -1}, "input bounds"),
        ({"output_from": 5, "output_to": 5}, "output bounds"),
        ({"volume_to": 0}, "volume bounds"),
    ],
)
def test_bounds_that_hold_nothing_are_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Condition(**fields)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"windows": ()}, "at least one window"),
        ({"windows": ((0, 1441),)}, "within 0 and 1440"),
        ({"windows": ((-1, 5),)}, "within 0 and 1440"),
        ({"weekdays": frozenset()}, "weekdays"),
        ({"weekdays": frozenset({7})}, "weekdays"),
    ],
)
def test_a_clock_that_never_holds_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Clock(**{"zone": "UTC", "windows": ((0, 60),), **fields})


def test_an_unknown_dimension_is_named() -> None:
    with pytest.raises(ValueError, match="unknown condition colour"):
        from_plain({"colour": "red"})
