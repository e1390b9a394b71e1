"""What of a weighing is written into the database: how far it is, what it cost, what it says."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from steelyard.control.control import Control
from steelyard.control.weighing.orders import Job, Standing, judge_row
from steelyard.domain.errors import StoreUnavailable
from steelyard.domain.instants import instant_ns
from steelyard.domain.tasks import Status, Task, Verdict
from steelyard.store import measurements, proofs
from steelyard.store.measurements import Measurement
from steelyard.store.revisions import Change
from steelyard.weigh.asking import Contender
from steelyard.weigh.results import Result

log = logging.getLogger(__name__)

JUDGE = "judge"
"""Kind of measurement: how a judge went about an offer's answers."""
WAITING, RUNNING, STOPPED, DONE = "waiting", "running", "stopped", "done"
_DETAIL_CHARS_MAX = 300


def begin(
    connection: Connection,
    task: Task,
    found: Iterable[Contender],
    total: int,
    money: tuple[str, Any],
) -> list[Standing]:
    """Notes weighings that wait for their turn; ``money`` is currency and most, or None."""
    now_ns = time.time_ns()
    currency, most_pico = money
    standings = []
    for one in found:
        number = proofs.begin_weighing(connection, task.name, one.offer, total, now_ns)
        proofs.update_weighing(
            connection,
            number,
            state=WAITING,
            currency=currency,
            money_max_pico=None if most_pico is None else str(most_pico),
        )
        standings.append(Standing(number, task.name, one.offer, total=total))
    return standings


def note(control: Control, standings: Iterable[Standing], **values: object) -> None:
    """Writes how far it is; blocks. A database that fails is said and borne."""
    try:
        with control.database.write() as connection:
            for standing in standings:
                now = (standing.done, standing.paid_pico)
                proofs.update_weighing(
                    connection,
                    standing.number,
                    items_done=standing.done,
                    items_total=standing.total,
                    paid_pico=str(standing.paid_pico),
                    **values,
                )
                standing.noted = now
    except StoreUnavailable as error:
        log.warning("the progress of a weighing could not be noted: %s", error)


async def end(control: Control, job: Job, results: Mapping[str, Result], problem: str) -> int:
    """Writes verdicts down; how many offers have one.

    Args:
        control: whose database.
        job: what was weighed.
        results: by offer; none if it broke off.
        problem: why it broke off; empty if it did not.
    """

    def work(connection: Connection, _change: Change) -> int:
        known = {(v.task, v.offer, v.form_digest): v for v in proofs.latest_verdicts(connection)}
        return sum(
            _end_one(connection, standing, results.get(standing.offer), problem, known)
            for standing in job.standings
        )

    _share_rest(job.standings)
    count: int = await control.write("weighing", "a weighing ended", work)
    return count


def _end_one(
    connection: Connection,
    standing: Standing,
    result: Result | None,
    problem: str,
    known: Mapping[tuple[str, str, str], Verdict],
) -> bool:
    now_ns = time.time_ns()
    detail = problem or (result.stopped if result is not None else "")
    has_verdict = result is not None and not result.is_dropped and bool(result.verdict.n)
    if result is not None and has_verdict:
        verdict = result.verdict
        earlier = known.get((verdict.task, verdict.offer, verdict.form_digest))
        is_less = takes_back if standing.stopping else says_nothing_new
        if earlier is None or not is_less(verdict, earlier):
            proofs.add_verdict(connection, verdict)
    if result is not None and result.judge is not None and result.judge.pairs:
        body = {"weighing": standing.number, **judge_row(result.judge)}
        state = "biased" if result.judge.is_biased else "even"
        told = Measurement(JUDGE, standing.offer, now_ns, state, body, standing.task)
        measurements.add(connection, told)
    proofs.update_weighing(
        connection,
        standing.number,
        state=STOPPED if detail else DONE,
        items_done=standing.done,
        items_total=standing.total,
        paid_pico=str(standing.paid_pico),
        ended_at_ns=now_ns,
        detail=detail[:_DETAIL_CHARS_MAX],
    )
    return has_verdict


def says_nothing_new(verdict: Verdict, earlier: Verdict) -> bool:
    """Whether a verdict knows less than an earlier one of the same form, and nothing newer.

    A weighing that ended early over stored answers must not take away what they once proved; and
    one of fewer offers, which needs fewer of the same answers to say the same, not their number.
    """
    return (
        verdict.status in (Status.NOT_PROVEN, earlier.status)
        and verdict.floor == earlier.floor
        and verdict.n < earlier.n
        and instant_ns(verdict.decided_at) <= instant_ns(earlier.decided_at)
    )


def takes_back(verdict: Verdict, earlier: Verdict) -> bool:
    """Whether a weighing that somebody stopped would put less in the place of an earlier verdict.

    Also where its answers are newer: what was proven is taken back by a weighing that came to its
    end, by age, by drift, never by a person who wanted the calls to end.
    """
    return (
        verdict.status is Status.NOT_PROVEN
        and verdict.floor == earlier.floor
        and (earlier.status is not Status.NOT_PROVEN or verdict.n < earlier.n)
    )


def _share_rest(standings: Sequence[Standing]) -> None:
    """Books what was paid for no offer alone (the baseline's answers) with the first one."""
    total = max((standing.all_paid_pico for standing in standings), default=0)
    rest = total - sum(standing.paid_pico for standing in standings)
    if standings and rest > 0:
        standings[0].paid_pico += rest
