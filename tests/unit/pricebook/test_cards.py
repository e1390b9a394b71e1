"""Of all rates that hold at a moment, which prices which call."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pricebook.rates_rig import cost, only, rate
from steelyard.domain.conditions import Condition
from steelyard.domain.rates import COUNTED, ITEMS, PARENTS
from steelyard.domain.usage import Usage
from steelyard.pricebook.book import END_COUNT, Card, Period, unpriced
from steelyard.pricebook.cards import CELLS_MAX, Held, RateTie, cards_of, held_of

MILLION = 10**6
OUTPUT = rate("output", "5")


def shape(period: Period) -> list[tuple[int, int, int, int, int, str]]:
    return [card[:6] for card in period.cards]


def whole(card: Card) -> tuple[int, ...]:
    return tuple(price // MILLION for price in card.prices)


def test_one_price_for_every_call_is_one_card() -> None:
    period = only(rate("input", "1"), OUTPUT)
    assert shape(period) == [(0, END_COUNT, 0, END_COUNT, -1, "")]
    assert whole(period.cards[0]) == (1, 5, 1, 1, 5, 0)
    assert period.cards[0].missing == ()
    assert period.denominator == 1


def test_lengths_and_thinking_part_calls_without_overlap() -> None:
    period = only(
        rate("input", "1", input_to=10),
        rate("input", "2", input_from=10),
        rate("output", "5", output_to=4, input_to=10),
        rate("output", "6", output_from=4, input_to=10),
        rate("output", "7", input_from=10, thinking=False),
        rate("output", "8", input_from=10, thinking=True),
    )
    assert shape(period) == [
        (0, 10, 0, 4, -1, ""),
        (0, 10, 4, END_COUNT, -1, ""),
        (10, END_COUNT, 0, END_COUNT, 0, ""),
        (10, END_COUNT, 0, END_COUNT, 1, ""),
    ]
    assert [whole(card)[:2] for card in period.cards] == [(1, 5), (1, 6), (2, 7), (2, 8)]


def test_a_narrower_rate_wins_where_it_is_for_the_call() -> None:
    period = only(
        rate("input", "1"),
        rate("input", "2", input_from=10),
        rate("input", "3", input_from=10, input_to=20, thinking=True),
        OUTPUT,
    )
    assert [(*card[:2], card.thinking, whole(card)[0]) for card in period.cards] == [
        (0, 10, -1, 1),
        (10, 20, 0, 2),
        (10, 20, 1, 3),
        (20, END_COUNT, -1, 2),
    ]


def test_a_region_or_seller_is_narrower_than_none() -> None:
    for said in ({"region": "intl"}, {"seller": "somebody"}, {"variant": "1024x1024 high"}):
        period = only(rate("input", "1"), rate("input", "2", condition=Condition(**said)), OUTPUT)
        assert whole(period.cards[0])[0] == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Condition(input_to=20), Condition(input_from=10)),
        (Condition(thinking=True), Condition(input_to=20)),
        (Condition(region="intl"), Condition(seller="somebody")),
        (Condition(input_to=20, is_marginal=True), Condition(input_to=20)),
        (Condition(tier="batch", input_to=20), Condition(tier="batch", thinking=True)),
    ],
)
def test_a_tie_is_an_error_that_names_both(one: Condition, other: Condition) -> None:
    with pytest.raises(RateTie, match="rates here and there of input hold for the same") as told:
        only(rate("input", "1", name="here", condition=one),
             rate("input", "2", name="there", condition=other), OUTPUT)  # fmt: skip
    assert (told.value.one.rate_id, told.value.other.rate_id) == ("here", "there")


def test_what_never_holds_for_the_same_call_is_no_tie() -> None:
    period = only(
        rate("input", "1", input_to=10),
        rate("input", "2", input_from=10, thinking=True),
        rate("input", "3", input_from=10, thinking=False),
        OUTPUT,
    )
    assert [whole(card)[0] for card in period.cards] == [1, 3, 2]


def test_a_rate_narrower_than_both_settles_a_tie() -> None:
    period = only(
        rate("input", "1", input_to=20),
        rate("input", "2", input_from=10),
        rate("input", "3", input_from=10, input_to=20),
        OUTPUT,
    )
    assert [whole(card)[0] for card in period.cards] == [1, 3, 2]


def test_a_service_tier_inherits_what_it_does_not_price() -> None:
    period = only(
        rate("input", "1"),
        rate("cache_read", "0.1"),
        OUTPUT,
        rate("input", "0.5", tier="batch"),
        rate("output", "9", tier="priority"),
    )
    assert [card.tier for card in period.cards] == ["", "batch", "priority"]
    standard, batch, priority = (card.prices for card in period.cards)
    assert [price * 10 // MILLION for price in batch] == [5, 50, 1, 5, 50, 0]
    assert [price * 10 // MILLION for price in standard] == [10, 50, 1, 10, 50, 0]
    assert [price * 10 // MILLION for price in priority] == [10, 90, 1, 10, 90, 0]
    assert period.ceiling == (MILLION, 5 * MILLION, 0)


def test_a_service_tier_is_no_tie_with_standard_lengths() -> None:
    """Its own price holds for every length, since it names none."""
    period = only(
        rate("input", "1", input_to=10),
        rate("input", "2", input_from=10),
        rate("input", "0.5", tier="batch"),
        OUTPUT,
    )
    assert shape(period)[2:] == [(0, END_COUNT, 0, END_COUNT, -1, "batch")]
    assert cost(period, Usage(12), "batch") == 6 * MILLION


def test_a_standard_call_never_gets_the_price_of_a_tier() -> None:
    period = only(rate("input", "1", tier="batch"), OUTPUT)
    assert period.cards[0].missing == ("input",)
    assert unpriced(period.cards[0], Usage(1)) == ["input"]
    assert period.cards[1].missing == ()


def test_every_part_falls_back_to_its_parent() -> None:
    """None has an entry, so all cost what the tokens do that they are part of."""
    plain = only(rate("input", "3"), rate("output", "7")).cards[0]
    assert not plain.extras
    assert whole(plain) == (3, 7, 3, 3, 7, 0)
    for item, parent in PARENTS.items():
        if item in ITEMS:
            continue
        card = only(rate("input", "3"), rate("output", "7"), rate(item, "11")).cards[0]
        base = 7 if parent == "output" else 3
        cached = item.replace("input", "cache_read")
        held = {item, cached} if cached in PARENTS else {item}
        assert card.extras == dict.fromkeys(held, ((11 - base) * MILLION, 1))
    writes = only(rate("input", "3"), rate("cache_write", "4"), rate("cache_write_1h", "6"), OUTPUT)
    assert writes.cards[0].extras == {"cache_write_1h": (2 * MILLION, 1)}


def test_missing_prices_are_said_for_each_kind_of_call() -> None:
    period = only(rate("input", "1", input_to=10), OUTPUT)
    assert [(card.input_from, card.missing) for card in period.cards] == [(0, ()), (10, ("input",))]
    assert only(rate("input", "1")).cards[0].missing == ("output",)
    assert only(rate("cache_read", "1"), OUTPUT).cards[0].missing == ("input",)
    assert only(rate("image", "1", unit="image")).cards[0].missing == ("input", "output")


def test_a_price_per_request_pays_for_what_has_none_beside_it() -> None:
    assert only(rate("request", "1", unit="request")).cards[0].missing == ()
    partly = only(rate("request", "1", unit="request"), rate("input", "1"))
    assert partly.cards[0].missing == ()
    upto = rate("output", "2", output_to=10, is_marginal=True)
    tenth = only(rate("request", "0.000001", unit="request"), upto)
    assert cost(tenth, Usage(5, 12)) == (1 + 20) * MILLION


def test_marginal_tiers_cut_no_cards() -> None:
    period = only(
        rate("input", "1", input_to=10, is_marginal=True),
        rate("input", "3", input_from=10, input_to=20, is_marginal=True),
        rate("input", "2", input_from=20, is_marginal=True),
        rate("cache_read", "0.1"),
        rate("output", "5", output_to=8, is_marginal=True),
        rate("output", "6", output_from=8, is_marginal=True),
    )
    [card] = period.cards
    assert card.prices[:2] == (MILLION, 5 * MILLION)
    # Writes fall back to the input's tiers, by their own count; so does thinking to the output's.
    assert card.steps == (
        (0, 10, 2 * MILLION),
        (0, 20, -MILLION),
        (1, 8, MILLION),
        (3, 10, 2 * MILLION),
        (3, 20, -MILLION),
        (4, 8, MILLION),
    )
    assert len(card.rate_ids) == 6
    assert cost(period, Usage(25)) == (10 + 30 + 10) * MILLION


def test_a_marginal_tier_above_a_price_for_all() -> None:
    period = only(rate("input", "1"), rate("input", "2", input_from=10, is_marginal=True), OUTPUT)
    assert cost(period, Usage(10)) == 10 * MILLION
    assert cost(period, Usage(13)) == 16 * MILLION


def test_a_gap_in_marginal_tiers_is_missing_for_the_calls_that_reach_it() -> None:
    period = only(rate("input", "1", input_to=10, is_marginal=True), OUTPUT)
    assert [(*card[:2], card.missing) for card in period.cards] == [
        (0, 10, ()),
        (10, END_COUNT, ("input",)),
    ]
    # A part takes its parent's price in its own gaps.
    reads = only(rate("input", "2"), rate("cache_read", "1", input_to=10, is_marginal=True), OUTPUT)
    assert cost(reads, Usage(15, cache_read_tokens=15)) == (10 + 10) * MILLION


def test_marginal_tiers_of_rare_items_are_refused() -> None:
    with pytest.raises(ValueError, match="input_audio has no marginal tiers"):
        only(rate("input", "1"), rate("input_audio", "2", input_from=5, is_marginal=True), OUTPUT)


def test_ids_stand_once_in_the_order_of_items() -> None:
    rates = [rate(item, "1", unit="request" if COUNTED[item] == "request" else "mtok")
             for item in ("citation", "request", "output", "cache_write_1h", "input")]  # fmt: skip
    card = only(*rates, rate("image", "1", unit="image")).cards[0]
    assert [name.split("-")[0] for name in card.rate_ids] == [
        "input", "output", "request", "cache_write_1h", "citation", "image",
    ]  # fmt: skip


def test_prices_share_the_least_denominator() -> None:
    period = only(rate("input", "1/3000000"), rate("output", "1/4000000"))
    assert period.denominator == 12
    assert period.cards[0].prices[:2] == (4, 3)
    with pytest.raises(ValueError, match=r"rates input-.*, output-.* need more than 63 bits"):
        only(rate("input", f"1/{10**10 + 19}"), rate("output", f"1/{10**10 + 33}"))
    with pytest.raises(ValueError, match="63 bits"):
        only(rate("input", str(2**64)), OUTPUT)
    with pytest.raises(ValueError, match="63 bits"):
        only(rate("image", str(2**40), unit="image"))
    with pytest.raises(ValueError, match="63 bits"):
        only(rate("input", "1"), rate("input_audio", f"1/{2**65 + 1}"), OUTPUT)


def test_an_exact_price_is_per_single_thing() -> None:
    storage = rate("cache_storage", "4.5", unit="mtok_hour")
    held = held_of(0, storage, storage.condition, -1)
    assert Fraction(*held.exact) == Fraction(45 * 10**11, 3600 * 10**6)
    assert cards_of([]) is None


def test_bounds_at_which_nothing_changes_make_no_step() -> None:
    for item in ("input", "cache_read"):
        period = only(
            rate(item, "1", input_to=30, is_marginal=True),
            rate(item, "2", input_from=10, input_to=20, is_marginal=True),
            rate("input" if item != "input" else "cache_read", "5"),
            OUTPUT,
        )
        place = ITEMS.index(item)
        assert [step[:2] for step in period.cards[0].steps if step[0] == place][:2] == [
            (place, 10),
            (place, 20),
        ]
    # The same price by two rates is one step less, and both are named.
    same = only(
        rate("input", "1", input_to=10, is_marginal=True, name="low"),
        rate("input", "1", input_from=10, is_marginal=True, name="high"),
        OUTPUT,
    )
    assert same.cards[0].steps == ()
    assert same.cards[0].rate_ids[:2] == ("low", "high")
    # A wider rate that is never the narrowest cuts nothing.
    hidden = only(
        rate("input", "1"),
        rate("input", "2", input_to=10, is_marginal=True),
        rate("input", "3", input_to=10, thinking=True, is_marginal=True),
        rate("cache_read", "4", input_to=5, is_marginal=True),
        rate("cache_read", "9", input_to=5, input_from=3, is_marginal=True),
        OUTPUT,
    )
    assert cost(hidden, Usage(12, 2, 0, 0, 1)) == (30 + 2) * MILLION + 10 * MILLION
    assert cost(hidden, Usage(12, 0, 12)) == (3 * 4 + 2 * 9 + 5 * 2 + 2 * 1) * MILLION


def test_a_part_of_a_tier_of_its_own_inside_one_of_its_parent() -> None:
    period = only(
        rate("input", "1", input_to=10, is_marginal=True),
        rate("input", "2", input_from=10, is_marginal=True),
        rate("cache_read", "5", input_from=4, input_to=20, is_marginal=True),
        OUTPUT,
    )
    assert cost(period, Usage(25, 0, 25)) == (4 * 1 + 16 * 5 + 5 * 2) * MILLION


def test_a_list_cannot_part_calls_into_so_many_lengths_that_nothing_else_is_compiled() -> None:
    def lengths(count: int) -> list[Held]:
        rates = [rate("input", "1", input_from=n * 10, input_to=n * 10 + 10) for n in range(count)]
        return [held_of(n, one, one.condition, -1) for n, one in enumerate(rates)]

    assert cards_of(lengths(20)) is not None
    with pytest.raises(ValueError, match="too many cells"):
        cards_of(lengths(CELLS_MAX + 1))


def test_cached_audio_without_a_price_of_cache_reads_costs_what_audio_does() -> None:
    rates = [rate("input", "1"), OUTPUT, rate("input_audio", "10")]
    usage = Usage(10, 0, 4, extras=(("cache_read_audio", 3), ("input_audio", 2)))
    # 4 plain, 2 of audio, 3 of cached audio, 1 other cached token.
    assert cost(only(*rates), usage) == (4 + 20 + 30 + 1) * MILLION
    assert cost(only(*rates, rate("cache_read", "0.5")), usage) == (4 + 20 + 2) * MILLION
