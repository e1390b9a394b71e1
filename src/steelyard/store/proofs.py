"""Verdicts and weighings: what was measured about offers, newest last, nothing edited away.

What a verdict's calls used may be as long as its test set, and only who prices it anew needs that:
it is read when asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update

from steelyard.domain.instants import instant_ns, instant_of
from steelyard.domain.tallies import tally_of
from steelyard.domain.tasks import Verdict
from steelyard.store.schema import verdicts, weighings

_MEASURED = tuple(column for column in verdicts.c if column.name != "used")


def add_verdict(connection: Connection, verdict: Verdict) -> None:
    """Appends a verdict."""
    connection.execute(
        insert(verdicts).values(
            task=verdict.task,
            offer=verdict.offer,
            form_digest=verdict.form_digest,
            floor=str(verdict.floor),
            total=str(verdict.total),
            n=verdict.n,
            n_unscored=verdict.n_unscored,
            lower=str(verdict.lower),
            upper=str(verdict.upper),
            confidence=str(verdict.confidence),
            cost_pico=str(verdict.cost_pico),
            currency=verdict.currency,
            time_s=verdict.time_s,
            decided_at_ns=instant_ns(verdict.decided_at),
            model_answered=verdict.model_answered,
            cost_lower_pico=_text(verdict.cost_lower_pico),
            cost_upper_pico=_text(verdict.cost_upper_pico),
            time_median_s=verdict.time_median_s,
            used=None if verdict.used is None else _compact(verdict.used.plain()),
        )
    )


def latest_verdicts(connection: Connection, *, has_used: bool = False) -> list[Verdict]:
    """The newest verdict of each offer on each task in each prompt form.

    ``has_used``: with what its calls used.
    """
    newest = select(func.max(verdicts.c.verdict_number)).group_by(
        verdicts.c.task, verdicts.c.offer, verdicts.c.form_digest
    )
    query = (
        _verdicts(has_used)
        .where(verdicts.c.verdict_number.in_(newest))
        .order_by(verdicts.c.task, verdicts.c.offer, verdicts.c.verdict_number)
    )
    return [_verdict(row) for row in connection.execute(query)]


def past_verdicts(
    connection: Connection,
    task: str | None = None,
    offer: str | None = None,
    *,
    has_used: bool = False,
) -> list[Verdict]:
    """All verdicts there ever were, on a task and offer if named; the newest first.

    ``has_used``: with what their calls used.
    """
    query = _verdicts(has_used).order_by(verdicts.c.verdict_number.desc())
    if task is not None:
        query = query.where(verdicts.c.task == task)
    if offer is not None:
        query = query.where(verdicts.c.offer == offer)
    return [_verdict(row) for row in connection.execute(query)]


def begin_weighing(
    connection: Connection, task: str, offer: str, items_total: int, at_ns: int
) -> int:
    """The number of a weighing that begins."""
    row = connection.execute(
        insert(weighings)
        .values(
            task=task,
            offer=offer,
            state="running",
            items_done=0,
            items_total=items_total,
            started_at_ns=at_ns,
        )
        .returning(weighings.c.weighing_number)
    )
    return int(row.scalar_one())


def update_weighing(connection: Connection, weighing: int, **values: object) -> None:
    """Sets columns of a weighing, such as ``state`` or ``paid_pico`` (amounts are text there)."""
    connection.execute(
        update(weighings).where(weighings.c.weighing_number == weighing).values(**values)
    )


def stop_running(connection: Connection, at_ns: int, detail: str) -> int:
    """Marks weighings whose process is gone as stopped; how many there were."""
    running = update(weighings).where(weighings.c.ended_at_ns.is_(None))
    stopped = connection.execute(running.values(state="stopped", ended_at_ns=at_ns, detail=detail))
    return stopped.rowcount


def recent_weighings(connection: Connection, count: int) -> list[Mapping[str, Any]]:
    """The last weighings, newest first."""
    query = select(weighings).order_by(weighings.c.weighing_number.desc()).limit(count)
    return [dict(row) for row in connection.execute(query).mappings()]


def _verdicts(has_used: bool) -> Select[Any]:
    return select(verdicts) if has_used else select(*_MEASURED)


def _verdict(row: Any) -> Verdict:
    used = getattr(row, "used", None)
    return Verdict(
        task=row.task,
        offer=row.offer,
        form_digest=row.form_digest,
        floor=Decimal(row.floor),
        total=Fraction(row.total),
        n=row.n,
        n_unscored=row.n_unscored,
        lower=Decimal(row.lower),
        upper=Decimal(row.upper),
        confidence=Decimal(row.confidence),
        cost_pico=int(row.cost_pico),
        currency=row.currency,
        time_s=row.time_s,
        decided_at=instant_of(row.decided_at_ns),
        model_answered=row.model_answered,
        cost_lower_pico=_integer(row.cost_lower_pico),
        cost_upper_pico=_integer(row.cost_upper_pico),
        time_median_s=row.time_median_s,
        used=None if used is None else tally_of(json.loads(used)),
    )


def _compact(plain: object) -> str:
    return json.dumps(plain, separators=(",", ":"))


def _text(amount: int | None) -> str | None:
    return None if amount is None else str(amount)


def _integer(text: str | None) -> int | None:
    return None if text is None else int(text)
