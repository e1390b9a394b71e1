"""From an ended attempt to its settlement: usage, price, what is booked.

The outcome table of the design note, in code. Whatever happened, an attempt whose intent was
written ends in exactly one settlement; usage that the vendor did not report is estimated and says
so, and is never silently zero.
"""

from __future__ import annotations

from typing import NamedTuple

from steelyard.dialects.base import Answer
from steelyard.domain.calls import Outcome
from steelyard.domain.entries import Intent, Settlement
from steelyard.domain.usage import ESTIMATED, NO_USAGE, NOTHING, REPORTED, Usage
from steelyard.gateway.gate import Reservation
from steelyard.gateway.meter import believed
from steelyard.gateway.relay import Attempt
from steelyard.gateway.snapshot import RatePeriod
from steelyard.gateway.view import Candidate, View
from steelyard.pricebook.book import price

_DETAIL_MAX = 128


class Ended(NamedTuple):
    """An attempt that has ended, with all that booking it needs."""

    intent: Intent
    attempt: Attempt
    answer: Answer
    outcome: Outcome
    candidate: Candidate
    period: RatePeriod
    detail: str
    """Short reason for anything but ``completed``."""


def settlement_of(ended: Ended, reservation: Reservation, view: View, now_s: float) -> Settlement:
    """The settlement; shrinks the reservation to the real cost. ``now_s`` is monotonic."""
    intent, attempt = ended.intent, ended.attempt
    usage, source, remark = usage_of(ended)
    cost = 0
    if source != NO_USAGE:
        cost = price(ended.period.prices, ended.period.denominator, usage)
    uses, exchange_ids = reservation.settle(cost, intent.currency, view.core.exchange)
    began = attempt.started_s
    total_us = int((now_s - began) * 1e6)
    first_us = int((attempt.first_byte_s - began) * 1e6) if attempt.first_byte_s else 0
    answer = ended.answer
    return Settlement(
        intent.incarnation,
        intent.sequence,
        intent.attempt,
        ended.outcome.value,
        usage,
        source,
        ended.period.rate_ids if source != NO_USAGE else (),
        cost,
        cost,
        intent.currency,
        uses,
        exchange_ids,
        intent.called_at_ns + total_us * 1000,
        first_us,
        total_us,
        attempt.status,
        answer.model,
        answer.call_id,
        (ended.detail or remark)[:_DETAIL_MAX],
        answer.finish,
    )


def usage_of(ended: Ended) -> tuple[Usage, str, str]:
    """Usage to book, its source, and a remark, by the outcome table."""
    outcome, intent = ended.outcome, ended.intent
    if outcome in (Outcome.NOT_SENT, Outcome.REFUSED, Outcome.CACHED):
        return NOTHING, NO_USAGE, ""
    if ended.answer.usage is not None:
        return ended.answer.usage, REPORTED, ""
    if outcome is Outcome.UNCERTAIN:
        bound = Usage(intent.input_tokens_expected, intent.output_tokens_reserved)
        return bound, ESTIMATED, "upper bound"
    meter, pieces = ended.attempt.meter, 0
    if meter is not None and ended.attempt.status == 200:
        # The first event of a stream only opens it: it carries the role and no text.
        pieces = max(0, meter.events_seen - 1)
    return believed(ended.answer, ended.candidate, intent.input_tokens_expected, pieces)
