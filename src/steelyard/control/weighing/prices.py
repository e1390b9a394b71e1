"""What weighing a task may cost: contenders with the most that a call of theirs is held for.

The bound is the one that the gateway itself reserves by: the longest request of the set at a token
a byte, and as many tokens out as the form allows, at the dearest price that may hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from steelyard import dialects
from steelyard.control.own_calls.askable import DOOR
from steelyard.control.prices import book as price_book
from steelyard.control.prices.exchange import Worth
from steelyard.control.proofs import measured, proving
from steelyard.control.snapshot.offerings import offer_entry
from steelyard.control.weighing import contenders
from steelyard.dialects.base import Call
from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Sample, Status, Task
from steelyard.domain.verdict_life import Cause
from steelyard.gateway.bounds import input_bound
from steelyard.gateway.snapshot import OfferEntry
from steelyard.pricebook.book import Period, period_at, quote, quote_extras
from steelyard.store import objects
from steelyard.weigh import judged
from steelyard.weigh.asking import Contender, Price
from steelyard.weigh.prompts import prepare
from steelyard.weigh.tries import Patience

_NAME_MAX = 128
"""Letters of an offer's name."""
_OUTPUT_EXPECTED = 4
"""An answer is expected to take a fourth of what it may."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a task's requests are at most."""

    call: Call
    """The one that is bounded highest."""
    input_tokens: int
    """Its bound, for a model without a context of its own."""
    output_tokens: int
    """Of one answer."""
    bytes_mean: int


@dataclass(frozen=True, slots=True)
class OfTask:
    """What is asked, and in which currency it is paid."""

    task: Task
    samples: Sequence[Sample]
    currency: str
    """Of the weighing."""

    @property
    def helpers(self) -> list[str]:
        """Offers that a judged task needs: judge, baseline.

        Raises:
            ConfigError: the judge is not named.
        """
        return judged.names_in(self.task) if self.task.grader == judged.GRADER else []

    def sizes(self) -> tuple[Size, Size | None]:
        """How large requests are at most, and the questions to the judge; reads every item.

        Raises:
            ConfigError: an item makes no request.
        """
        size = task_size(self.task, self.samples)
        return size, judge_size(self.task, self.samples) if self.helpers else None


class Known(NamedTuple):
    """What is known of those who are asked."""

    contenders: list[Contender]
    others: list[Contender]
    """Judge and baseline of a judged task."""
    since: dict[str, datetime]
    """Offers that are not what they were, with the instant until which their answers are old."""


def demand_somebody(of_task: OfTask, known: Known) -> None:
    """Refuses a weighing that has nobody to weigh, before anything is noted of it.

    Raises:
        ConfigError: no offer can be weighed, for the reasons that are named; or judge or baseline
            cannot do their part.
    """
    reasons = {one.refusal for one in known.contenders}
    if of_task.helpers:
        judging = judged.judging_of(of_task.task, known.others, 0, Patience())
        reasons = {one.refusal or judging.refusal(one) for one in known.contenders}
    if reasons and "" not in reasons:
        raise ConfigError(f"No offer can be weighed: {'; '.join(sorted(reasons))}")


def task_size(task: Task, samples: Iterable[Sample]) -> Size:
    """How large the requests of a task are; reads each one as the gateway will.

    Raises:
        ConfigError: an item makes no request.
    """
    return _size(prepare(task.form, sample, task.seed).request for sample in samples)


def judge_size(task: Task, samples: Iterable[Sample]) -> Size:
    """How large the questions to a task's judge are at most."""
    return _size([judged.sample_request(task, judged.texts_bytes_max(samples))])


def known(
    connection: Connection,
    of_task: OfTask,
    found: Sequence[Contender],
    sizes: tuple[Size, Size | None],
    now_ns: int,
) -> Known:
    """Contenders with their prices, those that help to grade, and since when answers count.

    Args:
        connection: to the store.
        of_task: what is asked.
        found: who is weighed.
        sizes: as ``OfTask.sizes`` gives them.
        now_ns: UTC, nanoseconds.

    Raises:
        ConfigError: a judge or baseline is no offer.
    """
    size, of_judge = sizes
    others: list[Contender] = []
    for name in of_task.helpers:
        of_name = size if others or of_judge is None else of_judge
        named = contenders.named(connection, [name])
        others += priced(connection, named, of_name, of_task.currency, now_ns)
    tasks = objects.current(connection, "task")
    proofs = proving.load(connection, tasks, now_ns).get(of_task.task.name, {})
    since = {
        offer: proof.verdict.decided_at
        for offer, proof in proofs.items()
        if proof.standing.status is Status.STALE and proof.standing.cause is not Cause.FORM
    }
    weighed = priced(connection, found, size, of_task.currency, now_ns)
    task = of_task.task
    weighed, others = (
        contenders.within_policy(connection, task, each) for each in (weighed, others)
    )
    return Known(weighed, others, since)


def priced(
    connection: Connection, found: Sequence[Contender], size: Size, currency: str, now_ns: int
) -> list[Contender]:
    """Contenders with their prices, in order; what cannot be compared says why.

    Args:
        connection: to the store.
        found: whose.
        size: of what they are asked.
        currency: of the weighing.
        now_ns: UTC, nanoseconds.
    """
    stored = measured.offers(connection)
    rates = price_book.offer_rates(connection, stored)
    worths = Worth(connection, currency, now_ns)
    ready = []
    for one in found:
        body: Mapping[str, Any] = stored[one.offer].body
        entry = offer_entry(one.offer, body, rates.get(one.offer, ()), now_ns)
        period = period_at(entry.periods, now_ns)
        price: Price | None = None
        refusal = ""
        if period is not None:
            worth = worths.find(entry.currency)
            if worth is None:
                refusal = f"there is no exchange rate of {entry.currency} in {currency}"
            else:
                price = _price(entry, period, size, worth, now_ns)
        model = str(body["upstream_model"])
        ready.append(replace(one, model=model, price=price, refusal=refusal))
    return ready


def _price(entry: OfferEntry, period: Period, size: Size, worth: Fraction, now_ns: int) -> Price:
    bound = input_bound(size.call, entry.context_tokens)
    output = size.output_tokens or entry.output_tokens_max
    # Prices change by the hour and a weighing takes hours: the dearest that may hold counts.
    most = max(
        quote(each, bound, output, size.call.tier) + quote_extras(each, size.call.extras)
        for each in entry.periods
        if each.to_ns > now_ns
    )
    tokens = int(size.bytes_mean * entry.tokens_per_byte) + 1
    expected = quote(period, tokens, output // _OUTPUT_EXPECTED + 1, size.call.tier)
    return Price(entry.currency, min(expected, most), most, worth)


def _size(requests: Iterable[Mapping[str, object]]) -> Size:
    name = "offer:" + "n" * _NAME_MAX
    dialect = dialects.available()[DOOR]
    best: Call | None = None
    best_bound = output = count = total = 0
    for request in requests:
        body = msgspec.json.encode({**request, "model": name})
        call = dialect.read(body)
        bound = input_bound(call)
        output = max(output, (call.output_max or 0) * call.choices)
        count += 1
        total += len(body)
        if best is None or (call.is_open_ended, bound) > (best.is_open_ended, best_bound):
            best, best_bound = call, bound
    if best is None:
        raise ConfigError("There is no item to weigh by.")
    return Size(best, best_bound, output, total // count)
