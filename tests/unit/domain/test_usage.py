import pytest

from steelyard.domain.errors import UnbalancedEntry
from steelyard.domain.usage import COUNT_MAX, NOTHING, Usage


@pytest.mark.parametrize(
    "usage",
    [NOTHING, Usage(), Usage(10, 5, 4, 6, 5), Usage(COUNT_MAX, COUNT_MAX, 0, COUNT_MAX)],
)
def test_a_sound_usage_passes(usage: Usage) -> None:
    usage.check()


@pytest.mark.parametrize(
    ("usage", "says"),
    [
        (Usage(-1), "negative or absurd"),
        (Usage(1, COUNT_MAX + 1), "negative or absurd"),
        (Usage(requests=-1), "negative or absurd"),
        (Usage(10, 0, 6, 5), "cached input tokens"),
        (Usage(10, 4, reasoning_tokens=5), "reasoning tokens"),
    ],
)
def test_a_usage_that_breaks_a_law_is_refused(usage: Usage, says: str) -> None:
    with pytest.raises(UnbalancedEntry, match=says):
        usage.check()


def test_usages_add_item_by_item() -> None:
    assert Usage(1, 2, 3, 4, 5, 6).plus(Usage(10, 20, 30, 40, 50, 60)) == (11, 22, 33, 44, 55, 66)
