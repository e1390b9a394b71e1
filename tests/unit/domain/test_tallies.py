"""Tallies: calls by what they used."""

from __future__ import annotations

import json

import pytest

from steelyard.domain.tallies import Tally, Used, tally_of
from steelyard.domain.usage import NOTHING, Usage

SHORT, LONG = Usage(10, 2), Usage(1000, 20, 600, 0, 8, 1, (("input_audio", 40),))


def test_equal_calls_are_counted_and_unlike_ones_kept_apart() -> None:
    lines = [Used(SHORT), Used(LONG), Used(SHORT, "batch"), Used(SHORT)]
    found = Tally.over(lines)
    assert found.lines == (Used(SHORT, "", 2), Used(LONG), Used(SHORT, "batch"))
    assert found == Tally.over(lines[::-1])
    assert found.calls == 4
    assert Tally.over([*Tally.of(SHORT).lines, *Tally().lines]) == Tally.of(SHORT)


def test_the_total_has_every_item_of_every_call() -> None:
    found = Tally.over([Used(SHORT, "", 3), Used(LONG, "batch", 2)])
    assert found.total == Usage(2030, 46, 1200, 0, 16, 5, (("input_audio", 80),))
    assert Tally().total == NOTHING
    assert Tally.of(SHORT).is_plain
    assert not found.is_plain and not Tally.of(SHORT, "batch").is_plain
    assert Tally.of(LONG).total == LONG


def test_it_comes_back_from_json_as_it_was() -> None:
    found = Tally.over([Used(SHORT, "", 3), Used(LONG, "batch", 2)])
    assert tally_of(json.loads(json.dumps(found.plain()))) == found
    assert tally_of([]) == Tally()


@pytest.mark.parametrize(
    "plain",
    [
        [[1]],
        [[list(SHORT), "", 0]],
        [[list(SHORT), "", 1.5]],
        [[[10.5, *SHORT[1:]], "", 1]],
        [[[True, *SHORT[1:]], "", 1]],
        [[["10", *SHORT[1:]], "", 1]],
        [[[10, 2], "", 1]],
        [7],
    ],
)
def test_what_is_no_tally_is_refused(plain: list[object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        tally_of(plain)


def test_parts_that_pass_their_total_are_refused() -> None:
    with pytest.raises(ValueError, match="cached input tokens"):
        tally_of([[[10, 2, 11, 0, 0, 1, []], "", 1]])
