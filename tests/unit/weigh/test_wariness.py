"""What vendors can take beyond the money of a weighing, who bill more than a call allows."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from steelyard.domain.money import Money
from steelyard.domain.tasks import Grade
from steelyard.weigh.asking import Answer, Ask, AskError, Contender, Preempted, Price
from steelyard.weigh.entrants import Entrant, Floor, Rules
from steelyard.weigh.race import Race
from steelyard.weigh.runfile import RunFile
from steelyard.weigh.runner import Result, run
from steelyard.weigh.wariness import Wary
from weigh.rig import DATASET, TASK, options, yes

PRICE = Price("CNY", 10, 10)
HELD_PICO = 30  # for three tries
GREEDY = Contender("greedy", price=PRICE)
WORST = Answer("Yes.", "stop", 5, 320, 320, "CNY", 0.5, "c", "m")


class Vendor:
    """Bills a call by its number, and takes long enough for others to be asked meanwhile."""

    def __init__(self, bill: Callable[[int], int]) -> None:
        self.bill = bill
        self.n_asked = self.n_now = self.paid_pico = 0
        self.at_once: list[int] = []
        """How many calls were under way when each was asked, itself included."""

    async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
        self.n_asked += 1
        cost_pico = self.bill(self.n_asked)
        self.n_now += 1
        self.at_once.append(self.n_now)
        for _ in range(8):
            await asyncio.sleep(0)
        self.n_now -= 1
        self.paid_pico += cost_pico
        return replace(WORST, cost_pico=cost_pico)


def weigh(vendor: Ask, path: Path, money_pico: int = 5_000, **change: object) -> list[Result]:
    given = options(money_max=Money(money_pico, "CNY"), concurrency=4, **change)
    task = replace(TASK, floor=TASK.floor + TASK.floor / 2)  # 0.9: nobody is decided soon
    return asyncio.run(run(task, DATASET, (GREEDY,), vendor, path=path, options=given))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


@pytest.mark.parametrize("money_pico", [250, 400, 5_000])
def test_a_bound_that_breaks_late_costs_the_calls_under_way_and_no_more(
    path: Path, money_pico: int
) -> None:
    vendor = Vendor(lambda n: 10 if n <= 20 else 320)
    (result,) = weigh(vendor, path, money_pico=money_pico)
    n_broken = vendor.n_asked - 20
    assert 1 <= n_broken <= 4
    assert vendor.paid_pico <= money_pico + n_broken * (320 - HELD_PICO)
    assert "cost 0.00000000032 CNY where at most 0.00000000003 CNY was held" in result.stopped
    assert result.is_dropped
    with RunFile(path) as file:
        assert sum(each.paid_pico for each in file.records.values()) == vendor.paid_pico


def test_nobody_is_asked_with_money_that_calls_under_way_will_take() -> None:
    entrants = [Entrant("greedy", 10, 0, 20), Entrant("other", 10, 0, 20)]
    race = Race(entrants, Floor(Decimal("0.7")), Rules(60, money_pico_max=150))
    asked = [race.next() for _ in range(4)]
    assert asked == [("greedy", 0), ("other", 0), ("greedy", 1), ("other", 1)]
    race.drop("greedy", "a call cost 60")
    race.doubt("greedy", 60)
    assert race.next() is None  # 60 twice and 20 twice may be used up
    assert not race.is_over
    for offer, index in filter(None, asked):
        race.take(offer, index, Grade(Fraction(1)), 10)
    assert race.next() == ("other", 2)


def test_who_is_doubted_has_one_call_at_a_time_until_a_later_one_kept_its_bound() -> None:
    race = Race([Entrant("o", 10, 0, 20)], Floor(Decimal("0.7")), Rules(60, is_wary=True))
    race.next()
    race.hear("o", 0, is_trusted=True)
    assert [race.next() for _ in range(3)] == [("o", 1), ("o", 2), ("o", 3)]
    race.doubt("o", 60)
    race.hear("o", 1, is_trusted=False)
    race.hear("o", 2, is_trusted=True)  # it was asked before anybody knew
    race.hear("o", 3, is_trusted=True)
    assert [race.next(), race.next()] == [("o", 4), None]
    race.hear("o", 4, is_trusted=True)
    assert [race.next(), race.next()] == [("o", 5), ("o", 6)]


def test_after_a_broken_bound_no_item_under_way_is_tried_again(path: Path) -> None:
    n_asked = 0

    async def ask(offer: str, request: dict[str, object], *, task: str) -> Answer:
        nonlocal n_asked
        n_asked += 1
        own = n_asked
        if own <= 20:
            return replace(yes(), currency="CNY")
        await asyncio.sleep(0)
        if own == 21:
            return WORST
        raise AskError("come again")

    (result,) = weigh(ask, path, patience=replace(options().patience, backoff_min_s=0.01))
    assert n_asked <= 24
    assert result.is_dropped


def test_a_call_dearer_than_one_may_be_slows_an_offer_before_it_breaks_its_bound(
    path: Path,
) -> None:
    vendor = Vendor(lambda n: 10 if n <= 20 else 320 if vendor.n_now == 0 else 25)
    weigh(vendor, path)
    # Dearer, yet within what is held for an item's tries: one at a time, held at what was seen.
    assert max(vendor.at_once[:20]) == 4
    assert 21 < vendor.n_asked <= 25
    assert vendor.at_once[-1] == 1
    assert vendor.paid_pico == 200 + (vendor.n_asked - 21) * 25 + 320


def test_an_offer_that_keeps_its_new_bound_has_calls_beside_each_other_again(path: Path) -> None:
    vendor = Vendor(lambda n: 25 if n == 21 else 10)
    (result,) = weigh(vendor, path)
    assert not result.is_dropped
    assert max(vendor.at_once[30:]) == 4


def wary(ask: Ask, price: Price | None = PRICE) -> Wary:
    return Wary(ask, price, 3)


async def several(ask: Wary, n: int) -> list[Answer | BaseException]:
    calls = (ask("judge", {}, task="t") for _ in range(n))
    return await asyncio.gather(*calls, return_exceptions=True)


def test_a_judge_has_one_call_at_a_time_until_one_kept_its_bound() -> None:
    vendor = Vendor(lambda n: 10)
    asyncio.run(several(wary(vendor), 5))
    assert vendor.at_once == [1, 1, 2, 3, 4]


def test_a_judge_that_broke_its_bound_is_asked_no_more() -> None:
    vendor = Vendor(lambda n: 320)
    found = asyncio.run(several(wary(vendor), 5))
    assert vendor.n_asked == 1
    assert [type(each) for each in found] == [Answer, *[AskError] * 4]
    assert "more than was held" in str(found[1])


def test_a_judge_that_costs_more_than_a_call_may_is_slowed() -> None:
    vendor = Vendor(lambda n: 25)
    asyncio.run(several(wary(vendor), 3))
    assert vendor.at_once == [1, 1, 1]


def test_what_costs_nothing_has_no_bound_to_keep() -> None:
    for price in (None, Price("CNY", 0, 0)):
        vendor = Vendor(lambda n: 0)
        asyncio.run(several(wary(vendor, price), 3))
        assert vendor.at_once == [1, 2, 3]


def test_failures_count_for_what_they_cost_and_kept_answers_for_nothing() -> None:
    outcomes: list[Answer | AskError] = [
        Preempted("a call came", cost_pico=320, currency="CNY"),
        replace(WORST, answered_at=datetime(2026, 1, 1, tzinfo=UTC)),
        AskError("cut", cost_pico=320, currency="CNY"),
    ]

    async def ask(offer: str, request: dict[str, object], *, task: str) -> Answer:
        found = outcomes.pop(0)
        if isinstance(found, AskError):
            raise found
        return found

    found = asyncio.run(several(wary(ask), 4))
    assert [type(each) for each in found] == [Preempted, Answer, AskError, AskError]
    assert not outcomes
