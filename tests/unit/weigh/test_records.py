"""Records as lines: what is written is read again, of earlier versions too."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from steelyard.domain.tallies import Tally
from steelyard.domain.tasks import Grade
from steelyard.domain.usage import Usage
from steelyard.weigh.asking import Answer
from steelyard.weigh.bills import Bill
from steelyard.weigh.graders.judge import Settled, Winner
from steelyard.weigh.records import BROKEN, Payment, Record, decode, encode, record_of

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
USED = Tally.of(Usage(1_000, 20, 600, 0, 8, 1, (("input_audio", 40),)), "batch")
RECORD = Record(
    *("local/small", "f" * 16, "a"),
    grade=Grade(Fraction(2, 3), "wrong or missing: 人数", "{}"),
    finished_at=NOON,
    cost_pico=10**20 + 1,
    currency="CNY",
    used=USED,
    paid_pico=7,
    paid_currency="USD",
    settled=Settled(Winner.TIE, True, Winner.FIRST),
)


@pytest.mark.parametrize("used", [USED, Tally(), None])
def test_a_line_is_the_record(used: Tally | None) -> None:
    record = replace(RECORD, used=used)
    line = encode(record)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert decode(line) == record


def test_a_line_of_an_earlier_version_knows_no_tokens_and_no_payments() -> None:
    row = json.loads(encode(RECORD))
    for name in ("used", "paid_pico", "paid_currency", "is_stored", "settled"):
        del row[name]
    found = decode(json.dumps(row).encode())
    assert found.used is None
    assert (found.paid_pico, found.paid_currency) == (RECORD.cost_pico, "CNY")
    assert (found.is_stored, found.settled) == (False, None)


@pytest.mark.parametrize(
    "wrong", [{"used": 7}, {"used": [[[1, 2], "", 1]]}, {"grade": "1/0"}, {"v": 9}, {"offer": None}]
)
def test_what_is_no_line_of_ours_is_refused(wrong: dict[str, object]) -> None:
    row = json.loads(encode(RECORD)) | wrong
    if row["offer"] is None:
        del row["offer"]
    with pytest.raises(BROKEN):
        decode(json.dumps(row).encode())


def test_an_item_has_what_all_tries_used_and_an_old_answer_its_own_date() -> None:
    bill = Bill()
    bill.add(5, "CNY", USED)
    bill.add(6, "CNY", USED)
    payment = Payment(11, "CNY", NOON)
    key = ("a", "f", "i1")
    found = record_of(key, Answer("Yes", cost_pico=6, used=USED), Grade(Fraction(1)), bill, payment)
    assert found.used is not None and found.used.calls == 2
    assert (found.cost_pico, found.finished_at, found.is_answered) == (11, NOON, True)
    early = datetime(2026, 1, 1, tzinfo=UTC)
    stored = record_of(key, Answer("Yes", answered_at=early), Grade(Fraction(1)), bill, payment)
    assert (stored.finished_at, stored.is_stored) == (early, True)
    assert not record_of(key, None, Grade.unscored("down"), bill, payment).is_answered
