import asyncio
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import pytest

from steelyard.domain.errors import BudgetExceeded, ConfigError
from steelyard.domain.money import Money
from steelyard.domain.tasks import Constraint, Sample, Status, Task
from steelyard.weigh.asking import Answer, AskError, Contender, Price
from steelyard.weigh.datasets import Dataset
from steelyard.weigh.graders.judge import Pair
from steelyard.weigh.judged import (
    fits_of,
    judging_of,
    names_in,
    request_bytes_max,
    sample_request,
)
from steelyard.weigh.runfile import RunFile
from steelyard.weigh.runner import Result, run
from weigh.rig import HASTY, TASK, options

PRICE = Price("CNY", 10, 20)
GOOD = Contender("good", price=PRICE, model="qwen-max")
BAD = Contender("bad", price=PRICE, model="qwen-turbo")
BASE = Contender("base", price=PRICE, model="llama-3")
JUDGE = Contender("judge", price=PRICE, model="deepseek-chat")
ITEMS = Dataset("mine", "d" * 16, tuple(Sample(f"i{n}", f"Ask {n}", "gold") for n in range(30)))
PARAMETERS = {"judge": "judge", "baseline": "base"}
WEIGHED: Task = replace(TASK, grader="judge", grader_parameters=PARAMETERS)


class Vendor:
    """Offers answer by name; the judge likes ``good`` best, then ``base``, then ``bad``."""

    def __init__(self, opinion: str = "") -> None:
        self.asked: list[str] = []
        self.opinion = opinion
        self.fails: str = ""

    async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
        self.asked.append(offer)
        await asyncio.sleep(0)
        if offer == self.fails:
            raise AskError("down", is_retryable=False)
        text = f"said by {offer}"
        if offer == "judge":
            shown = str(request["messages"][1]["content"])  # type: ignore[index]
            first = shown.index("## Answer A")
            ranks = ["bad", "base", "good", "gold"]
            a, b = (
                {r for r in ranks if r in part} - {"gold"} or {"gold"}
                for part in (
                    shown[first : shown.index("## Answer B")],
                    shown[shown.index("## Answer B") :],
                )
            )
            better = ranks.index(min(a)) > ranks.index(min(b))
            text = self.opinion or f"Because. [[{'A' if better else 'B'}]]"
        return Answer(text, "stop", 5, 1, 10, "CNY", 0.5, "c", offer)


def weigh(
    vendor: Vendor, path: Path, *contenders: Contender, task: Task = WEIGHED, **change: object
) -> list[Result]:
    return asyncio.run(
        run(
            task,
            ITEMS,
            contenders or (GOOD, BAD),
            vendor,
            path=path,
            options=options(**{"currency": "CNY", "others": (JUDGE, BASE), **change}),
        )
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def test_answers_are_compared_with_the_baseline_s_in_both_orders(path: Path) -> None:
    vendor = Vendor()
    good, bad = weigh(vendor, path)
    assert (good.verdict.status, bad.verdict.status) == (Status.PROVEN, Status.FAILED)
    assert good.judge is not None
    assert (good.judge.won, good.judge.lost, good.judge.disagreement.count) == (
        good.verdict.n,
        0,
        0,
    )
    n = max(good.verdict.n, bad.verdict.n)
    assert vendor.asked.count("base") == n  # once an item, whoever needs it first
    assert vendor.asked.count("judge") == 2 * (good.verdict.n + bad.verdict.n)
    # An answer costs what the offer took; the judge is paid beside it.
    assert good.verdict.cost_pico == 10 * good.verdict.n
    assert good.paid_pico == 30 * good.verdict.n


def test_the_verdict_is_the_same_with_the_order_swapped(path: Path) -> None:
    biased = Vendor(opinion="[[A]]")
    (result,) = weigh(biased, path, GOOD, limit=12)
    assert {record.grade.value for record in result.records} == {Fraction(1, 2)}
    assert result.judge is not None
    assert result.judge.is_biased
    assert result.judge.disagreement.count == 12


@pytest.mark.parametrize("floor", ["0.4", "0.6"])
def test_a_judge_that_says_nothing_neither_proves_nor_fails(path: Path, floor: str) -> None:
    task = replace(WEIGHED, floor=Decimal(floor))
    (result,) = weigh(Vendor(opinion="[[A]]"), path, GOOD, task=task)
    assert result.judge is not None and not result.judge.is_reading
    # Its ties alone would prove what lies under a half, and fail what lies over it.
    assert (result.verdict.quality, result.verdict.status) == (Fraction(1, 2), Status.NOT_PROVEN)
    assert (result.verdict.lower, result.verdict.upper) == (0, 1)
    assert not result.is_cheapest
    # Twenty items tell enough: the money for the other ten is not spent.
    assert len(result.records) == 20
    assert result.stopped == (
        "nothing shows so far that the judge reads the answers: with the order turned it kept to"
        " its opinion on 0 of 20 pairs, and a coin does so on half of them; at this rate all 30"
        " items do not show it: take another judge, or ask more items"
    )


def test_an_offer_is_decided_only_once_its_judge_is_shown_to_read(path: Path) -> None:
    class Torn(Vendor):
        """Turns with the order on the first items; then likes either as often, and means it."""

        async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
            answer = await super().__call__(offer, request, task=task)
            if offer != "judge":
                return answer
            shown = str(request["messages"][1]["content"])  # type: ignore[index]
            n = int(shown.split("Ask ")[1].split(maxsplit=1)[0])
            is_good_first = "said by good" in shown[: shown.index("## Answer B")]
            self.n_seen += 1
            if self.n_seen <= 8:
                return replace(answer, text="[[A]]")
            return replace(answer, text="[[A]]" if is_good_first is (n % 2 == 0) else "[[B]]")

        n_seen = 0

    task = replace(WEIGHED, floor=Decimal("0.15"))
    many = Dataset("mine", "d" * 16, tuple(Sample(f"i{n}", f"Ask {n} ", "gold") for n in range(99)))
    given = options(currency="CNY", others=(JUDGE, BASE))
    (result,) = asyncio.run(run(task, many, (GOOD,), Torn(), path=path, options=given))
    assert result.verdict.status is Status.PROVEN
    assert result.verdict.lower <= Decimal("0.5") <= result.verdict.upper
    assert result.judge is not None and result.judge.is_reading
    assert (
        len(result.records) == result.verdict.n == 24
    )  # its bounds alone were sure after 10, and nothing was proven
    assert not result.stopped


def test_equal_answers_are_proof_without_anybody_s_opinion(path: Path) -> None:
    class Echo(Vendor):
        async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
            return replace(await super().__call__(offer, request, task=task), text="the same")

    vendor = Echo()
    (result,) = weigh(vendor, path, GOOD, task=replace(WEIGHED, floor=Decimal("0.4")))
    assert "judge" not in vendor.asked
    assert result.verdict.status is Status.PROVEN


def test_a_judge_is_held_where_its_offer_can_be_and_its_grades_lie_apart(path: Path) -> None:
    class Held(Vendor):
        async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
            if offer == "judge":
                self.grammars.add(str(request.get("grammar", "")))
            return await super().__call__(offer, request, task=task)

        grammars: ClassVar[set[str]] = set()

    able = replace(JUDGE, constraints=frozenset({Constraint.GRAMMAR}))
    judging = judging_of(WEIGHED, [able, BASE], 100, HASTY)
    assert judging.judge.constraint is Constraint.GRAMMAR
    (free,) = weigh(Vendor(), path, GOOD)
    vendor = Held()
    (held,) = weigh(vendor, path, GOOD, others=(able, BASE))
    assert vendor.grammars == {judging.judge.request(Pair("q", "a", "b"))["grammar"]}
    assert held.verdict.form_digest != free.verdict.form_digest
    # The offer's own question is the same: what it said is asked for again only in a new run file.
    assert vendor.asked.count("base") == 0


def test_a_judge_that_answers_nonsense_leaves_items_unscored_and_is_soon_asked_no_more(
    path: Path,
) -> None:
    (result,) = weigh(Vendor(opinion="What a fine day."), path, GOOD, limit=12)
    assert len(result.records) == 2
    assert {r.grade.reason for r in result.records} == {"the judge answered nonsense"}
    assert (result.verdict.n, result.verdict.n_unscored) == (0, 2)
    assert result.stopped == (
        "2 of 12 items have no grade, so nothing can be proven: the judge answered nonsense"
    )


@pytest.mark.parametrize("who", ["judge", "base"])
def test_a_judge_or_baseline_that_bills_more_than_it_may_ends_it(path: Path, who: str) -> None:
    vendor = Vendor()

    async def greedy(offer: str, request: dict[str, object], *, task: str) -> Answer:
        answer = await vendor(offer, request, task=task)
        return replace(answer, cost_pico=10**6) if offer == who else answer

    (result,) = asyncio.run(
        run(
            WEIGHED,
            ITEMS,
            (GOOD,),
            greedy,
            path=path,
            options=options(currency="CNY", others=(JUDGE, BASE)),
        )
    )
    assert vendor.asked.count(who) == 1
    name = "the baseline base" if who == "base" else "the judge judge"
    assert result.stopped == f"{name} cost 0.000001 CNY where at most 0.00000000006 CNY was held"
    with RunFile(path) as file:
        assert sum(record.paid_pico for record in file.records.values()) > 10**6


def test_a_judge_that_bills_more_late_takes_no_more_than_its_calls_under_way(path: Path) -> None:
    vendor, n_now, at_break = Vendor(), 0, 0

    async def greedy(offer: str, request: dict[str, object], *, task: str) -> Answer:
        nonlocal n_now, at_break
        if offer != "judge":
            return await vendor(offer, request, task=task)
        n_now += 1
        own = vendor.asked.count("judge") + 1
        answer = await vendor(offer, request, task=task)
        for _ in range(6):
            await asyncio.sleep(0)
        at_break = at_break or (n_now if own > 10 else 0)
        n_now -= 1
        return replace(answer, cost_pico=10 if own <= 10 else 640)

    given = options(currency="CNY", others=(JUDGE, BASE), concurrency=4)
    (result,) = asyncio.run(run(WEIGHED, ITEMS, (GOOD,), greedy, path=path, options=given))
    assert 1 < at_break <= 8
    assert vendor.asked.count("judge") == 10 + at_break
    assert result.stopped.startswith("the judge judge cost 0.00000000064 CNY")


def test_a_resume_pays_neither_judge_nor_baseline_again(path: Path) -> None:
    first = weigh(Vendor(), path)
    silent = Vendor()
    assert weigh(silent, path) == first
    assert silent.asked == []


def test_without_a_baseline_references_are_what_is_compared_with(path: Path) -> None:
    task = replace(WEIGHED, grader_parameters={"judge": "judge"})
    vendor = Vendor()
    (result,) = weigh(vendor, path, BAD, task=task, limit=11)
    assert "base" not in vendor.asked
    assert result.verdict.quality == 0


def test_a_baseline_without_an_answer_leaves_the_item_unscored(path: Path) -> None:
    vendor = Vendor()
    vendor.fails = "base"
    good, _bad = weigh(vendor, path, limit=4)
    assert {r.grade.reason for r in good.records} == {"the baseline gave no answer: down"}
    assert vendor.asked.count("base") == 4
    vendor.fails = ""
    path.unlink()
    assert weigh(vendor, path)[0].verdict.status is Status.PROVEN


def test_kin_of_the_judge_and_the_baseline_itself_are_not_weighed(path: Path) -> None:
    kin = Contender("kin", price=PRICE, model="deepseek-v3")
    vendor = Vendor()
    good, of_family, base = weigh(vendor, path, GOOD, kin, BASE)
    assert good.verdict.status is Status.PROVEN
    assert "of one family" in of_family.stopped
    assert base.stopped == "the baseline: others are compared with it"
    assert "kin" not in vendor.asked


def test_judge_and_baseline_are_held_to_the_money_too(path: Path) -> None:
    vendor = Vendor()
    # An item holds 3 tries each of the offer, the baseline and two opinions, at 20 a try.
    (result,) = weigh(vendor, path, GOOD, money_max=Money(300, "CNY"), limit=20)
    assert result.verdict.n == 2
    assert result.stopped.startswith("no money left")
    assert 10 * len(vendor.asked) == 80
    (more,) = weigh(vendor, path, GOOD, money_max=Money(380, "CNY"), limit=20)
    assert more.verdict.n == 4


def test_what_ends_the_run_while_judging_loses_nothing(path: Path) -> None:
    class Poor(Vendor):
        async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
            if offer == "judge" and self.asked.count("judge") == 6:
                raise BudgetExceeded("no room")
            return await super().__call__(offer, request, task=task)

    (result,) = weigh(Poor(), path, GOOD)
    assert result.verdict.n == 3
    assert result.stopped == "no money left: no room"
    with RunFile(path) as file:
        paid = sum(record.paid_pico for record in file.records.values())
    assert paid == 4 * 20 + 3 * 20  # four answers and baselines, three pairs of opinions


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "names the offer that judges"),
        ({"judge": "nobody"}, "there is no such offer"),
        ({"judge": "judge", "language": "tlh"}, "no rubric in tlh"),
        ({"judge": "judge", "jury": "x"}, "no parameter jury"),
        ({"judge": 7}, "judge is a text"),
        ({"judge": "judge", "families": "x"}, "families are names"),
    ],
)
def test_mistakes_are_told_before_any_call(parameters: dict[str, object], message: str) -> None:
    task = replace(WEIGHED, grader_parameters=parameters)
    with pytest.raises(ConfigError, match=message):
        judging_of(task, [JUDGE, BASE], 100, HASTY)


def test_an_item_without_anything_to_compare_with_cannot_be_judged() -> None:
    judging = judging_of(replace(WEIGHED, grader_parameters={"judge": "judge"}), [JUDGE], 9, HASTY)
    odd = replace(ITEMS.samples[0], reference=("",))
    assert judging.fits(ITEMS.samples[0]) == ""
    assert "needs a reference" in judging.fits(odd)
    assert "needs a reference" in fits_of("judge", {})(odd)
    assert not fits_of("judge", {"baseline": "base"})(odd)
    assert fits_of("number", {})(ITEMS.samples[0])  # a program's own
    assert names_in(WEIGHED) == ["judge", "base"]


def test_no_pair_is_shown_that_is_longer_than_what_money_is_held_for(path: Path) -> None:
    class Wordy(Vendor):
        async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
            answer = await super().__call__(offer, request, task=task)
            return replace(answer, text="x" * 9_000) if offer == "good" else answer

    (result,) = weigh(Wordy(), path, GOOD, limit=3)
    reasons = {record.grade.reason for record in result.records}
    assert reasons == {"the pair is longer than what money is held for"}
    bound = request_bytes_max(WEIGHED, 100)
    assert len(str(sample_request(WEIGHED, 100))) > bound
