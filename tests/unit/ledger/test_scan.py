"""How parts are read; what comes out of it is held in ``test_what_if``."""

import pyarrow.parquet as pq
import pytest

from steelyard.domain.entries import Entry
from steelyard.domain.errors import InvalidRequest
from steelyard.domain.usage import Usage
from steelyard.ledger import scan
from steelyard.ledger.cells import Plan, Sold
from steelyard.ledger.lines import SCHEMA, to_table
from steelyard.ledger.parts import describe, write_part
from steelyard.ledger.reports import EVERYTHING, Query
from steelyard.ledger.scan import Question, Scan, check, connected
from steelyard.testing.records import CALLED_AT_NS, make_intent, make_settlement

EMPTY = to_table([])


def table(count, **changes):
    entries = []
    for sequence in range(count):
        intent = make_intent(sequence, called_at_ns=CALLED_AT_NS + sequence)
        entries.append(Entry(intent, make_settlement(intent, **changes), CALLED_AT_NS))
    return to_table(entries)


@pytest.fixture
def make_part(tmp_path):
    def make(name, lines):
        write_part(tmp_path, name, [lines])
        return describe(tmp_path, name, lines, 1)

    return make


def run(folder, parts, query=EVERYTHING, tail=EMPTY):
    told = []
    with connected(tail) as connection:
        reader = Scan(connection, folder, Question((), query))
        reader.look(parts, len(tail), lambda done, total: told.append((done, total)))
        found = list(reader.run(Plan({})))
    return found, told


def test_parts_of_every_kind_and_age_add_up(tmp_path, make_part, monkeypatch):
    monkeypatch.setattr(scan, "_BATCH_ROWS", 5)
    old = table(4).drop_columns(["extra_items", "extra_counts", "tier"])
    with (tmp_path / "old.parquet").open("wb") as file:
        pq.write_table(old, file)
    extras = Usage(12, 30, extras=(("input_audio", 3), ("search", 1)))
    parts = [
        describe(tmp_path, "old.parquet", old, 1),
        make_part("plain.parquet", table(3)),
        make_part("more.parquet", table(3)),
        make_part("tier.parquet", table(2, tier="batch")),
        make_part("extras.parquet", table(2, usage=extras)),
    ]
    found, told = run(tmp_path, parts, tail=table(1, usage=extras))
    assert sum(added.lines for _, added in found) == 15
    assert {key.sold for key, _ in found} == {Sold("small", "smollm2-135m")}
    by_items = {key.items: added for key, added in found}
    assert by_items["input_audio,search"].usage.extras == (("input_audio", 9), ("search", 3))
    assert by_items[""].then_pico == 12 * 700
    assert told[0] == (0, 15)
    assert told[-1] == (15, 15)
    assert len(told) > 4, "in several batches"


def test_what_must_be_read_of_a_part(tmp_path, make_part):
    some = Query(since_ns=CALLED_AT_NS + 1)
    parts = {
        "plain": make_part("plain.parquet", table(3)),
        "tier": make_part("tier.parquet", table(2, tier="batch")),
        "extras": make_part("e.parquet", table(2, usage=Usage(1, 1, extras=(("image", 1),)))),
    }

    def look(name, query=EVERYTHING):
        return tuple(scan._source_of(tmp_path, query, parts[name]))

    assert look("plain") == (True, False, False)
    assert look("plain", some) == (False, False, False)
    assert look("tier") == (True, True, False)
    assert look("extras") == (True, False, True)


def test_only_lines_within_the_time(tmp_path, make_part):
    part = make_part("x.parquet", table(9))
    query = Query({"task": ["after-sales/intent"]}, CALLED_AT_NS + 2, CALLED_AT_NS + 7)
    found, _ = run(tmp_path, [part], query)
    assert [added.lines for _, added in found] == [5]


def test_no_lines_at_all(tmp_path):
    assert run(tmp_path, []) == ([], [(0, 0), (0, 0)])


def test_the_schemas_newest_columns_are_those_that_are_looked_for():
    newest = set(SCHEMA.names[SCHEMA.names.index("is_stream") + 1 :])
    assert newest == {"extra_items", "extra_counts", "tier"}, "else ``_source_of`` stops too early"


def test_unknown_names_are_refused():
    check(Question(("account", "day"), Query({"vendor": ["x"]})))
    with pytest.raises(InvalidRequest, match="cannot group by 'mood'"):
        check(Question(("mood",)))
    with pytest.raises(InvalidRequest, match="cannot filter by 'mood'"):
        check(Question((), Query({"mood": ["x"]})))
