"""The outcome table, row by row."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.plain_core import PERIOD, channel, offer
from steelyard.dialects.base import Answer
from steelyard.domain.calls import Outcome
from steelyard.domain.usage import ESTIMATED, NO_USAGE, NOTHING, REPORTED, Usage
from steelyard.gateway.leases import Reservation
from steelyard.gateway.relay import Attempt
from steelyard.gateway.settle import settlement_of, usage_of
from steelyard.gateway.view import Candidate
from steelyard.testing.records import make_intent

TOLD = Usage(10, 5)
INTENT = make_intent(input_tokens_expected=20, output_tokens_reserved=30, currency="CNY")


def attempt(events: int | None = None) -> Attempt:
    """An attempt that has ended, with ``events`` seen if it streamed."""
    fields = {
        "meter": None if events is None else SimpleNamespace(events_seen=events),
        "status": 200,
        "started_s": 10.0,
        "first_byte_s": 10.25,
        "candidate": Candidate(offer(tokens_per_byte=0.5), channel()),
        "period": PERIOD,
        "intent": INTENT,
        "reservation": Reservation(),
    }
    return cast(Attempt, SimpleNamespace(**fields))


@pytest.mark.parametrize(
    ("outcome", "answer", "events", "expected"),
    [
        (Outcome.NOT_SENT, Answer(None), None, (NOTHING, NO_USAGE)),
        (Outcome.REFUSED, Answer(None), None, (NOTHING, NO_USAGE)),
        (Outcome.CACHED, Answer(None), None, (NOTHING, NO_USAGE)),
        (Outcome.UNCERTAIN, Answer(None), None, (Usage(20, 30), ESTIMATED)),
        (Outcome.CUT, Answer(None, text_bytes=8), None, (Usage(20, 4), ESTIMATED)),
        (Outcome.CUT, Answer(None, text_bytes=0), 6, (Usage(20, 5), ESTIMATED)),
        (Outcome.CUT, Answer(None), 0, (Usage(20, 0), ESTIMATED)),
        (Outcome.CUT, Answer(TOLD), 6, (TOLD, REPORTED)),
        (Outcome.CLIENT_GONE, Answer(None), 3, (Usage(20, 2), ESTIMATED)),
        (Outcome.CLIENT_GONE, Answer(TOLD), 3, (TOLD, REPORTED)),
        (Outcome.COMPLETED, Answer(TOLD), None, (TOLD, REPORTED)),
        (Outcome.COMPLETED, Answer(None, "not believed"), None, (Usage(20, 0), ESTIMATED)),
    ],
)
def test_the_outcome_table(
    outcome: Outcome, answer: Answer, events: int | None, expected: tuple[Any, ...]
) -> None:
    assert usage_of(attempt(events), answer, outcome.value)[:2] == expected


def test_a_settlement_has_it_all() -> None:
    told = Answer(TOLD, "", "served", "id-1", "stop")
    settled = settlement_of(attempt(), told, ("completed", ""), {}, 11.0)
    assert settled[:4] == (*INTENT[:3], "completed")
    assert settled.cost_pico == settled.charge_pico == 10 * 1 + 5 * 2
    assert settled.rate_ids == ("r-in", "r-out")
    assert (settled.first_byte_us, settled.total_us) == (250_000, 1_000_000)
    assert settled.settled_at_ns == INTENT.called_at_ns + 10**9
    assert (settled.model_answered, settled.vendor_call_id) == ("served", "id-1")
    assert (settled.finish, settled.detail) == ("stop", "")


def test_what_was_not_used_has_neither_cost_nor_rates() -> None:
    settled = settlement_of(attempt(), Answer(None), ("refused", "x" * 500), {}, 11.0)
    assert (settled.cost_pico, settled.rate_ids, settled.usage) == (0, (), NOTHING)
    assert settled.detail == "x" * 128


def test_an_estimate_is_flagged() -> None:
    flagged = Answer(None, "usage not believed: -5")
    settled = settlement_of(attempt(), flagged, ("completed", ""), {}, 11.0)
    assert settled.detail == "usage not believed: -5"
    assert settled.usage_source == ESTIMATED
