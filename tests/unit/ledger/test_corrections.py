from steelyard.domain.entries import Entry
from steelyard.ledger import corrections, parts
from steelyard.ledger.lines import to_table
from steelyard.store import books
from steelyard.store.books import NS_PER_DAY
from steelyard.testing.records import CALLED_AT_NS, make_intent, make_settlement

NOW_NS = CALLED_AT_NS


def add(database, folder, name, *entries):
    table = to_table(entries)
    parts.write_part(folder, name, [table])
    with database.write() as connection:
        books.add_part(connection, parts.describe(folder, name, table, NOW_NS))


def line(sequence, ids, kind="attempt"):
    intent = make_intent(sequence, leases=())
    return Entry(intent, make_settlement(intent, rate_ids=ids, leases=()), NOW_NS, kind)


def found(database, home, *ids, since_ns=0):
    batches = corrections.attempts_priced_by(database, home / "ledger", ids, since_ns)
    return sorted(
        [(e.intent.sequence, e.kind, e.settlement.rate_ids) for e in attempt]
        for batch in batches
        for attempt in batch
    )


def test_attempts_are_found_by_the_rates_that_priced_them(database, home):
    folder = home / "ledger"
    add(database, folder, "1.parquet", line(1, ("b1", "b2")), line(2, ("b3",)), line(3, ()))
    add(database, folder, "2.parquet", line(4, ("b2",)), line(5, ("r1",)))
    assert found(database, home, "b2") == [
        [(1, "attempt", ("b1", "b2"))],
        [(4, "attempt", ("b2",))],
    ]
    assert found(database, home, "b9") == []
    assert found(database, home, "b2", since_ns=CALLED_AT_NS + 1) == []


def test_what_corrected_them_before_comes_along_and_leads_to_them(database, home):
    folder = home / "ledger"
    add(database, folder, "1.parquet", line(1, ("b1",)), line(2, ("b1",)))
    add(database, folder, "2.parquet", line(1, ("b7",), "adjustment"))
    whole = [(1, "attempt", ("b1",)), (1, "adjustment", ("b7",))]
    assert found(database, home, "b1") == [whole, [(2, "attempt", ("b1",))]]
    assert found(database, home, "b7") == [whole]


def test_many_come_in_batches(database, home, monkeypatch):
    monkeypatch.setattr(corrections, "ATTEMPTS_MAX", 2)
    add(database, home / "ledger", "1.parquet", *(line(n, ("b1",)) for n in range(1, 6)))
    batches = corrections.attempts_priced_by(database, home / "ledger", {"b1"}, 0)
    assert [len(batch) for batch in batches] == [2, 2, 1]


def test_the_kinds_of_a_part_are_read_once_however_many_batches(database, home, monkeypatch):
    monkeypatch.setattr(corrections, "ATTEMPTS_MAX", 1)
    add(database, home / "ledger", "1.parquet", *(line(n, ("b1",)) for n in range(1, 5)))
    add(database, home / "ledger", "2.parquet", line(2, ("b7",), "adjustment"))
    read, original = [], corrections.pq.read_table
    monkeypatch.setattr(
        corrections.pq, "read_table", lambda *a, **k: read.append(k) or original(*a, **k)
    )
    assert [len(attempt) for attempt in found(database, home, "b1")] == [1, 2, 1, 1]
    assert read == [{"columns": ["kind"]}] * 2


def test_lines_enter_part_and_balances_together(database, home):
    folder = home / "ledger"
    entry = line(1, ("b1",), "adjustment")
    corrections.book(database, folder, "corrected-1", [entry], NOW_NS)
    with database.read() as connection:
        (part,) = books.manifest(connection)
        scope = "account:acc_3"
        sums = books.balance(connection, scope, 0, CALLED_AT_NS + 3600 * 10**9)
    assert (part.name, part.rows) == ("corrected-1.parquet", 1)
    assert sums["CNY"].cost_pico == entry.settlement.cost_pico
    assert sums["CNY"].attempts == 0


def test_a_closed_day_gets_nothing_more(database):
    assert corrections.open_instant(database, NOW_NS) == NOW_NS
    day = NOW_NS // NS_PER_DAY
    with database.write() as connection:
        books.close_days(connection, [day], NOW_NS)
    assert corrections.open_instant(database, NOW_NS) == (day + 1) * NS_PER_DAY
