"""How alarms and watches are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from control.drift.test_look import OFFER, Vendor, home, look, subject_of, weighed
from steelyard.control.drift.told import body_of, event_of, row_of, text_of
from steelyard.control.drift.watched import NO_MONEY, Watched
from steelyard.store.measurements import Measurement

__all__ = ["home"]  # the fixture


@pytest.fixture
def alarm(home: Path) -> Measurement:
    weighed(home, 40)
    found = look(home, Vendor(lambda n: "no"), 40)
    body = {**body_of(subject_of(home), found), "looks": 1, "anew": []}
    return Measurement("drift", OFFER, 10**18, str(body.pop("state")), body, "mood", 7)


def test_a_body_holds_figures_and_no_item(alarm: Measurement) -> None:
    assert alarm.state == "drifted"
    body = alarm.body
    assert body["change"] == "-1.000000"
    assert float(body["lower"]) == -1
    assert float(body["upper"]) < 0
    assert body["paid"] == {"CNY": str(7 * body["items"])}
    assert "Item" not in str(body)
    assert "yes" not in str(body)


def test_an_alarm_is_told_in_a_sentence(alarm: Measurement) -> None:
    told = f"offer {OFFER} drifted on mood: the mean grade changed by -100.0 points over"
    assert text_of(alarm).startswith(told)
    longer: dict[str, Any] = {**alarm.body, "causes": ["length"], "length": "1.500"}
    assert text_of(alarm._replace(body=longer)).endswith("answers are 1.50 times as long")
    event = event_of(alarm)
    assert (event["event"], event["number"], event["alpha"]) == ("drift", "drift-7", 0.01)


def test_a_row_says_when_or_why_not(home: Path, alarm: Measurement) -> None:
    subject = subject_of(home)
    new = row_of(Watched(subject, None, 10**18, ""))
    assert (new["state"], new["looks"], new["at"]) == ("thin", 0, None)
    assert new["next_at"] is not None
    assert row_of(Watched(subject, None, 10**18, NO_MONEY))["next_at"] is None
    rests = row_of(Watched(subject, alarm, None, ""))
    assert (rests["state"], rests["causes"], rests["next_at"]) == ("drifted", ["quality"], None)
    assert not {"watch", "anew", "form_digest"} & set(rests)
