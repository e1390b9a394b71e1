import os

import pyarrow.parquet as pq
import pytest

from steelyard.domain.entries import Entry
from steelyard.ledger import parts
from steelyard.ledger.lines import to_entries, to_table
from steelyard.store import books
from steelyard.store.books import NS_PER_DAY
from steelyard.testing.records import CALLED_AT_NS, make_intent, make_settlement

NOW_NS = CALLED_AT_NS
DAY = CALLED_AT_NS // NS_PER_DAY


def make_table(*sequences: int, booked_at_ns: int = NOW_NS):
    entries = []
    for sequence in sequences:
        intent = make_intent(sequence, called_at_ns=CALLED_AT_NS + sequence)
        entries.append(Entry(intent, make_settlement(intent), booked_at_ns))
    return to_table(entries)


@pytest.fixture
def folder(home):
    return home / "ledger"


@pytest.fixture
def add(database, folder):
    def add_part(*sequences: int, booked_at_ns: int = NOW_NS):
        table = make_table(*sequences, booked_at_ns=booked_at_ns)
        name = f"{sequences[0]}.parquet"
        parts.write_part(folder, name, [table])
        with database.write() as connection:
            books.add_part(connection, parts.describe(folder, name, table, booked_at_ns))

    return add_part


def sequences(database, folder):
    with database.read() as connection:
        manifest = books.manifest(connection)
    return [
        entry.intent.sequence
        for part in manifest
        for entry in to_entries(parts.read_part(folder, part))
    ]


def test_a_part_is_described_by_what_it_holds(database, folder, add):
    add(3, 1, 2)
    with database.read() as connection:
        (part,) = books.manifest(connection)
    assert (part.day, part.level, part.rows) == (DAY, 0, 3)
    assert (part.called_min_ns, part.called_max_ns) == (CALLED_AT_NS + 1, CALLED_AT_NS + 3)
    assert part.bytes == (folder / part.name).stat().st_size


def test_a_failed_write_leaves_no_part(folder, monkeypatch):
    def fail(source, target):
        raise OSError("disk")

    monkeypatch.setattr(parts.os, "rename", fail)
    with pytest.raises(OSError, match="disk"):
        parts.write_part(folder, "a.parquet", [make_table(1)])
    assert [path.suffix for path in folder.iterdir()] == [".unfinished"]


def test_an_older_part_lacks_columns_and_reads_as_null(folder, database):
    table = make_table(1).drop_columns(["finish"])
    pq.write_table(table, folder / "old.parquet")
    part = parts.describe(folder, "old.parquet", table, NOW_NS)
    assert parts.read_part(folder, part)["finish"].to_pylist() == [None]


def test_an_open_day_is_merged_once_there_are_enough(database, folder, add):
    for sequence in range(parts.FAN_IN - 1):
        add(sequence)
    assert parts.compact(database, folder, NOW_NS) == 0
    add(100)
    assert parts.compact(database, folder, NOW_NS) == parts.FAN_IN
    assert sequences(database, folder) == [*range(parts.FAN_IN - 1), 100]
    with database.read() as connection:
        (merged,) = books.manifest(connection)
    assert (merged.rows, merged.level, merged.day) == (parts.FAN_IN, 1, DAY)
    assert parts.compact(database, folder, NOW_NS) == 0


def test_a_closed_day_becomes_one_part_and_others_stay(database, folder, add):
    add(1)
    add(2)
    add(3, booked_at_ns=NOW_NS + NS_PER_DAY)
    with database.write() as connection:
        books.close_days(connection, [DAY], NOW_NS)
    assert parts.compact(database, folder, NOW_NS) == 2
    with database.read() as connection:
        assert sorted(part.rows for part in books.manifest(connection)) == [1, 2]


def test_a_merge_has_a_size_limit(database, folder, add, monkeypatch):
    monkeypatch.setattr(parts, "ROWS_MAX", 4)
    for sequence in range(5):
        add(sequence, 100 + sequence)
    with database.write() as connection:
        books.close_days(connection, [DAY], NOW_NS)
    assert parts.compact(database, folder, NOW_NS) == 4
    with database.read() as connection:
        assert sorted(part.rows for part in books.manifest(connection)) == [2, 4, 4]
    assert len(sequences(database, folder)) == 10


def test_a_crash_before_the_swap_changes_nothing(database, folder, add, monkeypatch):
    add(1)
    add(2)
    with database.write() as connection:
        books.close_days(connection, [DAY], NOW_NS)
    with monkeypatch.context() as patch:

        def fail(*arguments):
            raise RuntimeError("killed")

        patch.setattr(parts.books, "replace_parts", fail)
        with pytest.raises(RuntimeError, match="killed"):
            parts.compact(database, folder, NOW_NS)
    assert sequences(database, folder) == [1, 2]
    assert parts.compact(database, folder, NOW_NS) == 2
    assert sequences(database, folder) == [1, 2]


def test_files_go_only_when_nobody_can_read_them_any_more(database, folder, add):
    add(1)
    add(2)
    (folder / "crashed.parquet").touch()
    (folder / "half.parquet.unfinished").touch()
    (folder / "scribe.lock").touch()
    for path in folder.iterdir():
        os.utime(path, ns=(NOW_NS, NOW_NS))
    with database.write() as connection:
        books.close_days(connection, [DAY], NOW_NS)
    parts.compact(database, folder, NOW_NS)
    (merged,) = [path for path in folder.iterdir() if path.name.startswith("day-")]
    os.utime(merged, ns=(NOW_NS, NOW_NS))
    assert parts.clean(database, folder, NOW_NS + parts.DELETE_AFTER_NS) == 0
    assert parts.clean(database, folder, NOW_NS + parts.DELETE_AFTER_NS + 1) == 4
    assert sorted(path.name for path in folder.iterdir()) == [merged.name, "scribe.lock"]
    assert sequences(database, folder) == [1, 2]


def test_lines_of_one_attempt_are_found(database, folder, add):
    add(1, 2)
    add(3)
    (found,) = parts.lines_of(database, folder, (18, 3, 1))
    assert found.intent.sequence == 3
    assert parts.lines_of(database, folder, (18, 3, 2)) == []
