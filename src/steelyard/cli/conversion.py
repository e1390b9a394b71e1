"""How a report in one currency is told: a column, the total, the rates, and what has none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import typer

from steelyard.domain.money import format_pico, format_small

_UNKNOWN = "no rate"


def titles(into: str | None) -> tuple[str, ...]:
    """The titles of the columns that a currency adds to a table of the ledger."""
    return (f"in {into}",) if into else ()


def cells(row: Mapping[str, Any], into: str | None) -> tuple[str, ...]:
    """A row's cells in those columns; what has no rate is told beside what has one."""
    if not into:
        return ()
    worth, rest = row["cost_in_pico"], int(row.get("unconverted_pico") or 0)
    shown = [_UNKNOWN] if worth is None else [format_pico(int(worth))]
    if worth is not None and rest:
        shown.append(f"{format_pico(rest)} {row['currency']}: {_UNKNOWN}")
    return (" + ".join(shown),)


def print_about(answer: Mapping[str, Any]) -> None:
    """Prints the total, the rates that were used, and the amounts that have none."""
    total = format_small(int(answer["total_in_pico"]), answer["in"])
    is_whole = not answer["unconverted"]
    typer.echo(f"\ntotal {total}" + ("" if is_whole else ", without what has no rate:"))
    for row in answer["unconverted"]:
        typer.echo(f"  {_missing(row, answer['in'])}")
    for line in _rates(answer["rates_used"]):
        typer.echo(line)


def _missing(row: Mapping[str, Any], into: str) -> str:
    days = _days(row["first"], row["last"], row["days"])
    text = f"{row['cost']} {row['currency']} booked {days}"
    if row["newest"] is None:
        return f"{text}: nobody has a rate into {into}; bring one: steelyard exchange import FILE"
    age = (date.fromisoformat(row["last"]) - date.fromisoformat(row["newest"])).days
    return (
        f"{text}: the last rate is of {row['newest']}; bring newer ones (steelyard exchange import"
        f" FILE), or allow one so old: --rate-age {age}"
    )


def _rates(used: list[Mapping[str, Any]]) -> list[str]:
    """The rates in a line per pair and source: one whole, several from the first to the last."""
    found: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for rate in used:
        found.setdefault((rate["base"], rate["quote"], rate["source"]), []).append(rate)
    lines = []
    for (base, quote, source), rates in found.items():
        rates.sort(key=lambda rate: rate["as_of"])
        first, last = rates[0], rates[-1]
        days = _days(
            min(rate["first"] for rate in rates),
            max(rate["last"] for rate in rates),
            sum(rate["days"] for rate in rates),
        )
        if len(rates) == 1:
            what = f"{first['about']} ({first['id']})"
        else:
            values = sorted((float(rate["about"]), rate["about"]) for rate in rates)
            ids = f"{first['id']} to {last['id']}"
            what = f"{values[0][1]} to {values[-1][1]}, {len(rates)} rates ({ids})"
        lines.append(f"one {base} in {quote}, booked {days}: {what}, {source}")
    return lines


def _days(first: str, last: str, count: int) -> str:
    return f"on {first}" if first == last else f"from {first} to {last} ({count} days)"
