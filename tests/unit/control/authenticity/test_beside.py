"""What is told beside a verdict."""

from __future__ import annotations

from typing import Any

import pytest

from control.authenticity.conftest import BEGAN_NS, Add, make_record
from steelyard.control.authenticity import beside, run
from steelyard.control.control import Control
from steelyard.domain.answering import Sighting
from steelyard.store import answered
from steelyard.weigh.authenticity.names import Twin

DAY = 86_400 * 10**9


def test_names_that_answered_are_counted_by_side(control: Control) -> None:
    record = make_record(run.folder_of(control))
    row = {"model": "m-1", "fingerprint": "", "calls": 10}
    assert beside.answered_by(record) == {"suspect": [row], "reference": [row]}
    assert len(beside.suspect_answers(record)) == 10  # the lost one is none


def test_versions_that_came_later_are_told_in_days(control: Control) -> None:
    with control.database.write() as tx:
        for offer, name, first in (
            *(("maker/m", "m-0101", 0), ("maker/m", "m-0201", 10)),
            *(("shop/m", "m-0101", 1), ("shop/m", "m-0201", 30)),
        ):
            answered.write(tx, (offer, "m"), Sighting(name, first * DAY, 99 * DAY))
    with control.database.read() as tx:
        (lag,) = beside.behind(tx, "shop/m", "maker/m")
        assert beside.behind(tx, "shop/n", "maker/m") == []
    assert (lag["version"], lag["days"], lag["seller_since"][:10]) == ("m-0201", 20.0, "1970-01-31")


def test_the_last_tests_of_other_models_on_the_channel_are_compared(
    control: Control, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[dict[str, Any]] = []

    def twins(offer: str, answers: Any, others: dict[str, Any], **_: Any) -> list[Twin]:
        compared.append({name: len(found) for name, found in others.items()})
        return [Twin(name, len(found), "alike") for name, found in others.items()]

    monkeypatch.setattr(beside, "twins", twins)
    folder = run.folder_of(control)
    record = make_record(folder)
    make_record(folder, "shop/n")
    make_record(folder, "maker/m")
    add("maker/m")  # another channel
    add("shop/m")  # the same model
    add("shop/gone")  # its record is gone
    with control.database.read() as tx:
        assert beside.same_under_other_names(tx, record, []) == []
    add("shop/n")
    with control.database.read() as tx:
        found = beside.same_under_other_names(tx, record, [])
    assert found == [{"offer": "shop/n", "n": 10, "words": "alike"}]
    add("shop/n", at_ns=BEGAN_NS - 40 * DAY)  # too old
    with control.database.read() as tx:
        assert beside.same_under_other_names(tx, record, []) == []
