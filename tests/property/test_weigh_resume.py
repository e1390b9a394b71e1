"""A weighing that is broken off and resumed says and pays what one says that ran through."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.domain.money import Money
from steelyard.domain.tasks import PromptForm, Sample, Task
from steelyard.weigh.asking import Answer, AskError, Contender, Price
from steelyard.weigh.datasets import Dataset
from steelyard.weigh.entrants import Goal
from steelyard.weigh.runner import Options, Result, run
from steelyard.weigh.tries import Patience

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
N = 40
TASK = Task("t", "t", "en", "mine", "label", Decimal("0.6"), PromptForm("f"))
SET = Dataset("mine", "d", tuple(Sample(f"i{n}", f"{n}", "yes", ("yes", "no")) for n in range(N)))
OFFERS = [
    Contender("a", price=Price("CNY", 5, 12)),
    Contender("b", price=Price("USD", 5, 12, Fraction(7))),
]


class Died(Exception):
    """Stands for the end of the process."""


class Vendor:
    """Answers, fails and costs by a table; may die after so many calls."""

    def __init__(self, table: dict[tuple[str, str], tuple[str, int]], lives: int) -> None:
        self.table = table
        self.lives = lives
        self.n_paid: dict[tuple[str, str], int] = {}

    async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
        text = str(request["messages"][0]["content"])  # type: ignore[index]
        await asyncio.sleep(0)
        if self.lives == 0:
            raise Died
        self.lives -= 1
        said, cost_pico = self.table[offer, text]
        currency = "CNY" if offer == "a" else "USD"
        if said == "fail":
            raise AskError("down", cost_pico=cost_pico, currency=currency)
        self.n_paid[offer, text] = self.n_paid.get((offer, text), 0) + 1
        return Answer(said, cost_pico=cost_pico, currency=currency, time_s=0.1)


cells = st.tuples(st.sampled_from(["yes", "yes", "yes", "no", ""]), st.integers(0, 12))
tables = st.fixed_dictionaries({(offer, f"{n}"): cells for offer in "ab" for n in range(N)})


def weigh(
    vendor: Vendor, path: Path, goal: Goal, money: int | None, concurrency: int
) -> list[Result]:
    options = Options(
        now=lambda: NOON,
        patience=Patience(attempts_max=2, backoff_min_s=0.0, backoff_max_s=0.0),
        goal=goal,
        currency="CNY",
        money_max=None if money is None else Money(money, "CNY"),
        concurrency=concurrency,
    )
    return asyncio.run(run(TASK, SET, OFFERS, vendor, path=path, options=options))


@settings(deadline=None, max_examples=12)
@given(
    table=tables,
    lives=st.lists(st.integers(0, 25), max_size=4),
    goal=st.sampled_from(Goal),
    concurrency=st.integers(1, 5),
)
def test_a_resumed_weighing_says_what_an_uninterrupted_one_says(
    table: dict[tuple[str, str], tuple[str, int]], lives: list[int], goal: Goal, concurrency: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole = weigh(Vendor(table, -1), Path(folder) / "whole.jsonl", goal, None, 1)
        path = Path(folder) / "torn.jsonl"
        answered: dict[tuple[str, str], int] = {}
        for left in [*lives, -1]:
            vendor = Vendor(table, left)
            try:
                found = weigh(vendor, path, goal, None, concurrency)
            except Died:
                found = []
            for key, count in vendor.n_paid.items():
                answered[key] = answered.get(key, 0) + count
            if found:
                break
    assert [r.verdict for r in found] == [r.verdict for r in whole]
    assert [(r.is_cheapest, r.stopped) for r in found] == [
        (r.is_cheapest, r.stopped) for r in whole
    ]
    assert all(count == 1 for count in answered.values())  # nothing is paid twice


@settings(deadline=None, max_examples=12)
@given(
    table=st.fixed_dictionaries(
        {
            (offer, f"{n}"): st.tuples(st.sampled_from(["yes", "no", "fail"]), st.integers(0, 12))
            for offer in "ab"
            for n in range(N)
        }
    ),
    budgets=st.lists(st.integers(0, 3_000), min_size=1, max_size=3),
    concurrency=st.integers(1, 5),
)
def test_the_money_is_never_passed_however_often_a_weighing_goes_on(
    table: dict[tuple[str, str], tuple[str, int]], budgets: list[int], concurrency: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        for budget in sorted(budgets):
            results = weigh(Vendor(table, -1), path, Goal.ALL, budget, concurrency)
            assert sum(result.paid_pico for result in results) <= budget
