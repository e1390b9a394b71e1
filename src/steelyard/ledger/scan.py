"""One scan of the ledger: its lines added up, exactly, per group and cell.

Parts are read in batches, each a query of DuckDB's over two threads, so that memory is bounded and
progress is told in lines; what the batches give is added up in the database once more. What comes
from outside reaches SQL as a parameter or as a key of the tables in ``reports``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from decimal import Context
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from steelyard.domain.errors import InvalidRequest
from steelyard.domain.usage import Usage
from steelyard.ledger import sql
from steelyard.ledger.cells import FLAT, Plan, Sold
from steelyard.ledger.reports import EVERYTHING, FILTERS, GROUPS, Query
from steelyard.store import books

OnProgress = Callable[[int, int], None]
"""Called with lines read and lines to read; what it raises ends the scan."""

_BATCH_ROWS = 8_000_000
"""Lines of one step of the progress."""
_FETCH_ROWS = 20_000
_COUNTS = Usage._fields[:6]
_MEMORY_MAX = "1200MB"
_THREADS = 2
_EXACT = Context(prec=60)

_SOLD = ("offer", "model", "currency")
"""Columns that every key begins with."""

_EXTRAS = """
    SELECT {keys}, item, sum(count) AS count
    FROM (
        SELECT {keys}, unnest(extra_items) AS item, unnest(extra_counts) AS count
        FROM ({lines}) WHERE len(extra_items) > 0
    )
    GROUP BY {keys}, item
"""


class Question(NamedTuple):
    """What is asked."""

    by: Sequence[str] = ()
    """Names of ``reports.GROUPS``; ``account`` counts a line for every account on its path."""
    query: Query = EVERYTHING
    has_cache_hits: bool = True
    """False: as if every input token had been sent for the first time."""


class _Source(NamedTuple):
    """What parts that are asked alike have in common."""

    is_inside: bool
    """Whether every line is within the asked time."""
    has_tier: bool
    """Whether any line has a service tier other than the ordinary one."""
    has_extras: bool
    """Whether any line counts more than the six items."""


class _Batch(NamedTuple):
    """Lines that are read in one step."""

    source: _Source
    text: str
    """What they are read from, in SQL."""
    rows: int


class Key(NamedTuple):
    """The lines of a group that were sold alike and are priced alike."""

    groups: tuple[Any, ...]
    sold: Sold
    currency: str
    cell: int
    items: str
    """Names of their extras, with commas."""


class Added(NamedTuple):
    """What they add up to."""

    lines: int
    then_pico: int
    usage: Usage
    """Of the counts that the plan asked for; extras as they were."""
    excess: tuple[int, ...]
    """Tokens above each threshold of the plan, line by line."""


class Scan:
    """Adds up the lines of parts and tail, by group and cell."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, folder: Path, question: Question
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._query = question.query
        self._batches: list[_Batch] = []
        self._done = self._total = 0
        self._on_progress: OnProgress = _ignore
        # A line's account is its whole path here; accounts above it are added up in Python.
        groups = {**GROUPS, "account": "account_path"}
        wanted = [groups[name] for name in question.by]
        columns = list(dict.fromkeys([*_SOLD, *wanted]))
        self._columns = {text: f"g{place}" for place, text in enumerate(columns)}
        self._places = [columns.index(text) for text in wanted]
        # Lines with extras stand apart: one that has no price leaves only its own lines unpriced.
        self._keys = ", ".join([*self._columns.values(), "cell", "items"])

    def look(
        self, parts: Sequence[books.Part], tail_rows: int, on_progress: OnProgress | None
    ) -> None:
        """Sorts parts by what must be read of them, into batches of about ``_BATCH_ROWS``."""
        alike: dict[_Source, list[books.Part]] = defaultdict(list)
        with ThreadPoolExecutor(_THREADS) as pool:
            look = partial(_source_of, self._folder, self._query)
            for part, source in zip(parts, pool.map(look, parts), strict=True):
                alike[source].append(part)
        self._batches = [_Batch(_Source(False, True, True), "tail", tail_rows)]
        for source, found in alike.items():
            for batch in _batched(found):
                names = ", ".join(sql.quoted(str(self._folder / part.name)) for part in batch)
                rows = sum(part.rows for part in batch)
                self._batches.append(_Batch(source, f"read_parquet([{names}])", rows))
        self._on_progress = on_progress or _ignore

    def run(self, plan: Plan, only: Iterable[Sold] | None = None) -> Iterator[tuple[Key, Added]]:
        """Every key with its sums; of the offers of ``only`` alone where it is given."""
        names, excesses = plan.counts(), plan.excesses()
        # Counts stay below 10**9 each (``lines.to_table``), far from the end of 128 bits.
        sums = ["count(*)", "sum(cost)"]
        sums += [f"sum_no_overflow({text})" for text in (*names, *excesses.values())]
        aliased = ", ".join(f"{text} AS s{place}" for place, text in enumerate(sums))
        offers = None if only is None else sorted({sold.offer for sold in only})
        for table in ("sums", "extras"):
            self._connection.execute(f"DROP TABLE IF EXISTS {table}")
        self._total += sum(batch.rows for batch in self._batches)
        for batch in self._batches:
            self._on_progress(self._done, self._total)
            lines, values = self._lines(batch, plan, offers)
            selected, varying = self._batch_keys(batch, plan)
            statement = f"SELECT {selected}, {aliased} FROM ({lines}) GROUP BY {varying}"  # noqa: S608
            self._add("sums", statement, values)
            if batch.source.has_extras:
                statement = _EXTRAS.format(keys=self._keys, lines=lines)
                self._add("extras", statement, values)
            self._done += batch.rows
        self._on_progress(self._done, self._total)
        yield from self._added(names, len(sums))

    def _batch_keys(self, batch: _Batch, plan: Plan) -> tuple[str, str]:
        """The keys to select, and those of them that differ between the batch's lines.

        Grouping by a constant takes a fifth longer.
        """
        selected, varying = list(self._columns.values()), list(self._columns.values())
        for name, is_constant, constant in (
            ("cell", plan.expression(batch.source.has_tier) == str(FLAT), str(FLAT)),
            ("items", not batch.source.has_extras, "''"),
        ):
            selected.append(f"{constant} AS {name}" if is_constant else name)
            varying += [] if is_constant else [name]
        return ", ".join(selected), ", ".join(varying)

    def _added(self, names: Sequence[str], width: int) -> Iterator[tuple[Key, Added]]:
        """What the batches came to, added up; there may be very many keys."""
        extras = self._extras()
        counts = [f"s{2 + names.index(name)}" if name in names else "0" for name in _COUNTS]
        excesses = [f"s{place}" for place in range(2 + len(names), width)]
        columns = ["s0", "s1", *counts, *excesses]
        first = len(self._columns) + 2
        for row in self._rows("sums", [f"sum({column})" for column in columns]):
            key = self._key(row)
            lines, then, *numbers = row[first:]
            counted = tuple(map(int, numbers[: len(_COUNTS)]))
            usage = Usage._make((*counted, extras.get(key, ())))
            excess = tuple(map(int, numbers[len(_COUNTS) :]))
            yield key, Added(int(lines), int(then.scaleb(12, _EXACT)), usage, excess)

    def _lines(
        self, batch: _Batch, plan: Plan, offers: Sequence[str] | None
    ) -> tuple[str, dict[str, Any]]:
        """The batch's lines with group columns and cell, in SQL, and its parameters."""
        source, query = batch.source, self._query
        conditions: list[str] = []
        values: dict[str, Any] = {}
        if not source.is_inside:
            conditions.append("called_at_ns >= $since AND called_at_ns < $until")
            values |= {"since": query.since_ns, "until": query.until_ns}
        for place, (name, wanted) in enumerate(query.where.items()):
            conditions.append(FILTERS[name].replace("?", f"$where{place}"))
            values[f"where{place}"] = list(wanted)
        if offers is not None:
            conditions.append("list_contains($only, offer)")
            values["only"] = offers
        added = plan.columns(source.has_tier)
        values |= {name: value for name, (_, value) in added.items()}
        groups = [f"{text} AS {alias}" for text, alias in self._columns.items()]
        more = [f"{text} AS {name}" for name, (text, _) in added.items()]
        items = "coalesce(array_to_string(extra_items, ','), '')" if source.has_extras else "''"
        more.append(f"{items} AS items")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        lines = f"""
            SELECT *, {plan.expression(source.has_tier)} AS cell
            FROM (SELECT {", ".join(["*", *groups, *more])} FROM {batch.text} {where})
        """  # noqa: S608 - keys of tables, numbers, and names that the scribe made
        return lines, values

    def _add(self, table: str, statement: str, values: Mapping[str, Any]) -> None:
        known = self._connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        into = f"INSERT INTO {table}" if (table,) in known else f"CREATE TEMP TABLE {table} AS"
        self._connection.execute(f"{into} {statement}", values)

    def _extras(self) -> dict[Key, tuple[tuple[str, int], ...]]:
        found: dict[Key, list[tuple[str, int]]] = defaultdict(list)
        for row in self._rows("extras", ["item", "sum(count)"], ", item"):
            found[self._key(row)].append((row[-2], int(row[-1])))
        return {key: tuple(sorted(items)) for key, items in found.items()}

    def _rows(self, table: str, columns: Sequence[str], more_keys: str = "") -> Iterator[Any]:
        """What the batches added to a table, added up over all of them."""
        statement = f"""
            SELECT {self._keys}, {", ".join(columns)} FROM {table}
            GROUP BY {self._keys}{more_keys}
        """  # noqa: S608 - names of our own
        result = self._connection.execute(statement)
        while rows := result.fetchmany(_FETCH_ROWS):
            yield from rows

    def _key(self, row: tuple[Any, ...]) -> Key:
        offer, model, currency = row[: len(_SOLD)]
        groups = tuple([row[place] for place in self._places])
        cell, items = row[len(self._columns) : len(self._columns) + 2]
        return Key(groups, Sold(offer, model), currency, cell, items)


def check(question: Question) -> None:
    """Holds a question to what can be asked.

    Raises:
        InvalidRequest: an unknown group or condition.
    """
    for name in question.by:
        if name not in GROUPS:
            raise InvalidRequest(f"cannot group by {name!r}; one of {', '.join(GROUPS)}")
    for name in question.query.where:
        if name not in FILTERS:
            raise InvalidRequest(f"cannot filter by {name!r}; one of {', '.join(FILTERS)}")


def _source_of(folder: Path, query: Query, part: books.Part) -> _Source:
    """What must be read of a part; its footer tells, and a part never changes."""
    has_tier = has_extras = False
    footer = pq.read_metadata(folder / part.name)
    for group in range(footer.num_row_groups):
        found = footer.row_group(group)
        # The newest columns stand last.
        for index in reversed(range(found.num_columns)):
            column = found.column(index)
            name = column.path_in_schema.partition(".")[0]
            if name not in ("tier", "extra_items", "extra_counts"):
                break
            facts = column.statistics
            if facts is not None and facts.null_count == column.num_values:
                continue
            if name != "tier":
                has_extras = True
            elif facts is None or not facts.has_min_max or facts.max != "":
                has_tier = True
    is_inside = query.since_ns <= part.called_min_ns and part.called_max_ns < query.until_ns
    return _Source(is_inside, has_tier, has_extras)


def _batched(parts: Sequence[books.Part]) -> Iterator[list[books.Part]]:
    batch: list[books.Part] = []
    for part in parts:
        batch.append(part)
        if sum(one.rows for one in batch) >= _BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def connected(tail: pa.Table) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """A connection that knows the tail."""
    return sql.connected(tail.drop_columns(["called_at", "booked_at"]), _MEMORY_MAX, _THREADS)


def _ignore(done: int, total: int) -> None:
    """Tells nobody."""
