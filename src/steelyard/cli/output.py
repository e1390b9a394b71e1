"""How answers are printed: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

from steelyard.domain.money import format_pico, format_small

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
_WIDTH_PIPED = 400
"""Columns of a table that goes into a file or a pipe, where nothing may be cut."""


def print_json(value: Any) -> None:
    """Prints ``value``; exact numbers as text, what steers a terminal as its code."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    lines = (line if line.isprintable() else _coded(line) for line in text.split("\n"))
    typer.echo("\n".join(lines))


def say(text: str, *, err: bool = False) -> None:
    """Prints a line in which something may stand that a vendor or a client wrote."""
    typer.echo(printable(text), err=err)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[str] = ()
) -> None:
    """Prints a table; the columns named in ``right`` hold numbers."""
    from rich import box  # noqa: PLC0415 - slow to import
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    console = Console(
        width=None if sys.stdout.isatty() else _WIDTH_PIPED,
        highlight=False,
        markup=False,
        emoji=False,  # else `KEY:SECRET:TOKEN` has a picture in its middle
    )
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    count = 0
    for row in rows:
        table.add_row(*(_text(cell) for cell in row))
        count += 1
    if count:
        console.print(table)
    else:
        typer.echo("nothing")


def money(row: Mapping[str, Any], name: str, *, is_small_said: bool = False) -> str:
    """The amount in column ``name`` of a ledger row, whole; empty for none.

    With ``is_small_said`` what is below a fen stands in 厘 or 毫 beside it, too.
    """
    amount = row.get(f"{name}_pico")
    if amount is None:
        return ""
    currency = str(row.get("currency") or "")
    if is_small_said:
        return format_small(int(amount), currency)
    return f"{format_pico(int(amount))} {currency}".strip()


def _coded(line: str) -> str:
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return printable(str(cell))


def printable(text: str) -> str:
    """The text without what steers a terminal: vendors and clients may have written it."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
