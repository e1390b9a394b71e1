from __future__ import annotations

from datetime import date

import pytest

from steelyard.pricebook.timeline import TimelineError, between, read_timeline

TEXT = b"""
events:
  - {day: 2024-05-21, vendor: B, kind: free, models: [m, n], text: "it  is\\n free", source: s}
  - {day: 2024-05-06, vendor: A, kind: new, models: [m], text: t, source: s, quote: q,
     currency: CNY}
"""


def test_events_come_by_day_with_their_words() -> None:
    first, second = read_timeline(TEXT)
    assert (first.day, first.vendor, first.quote, first.currency) == (
        date(2024, 5, 6),
        "A",
        "q",
        "CNY",
    )
    assert (second.text, second.models, second.quote) == ("it is free", ("m", "n"), "")


def test_events_can_be_asked_for_by_time_vendor_and_model() -> None:
    events = read_timeline(TEXT)
    assert between(events, since=date(2024, 5, 7)) == events[1:]
    assert between(events, until=date(2024, 5, 21)) == events[:1]
    assert between(events, vendor="b") == events[1:]
    assert between(events, model="N") == events[1:]
    assert between(events) == events


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"\xff", "no YAML"),
        (b"events: {", "no YAML"),
        (b"[]", "a list of events"),
        (b"events: [1]", "event 1: a mapping"),
        (b"events: [{day: 2024-05-21}]", "event 1: lacks kind, models, source, text, vendor"),
        (TEXT.replace(b"quote", b"quotes"), "event 2: has quotes"),
        (TEXT.replace(b"kind: new", b"kind: odd"), "unknown kind 'odd'"),
        (TEXT.replace(b"[m]", b"m"), "models are a list"),
        (TEXT.replace(b"2024-05-06", b"May"), "event 2"),
    ],
)
def test_a_bad_timeline_says_which_event(text: bytes, why: str) -> None:
    with pytest.raises(TimelineError, match=why):
        read_timeline(text)
