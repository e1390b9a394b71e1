from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.conditions import Clock, Condition, is_narrower
from steelyard.pricebook.sources.steps import Hours, Steps, amount_at, flat, lay_out

NIGHT = Clock("UTC", ((0, 480),))


def test_one_price_has_no_condition() -> None:
    assert lay_out([Hours(None, {"": flat(Fraction(2))})]) == [(Condition(), 2)]


def test_tiers_by_length_adjoin() -> None:
    steps: Steps = ((0, Fraction(1)), (200_001, Fraction(2)))
    assert lay_out([Hours(None, {"": steps})]) == [
        (Condition(input_to=200_001), 1),
        (Condition(input_from=200_001), 2),
    ]


amounts = st.integers(0, 9).map(Fraction)
steps_of = st.dictionaries(st.sampled_from([10, 20, 30]), amounts).flatmap(
    lambda later: amounts.map(lambda first: ((0, first), *sorted(later.items())))
)
by_tier = st.dictionaries(st.sampled_from(["", "batch", "flex"]), steps_of, min_size=1)


@given(by_tier, st.none() | by_tier)
def test_the_narrowest_rate_is_one_and_the_right_one(
    day: dict[str, Steps], night: dict[str, Steps] | None
) -> None:
    parts = [Hours(None, day)] + (
        [Hours(NIGHT, night)] if night and day.keys() <= night.keys() else []
    )
    cells = lay_out(parts)
    for tier in ("", "batch", "flex"):
        for count in (0, 9, 10, 20, 25, 30, 10**9):
            for part in parts:
                held = [
                    (condition, amount)
                    for condition, amount in cells
                    if condition.input_from <= count
                    and (condition.input_to is None or count < condition.input_to)
                    and condition.tier in ("", tier)
                    and condition.clock in (None, part.clock)
                ]
                best = [
                    amount
                    for condition, amount in held
                    if not any(is_narrower(other, condition) for other, _ in held)
                ]
                steps = part.by_tier.get(tier) or part.by_tier.get("")
                assert len(best) <= 1
                if steps is not None and (tier in part.by_tier or tier not in day):
                    assert best == [amount_at(steps, count)]
