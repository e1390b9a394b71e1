"""A bound of thought is the least effort that reaches it."""

import pytest

from steelyard.dialects.bridge.efforts import EFFORT_TOKENS, effort_of


@pytest.mark.parametrize(
    ("tokens", "effort"),
    [(1, "minimal"), (512, "minimal"), (513, "low"), (8192, "medium"), (8193, "high")],
)
def test_the_least_effort_that_reaches_it(tokens: int, effort: str) -> None:
    assert effort_of(tokens) == effort


def test_above_the_highest_there_is_no_bound() -> None:
    assert effort_of(EFFORT_TOKENS["high"] + 1) == "high"
