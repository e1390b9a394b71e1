"""A verdict priced anew by the very card that its calls were booked by costs what it cost."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.domain.conditions import Condition
from steelyard.domain.instants import DAY_NS, instant_ns
from steelyard.domain.rates import Rate
from steelyard.domain.tallies import Tally, tally_of
from steelyard.domain.tasks import PromptForm, Sample, Task
from steelyard.domain.usage import Usage
from steelyard.pricebook.book import Period, card_of, price
from steelyard.pricebook.compiling import compile_periods
from steelyard.pricebook.tallied import cost_of, mean_cost
from steelyard.weigh.answers import AnswerStore, Bounds, StoringAsk
from steelyard.weigh.asking import Answer, AskError, Contender
from steelyard.weigh.datasets import Dataset
from steelyard.weigh.runner import Options, Result, run
from steelyard.weigh.tries import Patience

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
N = 30
TASK = Task("t", "t", "en", "mine", "label", Decimal("0.6"), PromptForm("f"))
SET = Dataset("mine", "d", tuple(Sample(f"i{n}", f"{n}", "yes", ("yes", "no")) for n in range(N)))
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LONG = 500
_ALWAYS = Condition()
_SHAPES = (
    {"input": [_ALWAYS], "output": [_ALWAYS]},
    {"input": [_ALWAYS], "output": [_ALWAYS], "cache_read": [_ALWAYS], "reasoning": [_ALWAYS]},
    {
        "input": [Condition(input_to=LONG), Condition(input_from=LONG)],
        "output": [Condition(input_to=LONG), Condition(input_from=LONG)],
    },
    {
        "input": [
            Condition(input_to=LONG, is_marginal=True),
            Condition(input_from=LONG, is_marginal=True),
        ],
        "output": [_ALWAYS],
        "request": [_ALWAYS],
    },
    {"input": [_ALWAYS], "output": [Condition(thinking=True), Condition(thinking=False)]},
    {"input": [_ALWAYS, Condition(tier="batch")], "output": [_ALWAYS], "input_audio": [_ALWAYS]},
)
amounts = st.builds(Fraction, st.integers(0, 100), st.sampled_from((1, 3, 7)))


@st.composite
def periods(draw: st.DrawFn) -> Period:
    """A price card of some shape, in pico-units that are seldom whole."""
    shape = draw(st.sampled_from(_SHAPES))
    rates = [
        Rate(
            f"{item}-{number}",
            *(item, draw(amounts), "CNY", "request" if item == "request" else "mtok"),
            *(BEGIN, None, "", condition),
        )
        for item, conditions in shape.items()
        for number, condition in enumerate(conditions)
    ]
    (period,) = compile_periods(rates)
    return period


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """What a call used; some are long, some thought, some heard."""
    incoming, outgoing = draw(st.integers(0, 2 * LONG)), draw(st.integers(0, 60))
    read = draw(st.integers(0, incoming))
    heard = draw(st.sampled_from((0, 0, incoming - read)))
    extras = (("input_audio", heard),) if heard else ()
    return Usage(incoming, outgoing, read, 0, draw(st.integers(0, outgoing)), 1, extras)


calls = st.tuples(st.sampled_from(["yes", "yes", "no", "", "fail", "refused"]), usages())
tables = st.lists(calls, min_size=8, max_size=40)


class Died(Exception):
    """Stands for the end of the process."""


class Vendor:
    """Books every call by one card; fails now and then, at a price or for nothing; may die."""

    def __init__(self, period: Period, table: Iterator[tuple[str, Usage]], lives: int) -> None:
        self.period = period
        self.table = table
        self.lives = lives

    async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
        await asyncio.sleep(0)
        if self.lives == 0:
            raise Died
        self.lives -= 1
        said, usage = next(self.table)
        if said == "refused":
            raise AskError("busy")
        tier = "batch" if usage.input_tokens % 3 == 0 and len(self.period.cards) > 1 else ""
        tier = tier if card_of(self.period, usage, tier) is not None else ""
        card = card_of(self.period, usage, tier)
        assert card is not None
        cost_pico, used = price(self.period, card, usage), Tally.of(usage, tier)
        if said == "fail":
            error = AskError("cut", cost_pico=cost_pico, currency="CNY")
            error.used = used
            raise error
        return Answer(said, cost_pico=cost_pico, currency="CNY", time_s=0.1, used=used)


def forever(table: list[tuple[str, Usage]]) -> Iterator[tuple[str, Usage]]:
    while True:
        yield from table


def weigh(vendor: Vendor, path: Path, store: AnswerStore, concurrency: int) -> Result:
    options = Options(
        now=lambda: NOON,
        patience=Patience(attempts_max=2, backoff_min_s=0.0, backoff_max_s=0.0),
        concurrency=concurrency,
    )
    ask = StoringAsk(vendor, {"a": store}, lambda: NOON)
    (found,) = asyncio.run(run(TASK, SET, [Contender("a")], ask, path=path, options=options))
    return found


@settings(deadline=None, max_examples=12)
@given(
    period=periods(),
    table=tables,
    lives=st.lists(st.integers(0, 25), max_size=3),
    concurrency=st.integers(1, 4),
)
def test_the_same_card_gives_the_stored_cost_to_the_last_digit(
    period: Period, table: list[tuple[str, Usage]], lives: list[int], concurrency: int
) -> None:
    """With retries, rejects, resumption after a death, and answers that were there already."""
    endless = forever(table)
    with tempfile.TemporaryDirectory() as folder:
        store = AnswerStore(Path(folder), "a", "m", Bounds())
        store.open(NOON)
        found = None
        for left in [*lives, -1]:
            try:
                found = weigh(
                    Vendor(period, endless, left), Path(folder) / "run", store, concurrency
                )
                break
            except Died:
                continue
        assert found is not None
        # Another run over the stored answers: the same tokens at the same cost, paid by nobody.
        again = weigh(Vendor(period, endless, -1), Path(folder) / "again", store, concurrency)
        store.close()
    for verdict in (found.verdict, again.verdict):
        assert verdict.used is not None
        kept = tally_of(json.loads(json.dumps(verdict.used.plain())))
        assert kept == verdict.used
        assert cost_of(period, kept) == verdict.cost_pico
        assert mean_cost([(period, 3 * DAY_NS), (period, instant_ns(NOON))], kept) == (
            verdict.cost_pico
        )
