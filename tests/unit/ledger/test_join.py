import pytest

from steelyard.domain.errors import JournalCorrupt
from steelyard.ledger.join import join, pack, unpack
from steelyard.testing.records import make_intent, make_settlement

INTENTS = [make_intent(n) for n in range(5)]
SETTLEMENTS = [make_settlement(intent) for intent in INTENTS]
KEYS = [intent[:3] for intent in INTENTS]


def test_pairs_become_entries_in_the_order_of_their_settlements():
    joined = join([INTENTS[0], INTENTS[1], SETTLEMENTS[1], SETTLEMENTS[0]], {}, 99)
    assert [e.settlement for e in joined.entries] == [SETTLEMENTS[1], SETTLEMENTS[0]]
    assert {e.booked_at_ns for e in joined.entries} == {99}
    assert not (joined.opened or joined.closed or joined.late or joined.doubled)


def test_intents_wait_for_a_later_batch():
    first = join([INTENTS[0], INTENTS[1], SETTLEMENTS[0]], {}, 1)
    assert first.opened == {KEYS[1]: INTENTS[1]}
    second = join([SETTLEMENTS[1]], first.opened, 2)
    assert second.closed == {KEYS[1]}
    assert second.entries[0].intent == INTENTS[1]


def test_a_second_settlement_is_late_wherever_it_stands():
    assert join([INTENTS[0], SETTLEMENTS[0], SETTLEMENTS[0]], {}, 1).late == [SETTLEMENTS[0]]
    before = {KEYS[1]: INTENTS[1]}
    assert join([SETTLEMENTS[1], SETTLEMENTS[1]], before, 1).late == [SETTLEMENTS[1]]
    assert join([SETTLEMENTS[2]], {}, 1).late == [SETTLEMENTS[2]]


def test_the_first_of_two_intents_counts():
    joined = join([INTENTS[0], INTENTS[0], SETTLEMENTS[0], INTENTS[0]], {}, 1)
    assert len(joined.entries) == 1
    assert joined.doubled == [KEYS[0], KEYS[0]]
    assert join([INTENTS[1]], {KEYS[1]: INTENTS[1]}, 1).doubled == [KEYS[1]]


def test_open_intents_are_kept_whole():
    assert unpack(pack(INTENTS[0])) == INTENTS[0]
    with pytest.raises(JournalCorrupt):
        unpack(b"\x01\x90")
