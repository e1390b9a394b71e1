from steelyard.ledger.lines import to_entries
from steelyard.ledger.scribe import Scribe
from steelyard.ledger.tail import open_books, read_tail
from steelyard.testing.records import CALLED_AT_NS, make_intent, make_settlement

NOW_NS = CALLED_AT_NS + 10**9


def tail(home, database):
    table = read_tail(home / "journal", open_books(database), NOW_NS)
    return sorted((e.intent.sequence, e.settlement.outcome) for e in to_entries(table))


def test_the_tail_is_what_the_scribe_has_not_booked(home, database, make_journal):
    journal = make_journal()
    intents = [make_intent(n) for n in range(5)]
    assert tail(home, database) == []
    for intent in intents[:3]:
        journal.append_intent(intent)
    journal.append_settlement(make_settlement(intents[0]))
    assert tail(home, database) == [(0, "completed"), (1, "open"), (2, "open")]
    with Scribe(home, database) as scribe:
        scribe.run_once(NOW_NS)
        assert tail(home, database) == [(1, "open"), (2, "open")]
        journal.append_intent(intents[3])
        journal.append_settlement(make_settlement(intents[1]))
        assert tail(home, database) == [(1, "completed"), (2, "open"), (3, "open")]
        journal.close()
        scribe.run_once(NOW_NS)
        assert tail(home, database) == []


def test_an_absurd_amount_does_not_stop_the_tail(home, database, make_journal):
    journal = make_journal()
    journal.append_intent(make_intent(1))
    journal.append_settlement(make_settlement(make_intent(1), cost_pico=10**40))
    assert tail(home, database) == [(1, "completed")]


def test_open_attempts_cost_nothing_yet(home, database, make_journal):
    make_journal().append_intent(make_intent(1))
    (entry,) = to_entries(read_tail(home / "journal", open_books(database), NOW_NS))
    assert (entry.settlement.cost_pico, entry.intent.reserved_pico) == (0, 1000)
