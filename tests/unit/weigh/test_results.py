"""What a run says at its end: money, the cheapest, clusters, costs, memory."""

import asyncio
import threading
import tracemalloc
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.domain.money import Money
from steelyard.domain.tasks import Sample, Status
from steelyard.weigh import entering
from steelyard.weigh.asking import Answer, AskError, Contender, Price
from steelyard.weigh.datasets import Dataset
from steelyard.weigh.entrants import Goal
from steelyard.weigh.graders import label
from steelyard.weigh.graders.base import Grader, Item
from steelyard.weigh.results import NO_MONEY
from steelyard.weigh.runner import Progress, run
from weigh.rig import HASTY, NOON, TASK, Vendor, no, options, weigh, yes

CHEAP = Contender("a", price=Price("USD", 10, 10))
DEAR = Contender("b", price=Price("USD", 10, 1_000))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def test_the_money_is_never_passed_and_more_of_it_goes_on(path: Path) -> None:
    vendor = Vendor(lambda *_: no())
    money = Money(55, "USD")
    patience = replace(HASTY, attempts_max=1)
    (result,) = weigh(vendor, path, CHEAP, money_max=money, patience=patience, concurrency=4)
    assert (len(vendor.asked), result.paid_pico) == (5, 50)
    assert result.stopped == NO_MONEY
    assert (result.is_dropped, result.verdict.n) == (False, 5)
    assert result.verdict.status is Status.NOT_PROVEN
    more = Money(1_000, "USD")
    (again,) = weigh(vendor, path, CHEAP, money_max=more, patience=patience)
    assert again.verdict.status is Status.FAILED
    assert len(vendor.asked) == again.verdict.n


def test_tries_that_failed_and_calls_that_were_lost_count_as_money(path: Path) -> None:
    def say(_: str, text: str) -> Answer:
        raise AskError("cut", is_lost=True)

    vendor = Vendor(say)
    (result,) = weigh(vendor, path, CHEAP, money_max=Money(65, "USD"))
    assert len(vendor.asked) == 6
    assert result.paid_pico == 60 == result.verdict.cost_pico
    (again,) = weigh(vendor, path, CHEAP, money_max=Money(65, "USD"))
    assert len(vendor.asked) == 6
    assert again.paid_pico == 60


def test_a_vendor_that_bills_more_than_it_may_gets_one_call_and_is_named(path: Path) -> None:
    money = Money(100_000, "USD")

    async def say(offer: str, _: str) -> Answer:
        await asyncio.sleep(0.001)
        cost_pico = 800_000 if offer == "a" else 10
        return replace(yes(cost_pico), output_tokens=2_000_000 if offer == "a" else 1)

    vendor, seen = Vendor(say), []
    task = replace(TASK, form=replace(TASK.form, output_tokens_max=8))
    given = {"task": task, "money_max": money, "concurrency": 4, "on_progress": seen.append}
    greedy, other = weigh(vendor, path, CHEAP, replace(CHEAP, offer="b"), **given)
    why = (
        "cost 0.0000008 USD where at most 0.00000000003 USD was held:"
        " it reported 2,000,000 output tokens where 8 were allowed"
    )
    assert [offer for offer, _ in vendor.asked].count("a") == 1
    assert (greedy.stopped, greedy.is_dropped, greedy.paid_pico) == (why, True, 800_000)
    assert other.stopped == f"no money left, since a {why}"
    assert [each.overrun for each in seen if each.offer == "a"] == [why]


def test_others_go_on_without_an_offer_that_bills_more_than_it_may(path: Path) -> None:
    vendor = Vendor(lambda offer, _: yes(800_000 if offer == "a" else 10))
    money = Money(2_000_000, "USD")
    greedy, other = weigh(
        vendor, path, CHEAP, replace(CHEAP, offer="b"), money_max=money, concurrency=4
    )
    assert greedy.paid_pico == 800_000
    assert (other.verdict.status, other.stopped) == (Status.PROVEN, "")


def test_an_offer_that_answers_nothing_is_given_up_with_a_word(path: Path) -> None:
    vendor = Vendor(lambda offer, _: replace(yes(), text="" if offer == "a" else "Yes."))
    silent, other = weigh(vendor, path, CHEAP, replace(CHEAP, offer="b"))
    assert [offer for offer, _ in vendor.asked].count("a") == 4  # three of sixty are allowed
    assert silent.stopped == (
        "4 of 60 items have no grade, so nothing can be proven: the answer holds nothing"
    )
    assert other.verdict.status is Status.PROVEN
    (few,) = weigh(vendor, path.with_name("few.jsonl"), CHEAP, limit=2)
    assert few.stopped == "no item has a grade: the answer holds nothing"


def test_an_offer_without_a_price_is_not_asked_for_limited_money(path: Path) -> None:
    vendor = Vendor(lambda *_: yes())
    priced, unpriced = weigh(vendor, path, CHEAP, Contender("b"), money_max=Money(10**6, "USD"))
    assert priced.verdict.status is Status.PROVEN
    assert "its price is not known" in unpriced.stopped
    assert {offer for offer, _ in vendor.asked} == {"a"}


def test_money_of_another_currency_is_not_taken_for_the_same(path: Path) -> None:
    weigh(Vendor(lambda *_: no()), path, CHEAP, limit=2, currency="USD")
    with pytest.raises(ConfigError, match="begun in USD"):
        weigh(Vendor(lambda *_: no()), path, CHEAP, money_max=Money(50, "CNY"))
    with pytest.raises(ConfigError, match="the money is in the currency"):
        options(currency="USD", money_max=Money(50, "CNY"))


def test_amounts_are_compared_in_the_currency_of_the_weighing(path: Path) -> None:
    foreign = Contender("a", price=Price("USD", 10, 10, Fraction(7)))
    (result,) = weigh(Vendor(lambda *_: yes()), path, foreign, money_max=Money(300, "CNY"))
    assert result.paid_pico == 70 * result.verdict.n
    assert (result.verdict.cost_pico, result.verdict.currency) == (10 * result.verdict.n, "USD")
    lower, upper = result.verdict.cost_lower_pico, result.verdict.cost_upper_pico
    assert lower is not None
    assert 0 <= lower <= 10
    assert upper is None or upper >= 10


def test_the_cheapest_is_named_and_the_dear_one_left_alone(path: Path) -> None:
    vendor = Vendor(lambda offer, _: yes(9 if offer == "a" else 900))
    set_ = Dataset(
        "mine", "d", tuple(Sample(f"i{n}", f"Q{n}?", "yes", ("yes", "no")) for n in range(400))
    )
    cheap, dear = asyncio.run(
        run(
            TASK,
            set_,
            [replace(CHEAP, price=Price("USD", 9, 10)), DEAR],
            vendor,
            path=path,
            options=options(goal=Goal.CHEAPEST, patience=replace(HASTY, attempts_max=1)),
        )
    )
    assert cheap.is_cheapest
    assert not dear.is_cheapest
    assert dear.why in ("no cheaper than a", "decided")
    assert len(dear.records) < len(cheap.records) < 400


def test_a_cluster_is_one_observation(path: Path) -> None:
    def item(n: int) -> Item:
        extras = {"cluster": f"talk {n // 10}"}
        return Item(f"i{n}", f"Good {n}?", "yes", ("yes", "no"), extras=extras)

    talks = Dataset("mine", "d", tuple(item(n) for n in range(60)))
    apart = weigh(Vendor(lambda *_: yes()), path.with_name("apart.jsonl"))[0]
    (together,) = asyncio.run(
        run(TASK, talks, [CHEAP], Vendor(lambda *_: yes()), path=path, options=options())
    )
    assert together.verdict.n > apart.verdict.n
    assert together.verdict.n % 10 == 0


def test_answers_that_were_there_are_free_and_keep_their_date(path: Path) -> None:
    stored = replace(yes(), answered_at=NOON.replace(year=2025))
    (result,) = weigh(Vendor(lambda *_: stored), path, CHEAP, money_max=Money(31, "USD"))
    assert result.verdict.status is Status.PROVEN
    assert (result.paid_pico, result.n_stored) == (0, result.verdict.n)
    assert result.verdict.cost_pico == 10 * result.verdict.n
    assert result.verdict.decided_at == stored.answered_at
    assert result.verdict.time_median_s == 0.5


def test_a_grader_that_hangs_stops_the_run_before_it_costs_more(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def hang(*_: object) -> object:
        return go_on.wait(10)

    bad = Grader("bad", hang, label.fits, ())  # type: ignore[arg-type]
    monkeypatch.setattr(entering, "find_grader", lambda *_: bad)
    vendor = Vendor(lambda *_: yes())
    try:
        (result,) = weigh(vendor, path, grading_max_s=0.01)
    finally:
        go_on.set()
    assert result.stopped == "the grader hung 3 times"
    assert result.is_dropped
    assert {r.grade.reason for r in result.records} == {"the grader took longer than 0.01 s"}
    assert len(vendor.asked) == 3


def test_progress_tells_what_was_paid_by_all_and_by_each(path: Path) -> None:
    told: list[Progress] = []
    weigh(Vendor(lambda *_: no()), path, CHEAP, DEAR, limit=3, on_progress=told.append)
    last = {progress.offer: progress for progress in told}
    assert told[-1].paid_pico == 60
    assert {p.offer_paid_pico for p in last.values()} == {30}


def test_the_memory_of_a_run_does_not_grow_with_its_answers(tmp_path: Path) -> None:
    def peak(n: int) -> int:
        samples = tuple(Sample(f"i{i}", f"Q{i}?", "yes", ("yes", "no")) for i in range(n))
        words = "no, " + "x" * 4_000

        def say(_: str, text: str) -> Answer:
            return replace(no(), text=words)

        never = replace(TASK, floor=Decimal("0.000001"))  # nothing is as bad as that for sure
        tracemalloc.start()
        try:
            asyncio.run(
                run(
                    never,
                    Dataset("mine", "d", samples),
                    [CHEAP],
                    Vendor(say),
                    path=tmp_path / f"{n}.jsonl",
                    options=options(),
                )
            )
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(300) - peak(50) < 250 * 2_000  # answers have 4,000 characters


def test_progress_tells_each_item_and_the_bounds_on_demand(path: Path) -> None:
    told: list[Progress] = []
    (result,) = weigh(Vendor(lambda *_: yes()), path, on_progress=told.append)
    assert [p.n_done for p in told] == list(range(1, result.verdict.n + 1))
    assert told[-1].is_settled
    assert told[-1].n_total == 60
    assert told[-1].bounds() == (result.verdict.lower, result.verdict.upper)
