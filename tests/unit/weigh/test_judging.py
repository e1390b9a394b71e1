import asyncio
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import comb

import pytest

from steelyard.domain.errors import BudgetExceeded, ConfigError
from steelyard.domain.tasks import Constraint, Grade
from steelyard.weigh.asking import Answer, AskError
from steelyard.weigh.graders.judge import Pair, Winner
from steelyard.weigh.judging import Judge, Judged, judge_all, judge_pair, report_on, share
from steelyard.weigh.tries import Patience

JUDGE = Judge("referee", "gpt-4o", patience=Patience(attempts_max=2, backoff_min_s=0.0))
PAIR = Pair("q?", "long good answer", "short one")


class Referee:
    """Judges by a function of what is shown first and second; every call costs 3."""

    def __init__(self, judge: Callable[[str, str], str]) -> None:
        self._judge = judge
        self.calls = 0

    async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
        assert (offer, task) == ("referee", "t")
        self.calls += 1
        messages = request["messages"]
        assert isinstance(messages, list)
        parts = messages[1]["content"].split("\n\n")
        first, second = (part.split("\n")[2] for part in parts[-2:])
        return Answer(self._judge(first, second), cost_pico=3, currency="CNY")


def longer(first: str, second: str) -> str:
    return "[[A]]" if len(first) > len(second) else "[[B]]"


def judged(referee: Referee, pair: Pair = PAIR) -> Judged:
    return asyncio.run(judge_pair(referee, JUDGE, pair, task="t"))


def test_a_win_is_a_win_in_either_order() -> None:
    referee = Referee(longer)
    result = judged(referee)
    assert result.grade == Grade(Fraction(1), "", "first")
    assert (result.cost_pico, result.currency, referee.calls) == (6, "CNY", 2)
    assert judged(referee, PAIR.turned).grade.value == 0


def test_an_opinion_that_turns_with_the_order_is_a_tie() -> None:
    result = judged(Referee(lambda first, second: "[[A]]"))
    assert result.grade.value == Fraction(1, 2)
    assert result.grade.reason == "the judge's opinion turned with the order"
    assert result.settled is not None
    assert result.settled.is_disagreed


def test_a_judge_that_is_held_is_read_as_it_was_asked() -> None:
    asked: list[dict[str, object]] = []

    async def ask(offer: str, request: dict[str, object], *, task: str) -> Answer:
        asked.append(request)
        return Answer('{"reasons": "[[B]] says less", "opinion": "[[A]]"}')

    held = replace(JUDGE, constraint=Constraint.JSON_SCHEMA)
    result = asyncio.run(judge_pair(ask, held, PAIR, task="t"))
    assert [request["response_format"] for request in asked] == 2 * [
        held.request(PAIR)["response_format"]
    ]
    assert result.settled is not None and result.settled.favoured is Winner.FIRST
    free = asyncio.run(judge_pair(ask, JUDGE, PAIR, task="t"))
    assert free.grade == Grade.unscored("the judge answered nonsense")


def test_a_held_judge_that_is_cut_off_or_refuses_is_unscored() -> None:
    for text in ("The first one is", ""):
        for constraint in (Constraint.GRAMMAR, Constraint.JSON_SCHEMA):

            async def ask(
                offer: str, request: dict[str, object], *, task: str, text: str = text
            ) -> Answer:
                return Answer(text, "length")

            held = replace(JUDGE, constraint=constraint)
            result = asyncio.run(judge_pair(ask, held, PAIR, task="t"))
            assert result.grade == Grade.unscored("the judge answered nonsense")


def test_nonsense_is_unscored_and_paid_for() -> None:
    result = judged(Referee(lambda first, second: "Both are nice."))
    assert result.grade == Grade.unscored("the judge answered nonsense")
    assert result.cost_pico == 3


def test_a_judge_that_fails_is_unscored_and_paid_for() -> None:
    async def fail(offer: str, request: dict[str, object], *, task: str) -> Answer:
        raise AskError("no answer came", cost_pico=2, currency="CNY")

    result = asyncio.run(judge_pair(fail, JUDGE, PAIR, task="t"))
    assert result.grade == Grade.unscored("the judge gave no answer: no answer came")
    assert result.cost_pico == 4  # tried twice


def test_what_no_call_could_escape_ends_all() -> None:
    async def broke(offer: str, request: dict[str, object], *, task: str) -> Answer:
        raise BudgetExceeded

    with pytest.raises(BudgetExceeded):
        asyncio.run(judge_all(broke, JUDGE, [PAIR] * 3, models=["qwen-max"], task="t"))


@pytest.mark.parametrize(
    ("pair", "value", "reason"),
    [
        (Pair("q", "same ", "same"), Fraction(1, 2), "the same"),
        (Pair("q", " ", "x"), None, "holds nothing"),
        (Pair("q", "x", ""), None, "holds nothing"),
        (Pair("q", "x" * (10 << 20), "y"), None, "too long"),
    ],
)
def test_some_pairs_need_no_judge(pair: Pair, value: Fraction | None, reason: str) -> None:
    referee = Referee(longer)
    result = judged(referee, pair)
    assert result.grade.value == value
    assert reason in result.grade.reason
    assert referee.calls == 0


def test_pairs_come_back_in_their_order() -> None:
    pairs = [PAIR, PAIR.turned, Pair("q", "x", "x")]
    seen: list[int] = []
    results = asyncio.run(
        judge_all(
            Referee(longer),
            JUDGE,
            pairs,
            models=["qwen-max"],
            task="t",
            on_judged=lambda place, result: seen.append(place),
        )
    )
    assert [each.grade.value for each in results] == [1, 0, Fraction(1, 2)]
    assert sorted(seen) == [0, 1, 2]
    assert asyncio.run(judge_all(Referee(longer), JUDGE, [], models=[], task="t")) == []


def test_kin_and_wrong_options_are_refused_before_any_call() -> None:
    referee = Referee(longer)
    with pytest.raises(ConfigError, match="one family"):
        asyncio.run(judge_all(referee, JUDGE, [PAIR], models=["gpt-4"], task="t"))
    with pytest.raises(ConfigError, match="concurrency"):
        Judge("referee", "gpt-4o", concurrency=0)
    assert referee.calls == 0


def test_a_favourite_place_is_found_and_reported_with_bounds() -> None:
    lazy = [judged(Referee(lambda first, second: "[[A]]")) for _ in range(10)]
    report = report_on([*lazy, judged(Referee(longer)), judged(Referee(lambda a, b: "?"))])
    assert (report.pairs, report.unscored) == (12, 1)
    assert (report.won, report.tied, report.lost) == (1, 10, 0)
    assert (report.disagreement.count, report.disagreement.total) == (10, 11)
    assert (report.first_favoured.count, report.first_favoured.total) == (10, 10)
    assert report.is_biased
    assert not report_on([judged(Referee(longer))]).is_biased


def test_a_judge_reads_when_it_keeps_to_its_opinion_oftener_than_a_coin() -> None:
    lazy = judged(Referee(lambda first, second: "[[A]]"))
    keen = judged(Referee(longer))
    mild = judged(Referee(lambda first, second: "[[C]]"))
    torn = judged(Referee(lambda first, second: "[[A]]" if len(first) > len(second) else "[[C]]"))
    assert not report_on([keen] * 8).is_reading  # at one look it would be; one may look at any time
    assert report_on([keen] * 9).is_reading
    report = report_on([keen, keen, keen, lazy] * 3 + [mild, torn])
    assert (report.kept.count, report.kept.total, report.indifferent) == (9, 12, 5)
    assert not report.is_reading  # 9 of 12: 43 % to 95 %
    assert report_on([keen, keen, keen, keen, lazy] * 10).is_reading
    for silent in ([lazy] * 50, [mild] * 50, [keen, keen, lazy, lazy] * 20):
        assert not report_on(silent).is_reading


@pytest.mark.parametrize("total", [1, 5, 6, 7, 20, 41])
def test_a_coin_is_hardly_ever_taken_for_a_judge_that_reads(total: int) -> None:
    least = next((k for k in range(total + 1) if share(k, total).lower > 0.5), total + 1)
    assert sum(comb(total, k) for k in range(least, total + 1)) / 2**total <= 0.025


@pytest.mark.parametrize(
    ("count", "total", "lower", "upper"),
    [
        # Clopper and Pearson's bounds as tables give them.
        (0, 10, 0.0, 0.3085),
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (0, 0, 0.0, 1.0),
    ],
)
def test_the_bounds_of_a_share_are_exact(
    count: int, total: int, lower: float, upper: float
) -> None:
    found = share(count, total)
    assert found.lower == pytest.approx(lower, abs=1e-4)
    assert found.upper == pytest.approx(upper, abs=1e-4)


def test_large_totals_do_not_vanish() -> None:
    found = share(1_000, 2_000)
    assert 0.477 < found.lower < 0.5 < found.upper < 0.523
    with pytest.raises(ValueError, match="confidence"):
        share(1, 2, 1.0)
