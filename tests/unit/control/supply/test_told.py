from __future__ import annotations

from steelyard.control.supply.told import event_of, row_of
from steelyard.store.measurements import Measurement
from steelyard.weigh.supply.hours import by_hour


def test_an_offer_that_nobody_measured_still_has_hours() -> None:
    row = row_of("shop/m", None, by_hour([(9, 30, 27), (10, 3, 3)]))
    assert (row["state"], row["at"]) == ("unknown", None)
    nine, ten = row["success_by_hour"]
    assert (nine["hour"], nine["calls"], nine["succeeded"], nine["is_thin"]) == (9, 30, 27, False)
    assert nine["lower"] < 0.9 < nine["upper"] and ten["is_thin"]


def test_an_alarm_is_told_with_what_changed() -> None:
    body = {"detail": "offer a: slow", "change": {"what": "speed"}, "requests_per_minute": 3}
    event = event_of(Measurement("supply", "a", 10**18, "slow", body, number=4))
    assert event["number"] == "supply-4" and event["summary"] == "offer a: slow"
    assert event["change"] == {"what": "speed"}
    assert row_of("a", Measurement("supply", "a", 10**18, "slow", body), [])["state"] == "slow"
