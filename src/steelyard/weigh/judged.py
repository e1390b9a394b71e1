"""Tasks whose answers a judge model grades: who judges, against what, and what that costs.

A task says so with ``grader: judge``; its parameters name the judge's offer and, unless the items
bring references, the offer whose answers all others are compared with (the baseline). Its answers
are asked for once an item, by whoever needs one first, and lie in the run file like any other. What
judge and baseline cost is paid out of the weighing's money, and is no part of what an answer costs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Grade, PromptForm, Sample, Task, form_digest
from steelyard.weigh.asking import Answer, Ask, Contender, Price
from steelyard.weigh.bills import Bill, in_run_currency
from steelyard.weigh.graders.base import extra, references, without_thoughts
from steelyard.weigh.graders.judge import (
    OPINION_TOKENS_MAX,
    Pair,
    Settled,
    constraint_for,
    demand_other_family,
    pair_of,
)
from steelyard.weigh.graders.registry import find_grader
from steelyard.weigh.judging import Judge, judge_pair
from steelyard.weigh.lanes import Course, form_for
from steelyard.weigh.runfile import (
    ANSWER_CHARS_KEPT,
    Key,
    Payment,
    Record,
    RunFile,
    record_of,
)
from steelyard.weigh.tries import REASON_CHARS_MAX, Patience, get_reply
from steelyard.weigh.wariness import Wary

GRADER = "judge"
_PARAMETERS = ("judge", "baseline", "language", "criteria", "families")
_RUBRIC_BYTES_MAX = 4_096
_TOKEN_BYTES_MAX = 8
"""Of an answer's tokens on the mean; a pair that has more is not judged, since no money is held."""
_NO_BASELINE = "the baseline gave no answer"


@dataclass(frozen=True, slots=True)
class Judging:
    """Who judges a task's answers, and against what."""

    judge: Judge
    baseline: Contender | None
    """Whose answers the others are compared with; None for the items' own references."""
    request_bytes_max: int = 0
    """Of what the judge is shown; 0 for no bound."""

    def fits(self, sample: Sample) -> str:
        """Why a sample cannot be judged; empty when it can."""
        return _lack(sample, has_baseline=self.baseline is not None)

    def refusal(self, contender: Contender) -> str:
        """Why an offer's answers cannot be judged; empty when they can."""
        if self.baseline is not None and contender.offer == self.baseline.offer:
            return "the baseline: others are compared with it"
        try:
            demand_other_family(
                self.judge.model, (contender.model or contender.offer,), self.judge.families
            )
        except ConfigError as error:
            return error.message
        return ""

    def paid_pico_max(self, attempts: int) -> int:
        """Most that judge and baseline cost an item, in the currency of the weighing."""
        total = 2 * attempts * _call_max(self.judge.price)
        if self.baseline is not None:
            total += attempts * _call_max(self.baseline.price)
        return total

    @property
    def is_priced(self) -> bool:
        """Whether money can be held for it."""
        is_baseline = self.baseline is None or self.baseline.price is not None
        return self.judge.price is not None and is_baseline


def names_in(task: Task) -> list[str]:
    """The offers that a judged task needs besides those that are weighed: judge, baseline.

    Raises:
        ConfigError: the judge is not named, or a parameter is not known or no text.
    """
    parameters = task.grader_parameters
    check_parameters(parameters)
    if not parameters.get("judge"):
        raise ConfigError(f"task {task.name}: the parameter judge names the offer that judges")
    found = (parameters["judge"], parameters.get("baseline", ""))
    return [str(name) for name in found if name]


def check_parameters(parameters: Mapping[str, object]) -> None:
    """Holds the parameters of a judged task to those there are; the judge may still be missing.

    Raises:
        ConfigError: a parameter is not known or no text.
    """
    for key, value in parameters.items():
        if key not in _PARAMETERS:
            known = ", ".join(_PARAMETERS)
            raise ConfigError(f"grader judge has no parameter {key}; known: {known}")
        if key == "families":
            if not isinstance(value, Mapping):
                raise ConfigError("grader judge: families are names by beginnings of models")
        elif not isinstance(value, str):
            raise ConfigError(f"grader judge: {key} is a text")


def fits_of(grader: str, parameters: Mapping[str, object]) -> Callable[[Sample], str]:
    """What says why a sample cannot be graded, by a program or by a judge; empty when it can.

    Raises:
        ConfigError: no such grader, or parameters that it cannot work with.
    """
    if grader == GRADER:
        return partial(_lack, has_baseline=bool(parameters.get("baseline")))
    return find_grader(grader, parameters).fits


def _lack(sample: Sample, *, has_baseline: bool) -> str:
    if has_baseline or references(sample) or extra(sample, "baseline"):
        return ""
    return "the judge needs a reference, or a baseline to compare with"


def judging_of(
    task: Task, others: Iterable[Contender], bytes_max: int, patience: Patience
) -> Judging:
    """How a judged task is judged.

    Args:
        task: its grader is the judge.
        others: judge and baseline.
        bytes_max: of the items' questions and references.
        patience: with the judge.

    Raises:
        ConfigError: a parameter is wrong, or judge or baseline is not among ``others``.
    """
    by_name = {other.offer: other for other in others}
    names = names_in(task)
    for name in names:
        if name not in by_name or by_name[name].refusal:
            why = by_name[name].refusal if name in by_name else "there is no such offer"
            raise ConfigError(f"task {task.name}: {name} cannot judge or be compared with; {why}")
    parameters = task.grader_parameters
    first = by_name[names[0]]
    families = parameters.get("families")
    judge = Judge(
        offer=first.offer,
        model=first.model or first.offer,
        language=str(parameters.get("language", "en")),
        criteria=str(parameters.get("criteria", "")),
        families={str(k): str(v) for k, v in families.items()}
        if isinstance(families, Mapping)
        else {},
        patience=patience,
        price=first.price,
        constraint=constraint_for(first.constraints),
    )
    judge.request(Pair("q", "a", "b"))  # a language without a rubric
    baseline = by_name[names[1]] if len(names) > 1 else None
    return Judging(judge, baseline, request_bytes_max(task, bytes_max))


def texts_bytes_max(samples: Iterable[Sample]) -> int:
    """Bytes of the longest question with its reference."""
    return max(
        (
            len(sample.input.encode()) + sum(len(text.encode()) for text in references(sample)[:1])
            for sample in samples
        ),
        default=0,
    )


def request_bytes_max(task: Task, bytes_max: int) -> int:
    """Bytes of what the judge is shown at most, for whoever holds money for it.

    Args:
        task: its criteria and the length of its answers count.
        bytes_max: of a question with its reference.
    """
    answers = 2 * task.form.output_tokens_max * _TOKEN_BYTES_MAX
    # Line ends and quotes in the texts are written with a backslash.
    criteria = len(str(task.grader_parameters.get("criteria", "")).encode())
    return _RUBRIC_BYTES_MAX + criteria + 2 * bytes_max + answers


def sample_request(task: Task, bytes_max: int) -> dict[str, object]:
    """A request as long as any that the judge gets."""
    text = "x" * request_bytes_max(task, bytes_max)
    return {"messages": [{"role": "user", "content": text}], "max_tokens": OPINION_TOKENS_MAX}


class Ruling(NamedTuple):
    """What came of one answer."""

    grade: Grade
    settled: Settled | None
    paid_pico: int
    """To the judge, in the currency of the weighing."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a court works with."""

    ask: Ask
    file: RunFile
    now: Callable[[], datetime]
    """Aware UTC."""
    pay: Callable[[int], None]
    """Told of what the baseline was paid, in the currency of the weighing."""
    currency: str = ""
    """Of the weighing."""


class Court:
    """Judges the answers of one run."""

    def __init__(self, judging: Judging, course: Course, set_digest: str, means: Means) -> None:
        self._judging = judging
        self._course = course
        self._task = course.task
        self._means = means
        self._locks: dict[int, asyncio.Lock] = {}
        judge, baseline = judging.judge, judging.baseline
        attempts = judge.patience.attempts_max
        self._ask_judge = Wary(means.ask, judge.price, attempts)
        self._ask_baseline = Wary(means.ask, baseline.price if baseline else None, attempts)
        self._silent: dict[int, str] = {}
        """Items that the baseline gave no answer to, with the reason."""
        self._form: PromptForm | None = None
        self._digest = ""
        self.overrun = ""
        """What judge or baseline cost beyond what was held; nobody may be judged any more then."""
        if baseline is not None:
            self._form = form_for(self._task, baseline)
            self._digest = form_digest(self._task, self._form, set_digest)

    def resume(self) -> None:
        """Counts what an earlier run paid the baseline."""
        baseline = self._judging.baseline
        if baseline is None:
            return
        for offer, digest, sample in list(self._means.file.records):
            if (offer, digest) == (baseline.offer, self._digest):
                self._means.pay(self._means.file.records[offer, digest, sample].paid_pico)

    async def judge(self, index: int, sample: Sample, answer: str) -> Ruling:
        """What the judge says of one answer to an item.

        Raises:
            SteelyardError: what every further call would meet too (no access, no money).
        """
        judging = self._judging
        pair = pair_of(sample, _plain(answer))
        if judging.baseline is not None and not isinstance(extra(sample, "baseline"), str):
            other = await self._baseline(index, judging.baseline)
            if other is None:
                reason = f"{_NO_BASELINE}: {self._silent[index]}"
                return Ruling(Grade.unscored(reason[:REASON_CHARS_MAX]), None, 0)
            pair = Pair(sample.input, pair.first, without_thoughts(_plain(other)), _gold(sample))
        if self._is_too_long(pair):
            grade = Grade.unscored("the pair is longer than what money is held for")
            return Ruling(grade, None, 0)
        judged = await judge_pair(self._ask_judge, judging.judge, pair, task=self._task.name)
        if judged.overrun is not None:
            told = judged.overrun.told(OPINION_TOKENS_MAX)
            self.overrun = f"the judge {judging.judge.offer} {told}"
        paid_pico = in_run_currency(judged.paid_pico, judging.judge.price)
        return Ruling(judged.grade, judged.settled, paid_pico)

    def _is_too_long(self, pair: Pair) -> bool:
        most = self._judging.request_bytes_max
        judge = self._judging.judge
        if not most:
            return False
        return len(json.dumps(judge.request(pair), ensure_ascii=False).encode()) > most

    async def _baseline(self, index: int, baseline: Contender) -> str | None:
        """The baseline's answer to an item, asked for when it is first needed."""
        async with self._locks.setdefault(index, asyncio.Lock()):
            means = self._means
            key = (baseline.offer, self._digest, self._course.samples[index].id)
            earlier = means.file.records.get(key)
            if earlier is not None and earlier.is_answered:
                return earlier.answer
            if index in self._silent or self._form is None:
                return None
            request = self._course.prepared(self._form, index).request
            ask = partial(self._ask_baseline, baseline.offer, request, task=self._task.name)
            bill = Bill(baseline.price)
            reply = await get_reply(ask, bill, self._judging.judge.patience)
            record = self._record(key, reply, bill, earlier)
            means.file.append(record)
            means.pay(in_run_currency(bill.paid_pico, baseline.price))
            if bill.overrun is not None:
                told = bill.overrun.told(self._form.output_tokens_max)
                self.overrun = f"the baseline {baseline.offer} {told}"
            if not record.is_answered:
                self._silent[index] = record.grade.reason
                return None
            return record.answer[:ANSWER_CHARS_KEPT]

    def _record(
        self, key: Key, reply: Answer | Grade | None, bill: Bill, earlier: Record | None
    ) -> Record:
        baseline = self._judging.baseline
        paid_pico = in_run_currency(bill.paid_pico, baseline.price if baseline else None)
        if earlier is not None:
            bill.add(earlier.cost_pico, earlier.currency)
            paid_pico += earlier.paid_pico
        grade = Grade.unscored("the baseline: others are compared with it")
        if not isinstance(reply, Answer):
            grade = reply or Grade.unscored("paused too often")
        return record_of(
            key,
            reply if isinstance(reply, Answer) else None,
            grade,
            bill,
            Payment(paid_pico, self._means.currency, self._means.now()),
        )


def _gold(sample: Sample) -> str:
    found = references(sample)
    return found[0] if found else ""


def _plain(text: str) -> str:
    """Without lone surrogates, which no request can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _call_max(price: Price | None) -> int:
    return in_run_currency(price.call_pico_max, price) if price is not None else 0
