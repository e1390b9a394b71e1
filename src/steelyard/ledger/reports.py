"""Questions to the ledger: parts named by the manifest, and the live tail, through DuckDB.

Called by the control process in a thread. What comes from outside reaches SQL as a parameter or
as a key of the tables below, never as text. Sums are exact decimals and always per currency:
amounts of two currencies are never added.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from steelyard.domain.calls import attempt_id, parse_call_id
from steelyard.domain.errors import InvalidRequest
from steelyard.domain.money import to_pico
from steelyard.ledger import conversion, sql
from steelyard.ledger.conversion import Converted, Into
from steelyard.ledger.lines import AMOUNTS
from steelyard.ledger.tail import open_books, read_tail
from steelyard.store.books import NS_PER_DAY, NS_PER_HOUR
from steelyard.store.database import Database

LINES_MAX = 10_000
"""Lines of one answer."""
_MEMORY_MAX = "1GB"

_PATH = "string_split(account_path, '/')"
GROUPS = {
    "account": f"unnest({_PATH})",
    "account_own": "account_id",
    "key": "key_id",
    "model": "model",
    "model_asked": "model_asked",
    "channel": "channel",
    "vendor": "vendor",
    "offer": "offer",
    "task": "task",
    "door": "door",
    "why": "why",
    "outcome": "outcome",
    "status": "status::VARCHAR",
    "day": f"called_at_ns // {NS_PER_DAY}",
    "hour": f"called_at_ns // {NS_PER_HOUR}",
    "day_booked": f"booked_at_ns // {NS_PER_DAY}",
}
"""What lines may be grouped by. ``account`` counts a line for every account on its path, so its
rows contain each other; ``account_own`` counts it once. Days and hours are UTC, counted since 1970.
"""

FILTERS = {
    "account": f"list_has_any({_PATH}, ?)",
    **{
        name: f"list_contains(?, {GROUPS[name]})"
        for name in GROUPS
        if name not in ("account", "day", "hour", "day_booked")
    },
    "kind": "list_contains(?, kind)",
    "currency": "list_contains(?, currency)",
}
"""Conditions by name; each takes a list of texts of which one must fit. ``account`` holds for the
account and all below it.
"""

_SUMS = """
    count(*) FILTER (kind = 'attempt' AND attempt = 1 AND outcome <> 'open') AS calls,
    count(*) FILTER (kind = 'attempt' AND outcome <> 'open') AS attempts,
    count(*) FILTER (outcome = 'open') AS open,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(cache_read_tokens) AS cache_read_tokens,
    sum(cache_write_tokens) AS cache_write_tokens,
    sum(reasoning_tokens) AS reasoning_tokens,
    sum(cost) AS cost,
    sum(charge) AS charge,
    count(*) FILTER (usage_source = 'estimated') AS estimated,
    count(*) FILTER (outcome = 'uncertain') AS uncertain
"""


class Query(NamedTuple):
    """Which lines: those whose call was in [since, until) and which fit all of ``where``."""

    where: Mapping[str, Sequence[str]] = {}
    since_ns: int = 0
    until_ns: int = 2**63 - 1


EVERYTHING = Query()


class Reports:
    """Answers questions about the ledger under a state folder; keeps nothing open.

    ``clock`` gives UTC nanoseconds: lines of the tail are shown as booked now.
    """

    def __init__(
        self, home: Path, database: Database, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._clock = clock
        self._folder = home / "ledger"
        self._journals_folder = home / "journal"
        self._database = database

    def summarise(self, by: Sequence[str], query: Query = EVERYTHING) -> list[dict[str, Any]]:
        """Sums per group and currency, the most expensive first.

        Amounts are integers of pico-units (``cost_pico``, ``charge_pico``); ``calls``,
        ``attempts`` and ``open`` are counts.

        Args:
            by: Names of ``GROUPS``, in the order of the answer's columns; none for one total.
            query: Which lines.

        Raises:
            InvalidRequest: an unknown group or condition.
        """
        with self._connected(query) as connection:
            return [_named(row, by) for row in _sums(connection, by, query)]

    def summarise_in(self, into: Into, by: Sequence[str], query: Query = EVERYTHING) -> Converted:
        """The same sums with what each is worth in one currency, at the rates of booking days.

        Raises:
            InvalidRequest: an unknown group or condition.
        """
        with self._connected(query) as connection:
            rates = _rates(connection, into, query)
            conversion.register(connection, rates)
            rows = _worth(connection, into, by, query)
            # Rows of ``account`` contain each other.
            whole = _worth(connection, into, (), query) if "account" in by else rows
        total_pico = sum(row["cost_in_pico"] or 0 for row in whole)
        return Converted([_named(row, by) for row in rows], rates, total_pico)

    def call(self, call_id: str) -> list[dict[str, Any]]:
        """Every line of a call (or of one attempt, by its id), attempts and adjustments, in order.

        Raises:
            InvalidRequest: the text is no call's id.
        """
        try:
            incarnation, sequence, attempt = parse_call_id(call_id)
        except ValueError as error:
            raise InvalidRequest(str(error), param="call_id") from error
        statement = """
            SELECT * FROM lines
            WHERE incarnation = ? AND sequence = ? AND coalesce(? = attempt, true)
            ORDER BY attempt, booked_at_ns, kind DESC
        """
        with self._connected(EVERYTHING) as connection:
            return _rows(connection.execute(statement, [incarnation, sequence, attempt]))

    def lines(self, limit: int = 100, query: Query = EVERYTHING) -> list[dict[str, Any]]:
        """The latest lines, newest call first, at most ``LINES_MAX``.

        Raises:
            InvalidRequest: an unknown condition.
        """
        condition, values = _condition(query)
        statement = f"""
            SELECT * FROM lines WHERE {condition}
            ORDER BY called_at_ns DESC, incarnation DESC, sequence DESC, attempt DESC
            LIMIT ?
        """  # noqa: S608 - the condition is made of FILTERS
        with self._connected(query) as connection:
            return _rows(connection.execute(statement, [*values, min(limit, LINES_MAX)]))

    def lines_in(self, into: Into, limit: int = 100, query: Query = EVERYTHING) -> Converted:
        """The latest lines, each with what it is worth in one currency; the total is theirs.

        Raises:
            InvalidRequest: an unknown condition.
        """
        rows = self.lines(limit, query)
        days = [(r["currency"], r["booked_at_ns"] // NS_PER_DAY, r["cost_pico"]) for r in rows]
        rates = conversion.find_rates(into, (day for day in days if day[2]))
        found = [conversion.convert_line(row, into, rates) for row in rows]
        return Converted(found, rates, sum(row["cost_in_pico"] or 0 for row in found))

    @contextmanager
    def _connected(self, query: Query) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with the view ``lines``: everything booked, and the tail."""
        state = open_books(self._database, query.since_ns, query.until_ns)
        tail = read_tail(self._journals_folder, state, self._clock())
        with sql.connected(tail, _MEMORY_MAX, threads=1) as connection:
            # Instants go out as nanoseconds; DuckDB's zoned ones would need a zone package.
            columns = "* EXCLUDE (called_at, booked_at)"
            source = f"SELECT {columns} FROM tail"  # noqa: S608 - no outside text
            if state.parts:
                files = [sql.quoted(str(self._folder / part.name)) for part in state.parts]
                source += f"""
                    UNION ALL BY NAME
                    SELECT {columns} FROM read_parquet([{", ".join(files)}], union_by_name = true)
                """  # noqa: S608 - names that the scribe made, quoted
            connection.execute(f"CREATE TEMP VIEW lines AS {source}")
            yield connection


def _groups(by: Sequence[str]) -> tuple[str, list[str]]:
    """The groups' expressions for a SELECT, each after a comma, and their aliases.

    Raises:
        InvalidRequest: an unknown group.
    """
    for name in by:
        if name not in GROUPS:
            raise InvalidRequest(f"cannot group by {name!r}; one of {', '.join(GROUPS)}")
    # The position keeps aliases apart from the columns of the same name.
    names = [f"g{place}" for place in range(len(by))]
    pairs = zip(by, names, strict=True)
    return "".join(f", {GROUPS[name]} AS {alias}" for name, alias in pairs), names


def _sums(
    connection: duckdb.DuckDBPyConnection, by: Sequence[str], query: Query
) -> list[dict[str, Any]]:
    """Sums per group (by its alias) and currency, the most expensive first.

    Raises:
        InvalidRequest: an unknown group or condition.
    """
    groups, names = _groups(by)
    condition, values = _condition(query)
    columns = ", ".join([*names, "currency"])
    statement = f"""
        SELECT {columns}, {_SUMS} FROM (SELECT *{groups} FROM lines WHERE {condition})
        GROUP BY {columns} ORDER BY cost DESC, {columns}
    """  # noqa: S608 - only keys of the tables above stand in it
    return _rows(connection.execute(statement, values))


def _worth(
    connection: duckdb.DuckDBPyConnection, into: Into, by: Sequence[str], query: Query
) -> list[dict[str, Any]]:
    """The sums with what they are worth; the rates are registered.

    Raises:
        InvalidRequest: an unknown group or condition.
    """
    groups, names = _groups(by)
    condition, values = _condition(query)
    keys = [*names, "currency"]
    statement = conversion.WORTH.format(columns=", ".join(keys), groups=groups, condition=condition)
    found = connection.execute(statement, values).fetchall()
    return conversion.join_worth(_sums(connection, by, query), found, keys, into)


def _rates(connection: duckdb.DuckDBPyConnection, into: Into, query: Query) -> conversion.Rates:
    """The rates that the lines need which cost something.

    Raises:
        InvalidRequest: an unknown condition.
    """
    condition, values = _condition(query)
    statement = f"""
        SELECT currency, {conversion.BOOKED} AS booked, sum(cost) AS cost
        FROM lines WHERE {condition} AND cost <> 0 GROUP BY ALL
    """  # noqa: S608 - the condition is made of FILTERS
    found = connection.execute(statement, values).fetchall()
    return conversion.find_rates(into, ((c, day, to_pico(cost)) for c, day, cost in found))


def _condition(query: Query) -> tuple[str, list[Any]]:
    """The query's condition in SQL, and its parameters.

    Raises:
        InvalidRequest: an unknown condition.
    """
    conditions = ["called_at_ns >= ?", "called_at_ns < ?"]
    values: list[Any] = [query.since_ns, query.until_ns]
    for name, wanted in query.where.items():
        if name not in FILTERS:
            raise InvalidRequest(f"cannot filter by {name!r}; one of {', '.join(FILTERS)}")
        conditions.append(FILTERS[name])
        values.append(list(wanted))
    return " AND ".join(conditions), values


def _rows(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Rows as dictionaries: amounts as ``…_pico`` integers, lines with their attempt's id."""
    names = [column[0] for column in result.description or ()]
    rows = []
    for values in result.fetchall():
        row = dict(map(_field, names, values))
        if "sequence" in row:
            row["attempt_id"] = attempt_id(row["incarnation"], row["sequence"], row["attempt"])
        rows.append(row)
    return rows


def _field(name: str, value: Any) -> tuple[str, Any]:
    """Name and value as the answer has them."""
    if name in AMOUNTS:
        return f"{name}_pico", to_pico(value or 0)
    if name == "lease_amounts":
        return name, [int(amount) for amount in value or ()]
    return name, value


def _named(row: dict[str, Any], by: Sequence[str]) -> dict[str, Any]:
    groups = {name: row.pop(f"g{place}") for place, name in enumerate(by)}
    return groups | row
