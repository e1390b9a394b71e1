import pytest
from sqlalchemy import update

from steelyard.ledger import audit
from steelyard.ledger.audit import BookedAttempt, compare
from steelyard.ledger.scribe import Scribe
from steelyard.store import books
from steelyard.testing.records import CALLED_AT_NS, make_intent, make_settlement


def test_sets_of_attempts_are_compared():
    lines = [
        BookedAttempt("c-1-1-1", "attempt", "completed"),
        BookedAttempt("c-1-1-1", "adjustment", "completed"),
        BookedAttempt("c-1-2-1", "attempt", "completed"),
        BookedAttempt("c-1-2-1", "attempt", "uncertain"),
        BookedAttempt("c-1-3-1", "attempt", "uncertain"),
        BookedAttempt("c-1-4-1", "attempt", "not_sent"),
    ]
    found = compare(["c-1-1-1", "c-1-1-1", "c-1-2-1", "c-1-9-1"], lines)
    assert found == ({"c-1-9-1"}, {"c-1-2-1"}, {"c-1-3-1"})


@pytest.fixture
def booked(home, database, make_journal):
    journal = make_journal()
    for sequence in (1, 2):
        intent = make_intent(sequence)
        journal.append_intent(intent)
        journal.append_settlement(make_settlement(intent))
    journal.append_intent(make_intent(3))
    journal.close()
    with Scribe(home, database) as scribe:
        assert scribe.run_once(CALLED_AT_NS).booked == 3


def laws(home, database, price=None):
    return [finding.law for finding in audit.check_books(home, database, price)]


@pytest.mark.usefixtures("booked")
def test_sound_books_have_no_findings(home, database):
    assert laws(home, database, lambda intent, settlement: (700, 800)) == []
    assert laws(home, database, lambda intent, settlement: None) == []
    identities = {line.attempt_id for line in audit.attempts_booked(home, database)}
    assert identities == {"c-12-1-1", "c-12-2-1", "c-12-3-1"}


@pytest.mark.usefixtures("booked")
def test_a_cost_that_does_not_recompute_is_found(home, database):
    assert laws(home, database, lambda intent, s: (700 + (intent.sequence == 2), 800)) == [
        "cost recomputes"
    ]


@pytest.mark.usefixtures("booked")
@pytest.mark.parametrize(
    ("table", "change", "law"),
    [
        (books.balances, {"cost_pico": 1}, "balances are sums"),
        (books.leases, {"consumed_pico": 1}, "leases are sums"),
    ],
)
def test_sums_that_are_not_are_found(home, database, table, change, law):
    with database.write() as connection:
        connection.execute(update(table).values(**change))
    assert set(laws(home, database)) == {law}


@pytest.mark.usefixtures("booked")
def test_a_doubled_line_is_found(home, database):
    with database.write() as connection:
        (part,) = books.manifest(connection)
        copy = home / "ledger" / "copy.parquet"
        copy.write_bytes((home / "ledger" / part.name).read_bytes())
        books.add_part(connection, part._replace(name=copy.name))
    found = laws(home, database)
    assert found.count("one line per attempt") == 3
    assert {"balances are sums", "leases are sums"} < set(found)


@pytest.mark.usefixtures("booked")
def test_use_of_a_lease_that_is_none_is_found(home, database):
    with database.write() as connection:
        connection.execute(books.leases.delete().where(books.leases.c.lease_id == 5))
    assert laws(home, database) == ["leases are sums"]
