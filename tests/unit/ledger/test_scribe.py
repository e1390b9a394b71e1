import logging
import os

import pytest
from sqlalchemy import select

from steelyard.domain.entries import LeaseUse
from steelyard.domain.errors import StoreUnavailable
from steelyard.domain.usage import Usage
from steelyard.journal.reader import is_sealed
from steelyard.ledger import audit
from steelyard.ledger.scribe import KEEP_JOURNAL_NS, Scribe
from steelyard.store import books
from steelyard.store.books import NS_PER_DAY
from steelyard.testing.records import CALLED_AT_NS, make_intent, make_settlement

NOW_NS = CALLED_AT_NS + 10**9
DAY = NOW_NS // NS_PER_DAY


@pytest.fixture
def scribe(home, database):
    with Scribe(home, database) as opened:
        yield opened


def append(journal, *sequences: int, **changes):
    incarnation = int(journal.folder.name, 16)
    for sequence in sequences:
        intent = make_intent(sequence, incarnation=incarnation)
        journal.append_intent(intent)
        journal.append_settlement(make_settlement(intent, **changes))


def booked(home, database):
    entries = audit.entries(home / "ledger", database)
    return sorted(entries, key=lambda entry: (entry.intent[:3], entry.booked_at_ns))


def findings(database):
    with database.read() as connection:
        return [tuple(row[3:]) for row in connection.execute(select(books.findings))]


def consumed(database, lease_id):
    with database.read() as connection:
        row = connection.execute(
            select(books.leases).where(books.leases.c.lease_id == lease_id)
        ).one()
    return books.join(row.consumed_whole, row.consumed_pico)


def test_everything_settled_is_booked_once(home, database, scribe, make_journal):
    append(make_journal(1), 1, 2)
    append(make_journal(2), 1)
    assert scribe.run_once(NOW_NS) == (3, 0, 0, 0, 0, 0, False)
    assert scribe.run_once(NOW_NS) == (0, 0, 0, 0, 0, 0, False)
    entries = booked(home, database)
    assert [entry.intent[:3] for entry in entries] == [(1, 1, 1), (1, 2, 1), (2, 1, 1)]
    assert {entry.booked_at_ns for entry in entries} == {NOW_NS}
    assert consumed(database, 5) == 2100
    with database.read() as connection:
        assert books.balance(connection, "account:acc_2")["CNY"].cost_pico == 2100
    assert audit.check_books(home, database) == []


def test_an_intent_waits_for_its_settlement_in_a_later_batch(home, database, scribe, make_journal):
    journal = make_journal()
    intent = make_intent(1)
    journal.append_intent(intent)
    assert scribe.run_once(NOW_NS).booked == 0
    scribe.close()
    with Scribe(home, database) as another:  # which knows only what SQL holds
        journal.append_settlement(make_settlement(intent))
        assert another.run_once(NOW_NS).booked == 1
    with database.read() as connection:
        assert list(books.intents(connection, 18)) == []
    assert audit.check_books(home, database) == []


def test_small_batches_book_the_same(home, database, make_journal):
    journal = make_journal(segment_bytes=2**14)
    append(journal, *range(500))
    with Scribe(home, database, batch_bytes=1) as scribe:
        report = scribe.run_once(NOW_NS, batches_max=2)
        assert report.is_behind
        assert 0 < report.booked < 500
        assert scribe.run_once(NOW_NS, batches_max=99).booked == 500 - report.booked
    assert audit.check_books(home, database) == []


def test_a_live_worker_has_no_orphans_and_a_dead_one_has(home, database, scribe, make_journal):
    journal = make_journal()
    append(journal, 1)
    journal.append_intent(make_intent(2))
    assert scribe.run_once(NOW_NS).orphans == 0
    assert scribe.run_once(NOW_NS + 10**15).orphans == 0
    journal.append_intent(make_intent(3))
    journal.close()
    report = scribe.run_once(NOW_NS)
    assert (report.booked, report.orphans, report.sealed) == (2, 2, 1)
    assert is_sealed(journal.folder)
    orphan = booked(home, database)[-1]
    assert orphan.settlement.outcome == "uncertain"
    assert orphan.settlement.cost_pico == 1000
    assert orphan.settlement.usage == Usage(12, 34)
    assert consumed(database, 5) == 700 + 2 * 1000
    with database.read() as connection:
        assert list(books.intents(connection, 18)) == []
        assert books.journal_states(connection)[18].finished_at_ns is not None
    assert scribe.run_once(NOW_NS).booked == 0
    assert audit.check_books(home, database) == []


def test_a_second_settlement_becomes_an_adjustment(home, database, scribe, make_journal, caplog):
    journal = make_journal()
    append(journal, 1)
    scribe.run_once(NOW_NS)
    later = make_settlement(make_intent(1), cost_pico=650, leases=(LeaseUse(5, 650),))
    journal.append_settlement(later)
    with caplog.at_level(logging.WARNING):
        report = scribe.run_once(NOW_NS)
    assert (report.booked, report.adjustments, report.findings) == (1, 1, 1)
    assert "settlement_late" in caplog.text
    assert [entry.kind for entry in booked(home, database)] == ["attempt", "adjustment"]
    assert sum(entry.settlement.cost_pico for entry in booked(home, database)) == 650
    assert consumed(database, 5) == 650
    assert audit.check_books(home, database) == []


def test_a_settlement_after_the_seal_becomes_an_adjustment(home, database, scribe, make_journal):
    journal = make_journal()
    intent = make_intent(1)
    journal.append_intent(intent)
    # As if the lock had not held it back: the marker is there, and the writer goes on.
    (journal.folder / "sealed").touch()
    assert scribe.run_once(NOW_NS).orphans == 1
    journal.append_settlement(make_settlement(intent))
    report = scribe.run_once(NOW_NS + 1)
    assert (report.booked, report.adjustments) == (1, 1)
    assert sum(entry.settlement.cost_pico for entry in booked(home, database)) == 700
    assert consumed(database, 5) == 700
    assert audit.check_books(home, database) == []


def test_two_settlements_in_one_batch(home, database, scribe, make_journal):
    journal = make_journal()
    append(journal, 1)
    journal.append_settlement(make_settlement(make_intent(1), cost_pico=1))
    journal.append_settlement(make_settlement(make_intent(1), cost_pico=9))
    assert scribe.run_once(NOW_NS).adjustments == 2
    assert sum(entry.settlement.cost_pico for entry in booked(home, database)) == 9


def test_what_nobody_asked_for_is_written_down(home, database, scribe, make_journal):
    journal = make_journal()
    journal.append_settlement(make_settlement(make_intent(7)))
    append(journal, 1, leases=(LeaseUse(99, 1),))
    append(journal, 1)
    report = scribe.run_once(NOW_NS)
    assert sorted(kind for kind, _ in findings(database)) == [
        "intent_doubled",
        "lease_unknown",
        "settlement_late",
        "settlement_without_intent",
    ]
    assert report.booked == 2


def test_an_absurd_amount_does_not_stop_the_books(home, database, scribe, make_journal):
    append(make_journal(), 1, cost_pico=10**40)
    append(make_journal(19), 1)
    assert scribe.run_once(NOW_NS).booked == 2
    assert findings(database) == [("line_clamped", "(18, 1, 1)")]
    assert audit.check_books(home, database) == []


def test_days_close_when_every_journal_was_read_past_them(home, database, scribe, make_journal):
    journal = make_journal()
    append(journal, 1)
    assert scribe.run_once(NOW_NS).days_closed == 0
    append(journal, 2)
    assert scribe.run_once(NOW_NS + NS_PER_DAY, batches_max=1).days_closed == 1
    with database.read() as connection:
        assert books.closed_days(connection) == {DAY}


def test_a_clock_set_back_adds_nothing_to_a_closed_day(home, database, scribe, make_journal):
    journal = make_journal()
    append(journal, 1)
    scribe.run_once(NOW_NS)
    scribe.run_once(NOW_NS + NS_PER_DAY)
    append(journal, 2)
    scribe.run_once(NOW_NS)
    last = booked(home, database)[-1]
    assert last.booked_at_ns == (DAY + 1) * NS_PER_DAY


def test_journals_are_kept_a_week_and_give_their_spare_room_back(
    home, database, scribe, make_journal
):
    journal = make_journal(segment_bytes=2**17)
    append(journal, 1)
    journal.prepare()
    os.close(journal._lock_fd)  # killed, not closed: nothing is given back
    journal._lock_fd = -1
    scribe.run_once(NOW_NS)
    scribe.tend(NOW_NS + KEEP_JOURNAL_NS)
    names = sorted(path.name for path in journal.folder.iterdir())
    assert names == ["000001.segment", "lock", "sealed"]
    assert (journal.folder / "000001.segment").stat().st_size < 2**17
    scribe.tend(NOW_NS + KEEP_JOURNAL_NS + 1)
    assert not journal.folder.exists()
    assert scribe.run_once(NOW_NS + KEEP_JOURNAL_NS + 2).booked == 0


def test_a_live_journals_old_segments_go_after_a_week(scribe, make_journal):
    journal = make_journal(segment_bytes=2**14)
    append(journal, *range(200))
    scribe.run_once(NOW_NS)
    for path in journal.folder.glob("*.segment"):
        os.utime(path, ns=(NOW_NS, NOW_NS))
    before = len(list(journal.folder.glob("*.segment")))
    scribe.tend(NOW_NS + KEEP_JOURNAL_NS)
    assert len(list(journal.folder.glob("*.segment"))) == before > 2
    scribe.tend(NOW_NS + KEEP_JOURNAL_NS + 1)
    assert len(list(journal.folder.glob("*.segment"))) == 1


def test_one_scribe_at_a_time(home, database, scribe):
    with pytest.raises(StoreUnavailable, match="another process"):
        Scribe(home, database)
    scribe.close()
    scribe.close()
    Scribe(home, database).close()
