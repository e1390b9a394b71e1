"""What becomes of a verdict."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from fractions import Fraction

import pytest

from control.authenticity.conftest import Add, make_record
from steelyard.control.authenticity import keeping, run
from steelyard.control.authenticity.record import read
from steelyard.control.authenticity.schedule import Side
from steelyard.control.authenticity.till import Price, Till
from steelyard.control.control import Control
from steelyard.control.own_calls.askable import askable
from steelyard.control.proofs import quarantine
from steelyard.store import measurements, revisions
from steelyard.weigh.authenticity.verdict import (
    AuthenticityState,
    AuthenticityVerdict,
    Finding,
    judge,
)

FINDING = Finding("answers_differ", "They differ.", 1e-5, Fraction(1, 400), True, 10, 0.25)
VERDICT = AuthenticityVerdict(
    AuthenticityState.NOT_GENUINE, (FINDING,), (), (), Fraction(1, 100), 10, 10, 0.3, "They differ."
)


def keep(control: Control, verdict: AuthenticityVerdict = VERDICT) -> dict[str, object]:
    for old in run.folder_of(control).glob("*.jsonl"):
        old.unlink()
    record = make_record(run.folder_of(control), word="dog")
    with control.database.read() as connection:
        target = askable(connection, "shop/m", time.time_ns())
    till = Till("CNY", 10**12, {Side.SUSPECT: Price(target.period)})
    till.take(Side.SUSPECT, 40)
    answers = keeping.answers_of(record)
    judged = keeping.Judged(verdict, answers[Side.REFERENCE], answers[Side.SUSPECT])
    return asyncio.run(keeping.keep(control, keeping.Done(record, judged, till, "", target)))


def test_a_verdict_is_written_down_without_any_answer(control: Control) -> None:
    row = keep(control)
    assert (row["state"], row["calls"], row["lost"]) == ("not_genuine", 11, 1)
    assert (row["cost_pico"], row["currency"], row["error"]) == ("40", "CNY", "1/100")
    assert row["findings"] == [
        {
            **{"name": "answers_differ", "words": "They differ.", "p_value": 1e-5},
            **{"error": "1/400", "is_alarm": True, "n": 10, "estimate": 0.25},
        }
    ]
    with control.database.read() as connection:
        kept = measurements.latest(connection, "authenticity")["shop/m", ""]
    text = str(kept)
    assert "dog" not in text and "Name one" not in text
    record = read(run.folder_of(control) / str(kept.body["record"]))
    assert (record.verdict, record.digest()) == (row["number"], kept.body["sha256"])


def test_one_that_is_not_genuine_is_held_until_it_is_found_genuine(control: Control) -> None:
    assert keep(control)["quarantine"] == "They differ."
    unsure = replace(VERDICT, state=AuthenticityState.UNSURE, why="Too few.")
    assert keep(control, unsure)["quarantine"] == "They differ."
    assert keep(control)["quarantine"] == "They differ."
    genuine = replace(VERDICT, state=AuthenticityState.GENUINE)
    assert keep(control, genuine)["quarantine"] == ""
    with control.database.read() as connection:
        actions = [line["action"] for line in revisions.audit_lines(connection, 9)]
    assert [a for a in actions if a in ("quarantined", "released")] == ["released", "quarantined"]


def test_nobody_is_held_where_the_configuration_says_so(control: Control) -> None:
    assert control.config is not None
    terms = control.config.weighing.authenticity.model_copy(update={"quarantine": False})
    weighing = control.config.weighing.model_copy(update={"authenticity": terms})
    control.config = control.config.model_copy(update={"weighing": weighing})
    assert keep(control)["quarantine"] == ""


def test_a_person_releases_with_a_reason(control: Control) -> None:
    keep(control)
    done = asyncio.run(keeping.release(control, "shop/m", "they paid", "ann"))
    assert done == {"offer": "shop/m", "released": True, "reason": "they paid"}
    with pytest.raises(quarantine.NotHeld):
        asyncio.run(keeping.release(control, "shop/m", "they paid", "ann"))


def test_tests_are_found_by_offer_and_number(control: Control, add: Add) -> None:
    first, second, other = add(), add(state="unsure"), add("shop/n")
    with control.database.read() as connection:
        newest = [row["number"] for row in keeping.rows(connection)]
        of_one = [row["number"] for row in keeping.rows(connection, "shop/m")]
        assert keeping.find(connection, first.number).state == "genuine"
        with pytest.raises(keeping.NoSuchTest):
            keeping.find(connection, 999)
    assert newest == [second.number, other.number]
    assert of_one == [second.number, first.number]


def test_what_was_answered_is_judged_as_it_is(control: Control) -> None:
    record = make_record(run.folder_of(control))
    answers = keeping.answers_of(record)
    error = keeping.error_of(record)
    verdict = judge(answers[Side.REFERENCE], answers[Side.SUSPECT], error=error, seed=5)
    assert (verdict.state, verdict.error) == (AuthenticityState.UNSURE, Fraction(1, 100))
