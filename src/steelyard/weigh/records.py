"""One finished item of a weighing, and how it lies in the run file: one JSON object.

Fields are only ever added, each with what a line of an earlier version means by its absence.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from steelyard.domain.instants import read_instant
from steelyard.domain.tallies import Tally, tally_of
from steelyard.domain.tasks import Grade
from steelyard.weigh.asking import Answer
from steelyard.weigh.bills import Bill
from steelyard.weigh.graders.judge import Settled, Winner
from steelyard.weigh.linefile import encoded

ANSWER_CHARS_KEPT = 16_384
"""Of a longer answer only so much is kept, enough for reading and for most regrading."""
BROKEN = (ValueError, KeyError, TypeError, ZeroDivisionError)
"""What a line raises that is none of ours."""
_VERSION = 1

Key = tuple[str, str, str]
"""Offer, digest of the prompt form, sample."""


@dataclass(frozen=True, slots=True)
class Record:
    """One finished item of one offer."""

    offer: str
    form_digest: str
    sample: str
    grade: Grade
    finished_at: datetime
    """Aware, UTC."""
    is_answered: bool = True
    """False when every attempt failed; such an item is asked again by the next run."""
    answer: str = ""
    finish_reason: str = ""
    input_tokens: int = 0
    """Total, cached ones included."""
    output_tokens: int = 0
    """Total, reasoning included."""
    cost_pico: int = 0
    """Of all attempts at this item, in 10^-12 of ``currency``."""
    currency: str = ""
    used: Tally | None = None
    """What was booked at ``cost_pico``; None where nobody knows, as with earlier versions."""
    paid_pico: int = 0
    """What the weighing paid for this item, its judge included, in 10^-12 of ``paid_currency``;
    less than it cost where the answer was there already."""
    paid_currency: str = ""
    is_stored: bool = False
    """Whether the answer was there already, from an earlier weighing."""
    settled: Settled | None = None
    """What the judge's opinions came to, where a judge was asked."""
    time_s: float = 0.0
    """Wall time of the answer that counted, seconds."""
    call_id: str = ""
    model_answered: str = ""

    @property
    def key(self) -> Key:
        """What makes an item one and the same: offer, form and sample."""
        return (self.offer, self.form_digest, self.sample)


class Payment(NamedTuple):
    """What a weighing paid for an item, and when it was finished."""

    paid_pico: int
    currency: str
    finished_at: datetime
    """Aware, UTC."""


def record_of(  # noqa: PLR0917 -- one call, and all of it is written down
    key: Key,
    reply: Answer | None,
    grade: Grade,
    bill: Bill,
    payment: Payment,
    settled: Settled | None = None,
) -> Record:
    """One finished item; ``reply`` is None when every attempt failed."""
    answer = reply or Answer("")
    return Record(
        *key,
        grade=grade,
        # An answer that was there already must not look new.
        finished_at=answer.answered_at or payment.finished_at,
        is_answered=reply is not None,
        answer=answer.text,
        finish_reason=answer.finish_reason,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        cost_pico=bill.cost_pico,
        currency=bill.currency,
        used=bill.used,
        paid_pico=payment.paid_pico,
        paid_currency=payment.currency,
        is_stored=answer.is_stored,
        settled=settled,
        time_s=answer.time_s,
        call_id=answer.call_id,
        model_answered=answer.model_answered,
    )


def encode(record: Record) -> bytes:
    """The record's line."""
    value = record.grade.value
    row = {
        "v": _VERSION,
        "offer": record.offer,
        "form": record.form_digest,
        "sample": record.sample,
        # Exact: a float would not give the same verdict after a resume.
        "grade": None if value is None else f"{value.numerator}/{value.denominator}",
        "reason": record.grade.reason,
        "extracted": record.grade.extracted,
        "is_answered": record.is_answered,
        "answer": record.answer[:ANSWER_CHARS_KEPT],
        "finish_reason": record.finish_reason,
        "input_tokens": record.input_tokens,
        "output_tokens": record.output_tokens,
        "cost_pico": str(record.cost_pico),
        "currency": record.currency,
        "used": None if record.used is None else record.used.plain(),
        "paid_pico": str(record.paid_pico),
        "paid_currency": record.paid_currency,
        "is_stored": record.is_stored,
        "settled": _settled_row(record.settled),
        "time_s": round(record.time_s, 6),
        "call_id": record.call_id,
        "model_answered": record.model_answered,
        "finished_at": record.finished_at.isoformat(),
    }
    return encoded(row)


def decode(line: bytes) -> Record:
    """The record of a line.

    Raises:
        ValueError, KeyError, TypeError, ZeroDivisionError: it is none; see ``BROKEN``.
    """
    row: dict[str, object] = json.loads(line)
    if row["v"] != _VERSION:
        raise ValueError(f"version {row['v']}, this steelyard writes {_VERSION}")
    value = None if row["grade"] is None else Fraction(str(row["grade"]))
    used = row.get("used")
    return Record(
        offer=str(row["offer"]),
        form_digest=str(row["form"]),
        sample=str(row["sample"]),
        grade=Grade(value, str(row["reason"]), str(row["extracted"])),
        finished_at=read_instant(str(row["finished_at"])),
        is_answered=row["is_answered"] is True,
        answer=str(row["answer"]),
        finish_reason=str(row["finish_reason"]),
        input_tokens=int(str(row["input_tokens"])),
        output_tokens=int(str(row["output_tokens"])),
        cost_pico=int(str(row["cost_pico"])),
        currency=str(row["currency"]),
        used=None if used is None else tally_of(used),  # type: ignore[arg-type]
        # Lines of an earlier version know nothing of payments: what was asked was paid.
        paid_pico=int(str(row.get("paid_pico", row["cost_pico"]))),
        paid_currency=str(row.get("paid_currency", row["currency"])),
        is_stored=row.get("is_stored") is True,
        settled=_settled(row.get("settled")),
        time_s=float(str(row["time_s"])),
        call_id=str(row["call_id"]),
        model_answered=str(row["model_answered"]),
    )


def _settled_row(settled: Settled | None) -> list[object] | None:
    if settled is None:
        return None
    return [settled.winner.value, settled.is_disagreed, settled.favoured and settled.favoured.value]


def _settled(row: object) -> Settled | None:
    if row is None:
        return None
    if not isinstance(row, list):
        raise TypeError("settled is a list")
    winner, is_disagreed, favoured = row
    return Settled(Winner(winner), bool(is_disagreed), Winner(favoured) if favoured else None)
