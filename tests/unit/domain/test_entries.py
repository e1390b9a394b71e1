from steelyard.domain.entries import Entry, Settlement
from steelyard.domain.usage import NO_USAGE, NOTHING
from steelyard.testing.records import make_intent, make_settlement


def test_a_settlement_says_nothing_was_used_until_told() -> None:
    bare = Settlement(1, 2, 3, "not_sent")
    assert (bare.usage, bare.usage_source, bare.cost_pico) == (NOTHING, NO_USAGE, 0)


def test_an_entry_joins_both_halves_of_an_attempt() -> None:
    intent = make_intent()
    entry = Entry(intent, make_settlement(intent), intent.called_at_ns)
    assert entry.kind == "attempt"
    assert entry.intent[:3] == entry.settlement[:3]
