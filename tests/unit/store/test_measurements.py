"""Measurements: the newest of a kind, offer and task is known; nothing is lost."""

from __future__ import annotations

from sqlalchemy import Connection

from steelyard.store import measurements

FIRST = measurements.Measurement("supply", "shop/m", 5, "limited", {"requests_per_minute": 300})


def test_the_newest_of_each_offer_and_task_is_known(tx: Connection) -> None:
    one = measurements.add(tx, FIRST)
    newer = FIRST._replace(at_ns=6, state="free", body={"grund": "无"})
    two = measurements.add(tx, newer)
    other = measurements.add(tx, FIRST._replace(task="shop/intent"))
    measurements.add(tx, FIRST._replace(kind="drift"))
    assert measurements.find(tx, one) == FIRST._replace(number=one)
    assert measurements.find(tx, 99) is None
    assert measurements.latest(tx, "supply") == {
        ("shop/m", ""): newer._replace(number=two),
        ("shop/m", "shop/intent"): FIRST._replace(task="shop/intent", number=other),
    }


def test_history_goes_from_the_newest_back(tx: Connection) -> None:
    for at_ns in range(4):
        measurements.add(tx, FIRST._replace(at_ns=at_ns))
    found = measurements.history(tx, "supply", "shop/m", count=3)
    assert [each.at_ns for each in found] == [3, 2, 1]
    assert measurements.history(tx, "supply", "another") == []
