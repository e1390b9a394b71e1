from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from control.price_rig import (
    BASE,
    CUT,
    HEAD,
    MAY,
    NOW_NS,
    TASK,
    TOMORROW,
    event_of,
    prove,
    row,
    shop,
    take,
    use,
)
from steelyard.control.control import Control
from steelyard.control.price_watch.xrays import body_of
from steelyard.domain.errors import StoreError
from steelyard.domain.instants import DAY_NS
from steelyard.domain.usage import Usage
from steelyard.ledger.what_if import WhatIf


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    with shop(tmp_path) as made:
        yield made


def body(control: Control) -> dict[str, object]:
    return body_of(control.places.home, control.database, event_of(control), NOW_NS)


def test_a_cut_of_input_is_half_as_much_on_our_own_traffic(control: Control) -> None:
    use(control, Usage(500_000, 100_000), Usage(300_000, 100_000))
    use(control, Usage(10**6, 0), days_ago=31)
    take(control, CUT, NOW_NS)
    found = body(control)
    assert (found["kind"], found["headline_percent"]) == ("cut", "-75.0")
    assert (found["effective_percent"], found["typical_percent"]) == ("-50.0", "-50.0")
    assert found["forecast"] == {
        "days": 30,
        "currency": "CNY",
        "before": "4.80",
        "after": "2.40",
        "difference": "-2.40",
        "unpriced_calls": 0,
        "accounts": [{"account": "acme", "before": "4.80", "after": "2.40", "difference": "-2.40"}],
    }
    assert found["at"] == "2026-11-22T00:00:00+00:00"
    assert found["untouched"] == ["output"]
    assert found["place"] == {"word": "light", "rank": 1, "of": 2}
    assert found["origin"] == "own"


def test_routes_that_would_change_are_named(control: Control) -> None:
    prove(control, "m/chat")
    prove(control, "o/chat")
    take(control, CUT, NOW_NS)
    found = body(control)
    assert found["reroutes"] == [
        {"work": "model:chat", "before": "o/chat", "after": "m/chat"},
        {"work": f"task:{TASK}", "before": "o/chat", "after": "m/chat"},
    ]
    assert found["proofs"] == [{"task": TASK, "offer": "m/chat", "status": "proven"}]
    assert str(found["summary"]).endswith(f"proven for {TASK}")


def test_peak_hours_are_forecast_by_the_hours_of_our_calls(control: Control) -> None:
    hours = "peak 09:00-12:00 and 14:00-18:00 Asia/Shanghai Mon-Fri (CN holidays excluded)"
    use(control, Usage(10**6, 0))  # Wednesday, 08:00 in China
    take(control, BASE + row("input", "8", TOMORROW, when=hours), NOW_NS)
    found = body(control)
    assert (found["kind"], found["headline_percent"]) == ("rise", "+100.0")
    assert found["effective_percent"] == "0.0"


def test_lengths_are_those_of_each_call(control: Control) -> None:
    use(control, Usage(200_000, 0), Usage(200_001, 0), Usage(100, 0))
    take(control, BASE + row("input", "8", TOMORROW, when="prompt>200k (whole request)"), NOW_NS)
    found = body(control)
    # 4 CNY a million for all of them; twice that for the one that is longer.
    assert found["forecast"]["before"] == "1.600404"  # type: ignore[index]
    assert found["forecast"]["difference"] == "0.800004"  # type: ignore[index]


def test_calls_that_only_one_state_prices_are_not_compared(control: Control) -> None:
    use(control, Usage(10, 5), Usage(300_000, 0))
    short = CUT.replace("input,,1,", "input,input 0k-256k,1,")
    take(control, short, NOW_NS)
    found = body(control)
    assert found["forecast"]["accounts"] == []  # type: ignore[index]
    assert found["forecast"]["unpriced_calls"] == 1  # type: ignore[index]


def test_a_ledger_that_cannot_be_asked_is_tried_again(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise duckdb.OutOfMemoryException("no room")

    monkeypatch.setattr(WhatIf, "ask", fail)
    take(control, CUT, NOW_NS)
    with pytest.raises(StoreError, match="cannot be asked: no room"):
        body(control)


def test_ones_own_first_price_is_held_against_the_list_that_counted(control: Control) -> None:
    listed = row("input", "4", model="fine") + row("output", "8", model="fine")
    take(control, HEAD + listed, NOW_NS - DAY_NS, origin="steelyard")
    ours = row("input", "1", TOMORROW, model="fine") + row("output", "8", TOMORROW, model="fine")
    take(control, BASE + ours, NOW_NS)
    found = body(control)
    assert (found["kind"], found["headline_percent"], found["typical_percent"]) == (
        *("cut", "-75.0"),
        "-50.0",
    )
    assert found["at"] == "2026-11-22T00:00:00+00:00"


def test_a_new_listing_has_nothing_to_compare_with(control: Control) -> None:
    take(control, BASE + row("input", "1", model="tiny") + row("output", "2", model="tiny"), NOW_NS)
    found = body(control)
    assert (found["kind"], found["headline_percent"], found["reroutes"]) == ("new", None, [])
    assert found["place"] == {"word": "light", "rank": 1, "of": 3}


def test_an_event_whose_list_changed_no_price_says_so(control: Control) -> None:
    take(control, CUT, NOW_NS)
    event = event_of(control)._replace(at_ns=NOW_NS + 5)
    found = body_of(control.places.home, control.database, event, NOW_NS)
    assert found["summary"] == "no price is another one than before"


def test_what_a_contract_leaves_to_the_vendors_list_goes_on(control: Control) -> None:
    whole = row("input", "4", model="mini") + row("output", "8", model="mini")
    take(control, HEAD + whole, NOW_NS - 60 * DAY_NS, origin="steelyard")
    take(control, HEAD + row("input", "2", model="mini"), NOW_NS)
    found = body(control)
    assert (found["kind"], found["headline_percent"]) == ("cut", "-50.0")
    assert found["untouched"] == ["output"]
    later = (
        HEAD + row("input", "2", f"{MAY}/{TOMORROW}", "mini") + row("input", "1", TOMORROW, "mini")
    )
    take(control, later, NOW_NS + DAY_NS // 2)
    again = body(control)
    assert (again["kind"], again["untouched"]) == ("cut", ["output"])
