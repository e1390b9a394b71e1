"""How answers are printed: tables for people, JSON for programs."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from steelyard.domain.money import format_pico, format_small

if TYPE_CHECKING:
    from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
_WIDTH_PIPED = 120
"""Columns of a table that goes into a file or a pipe, where ``COLUMNS`` says nothing."""
_GAP = 3
"""Columns between two columns of a table."""
_WORD = re.compile(r"[!-~·▁-█]+")
"""Of letters, or the marks of a small chart."""
_WORD_MAX = 28
"""Characters; longer words, such as digests and addresses, may be cut at the end of a line."""


def print_json(value: Any) -> None:
    """Prints ``value``; exact numbers as text, what steers a terminal as its code."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    lines = (line if line.isprintable() else _coded(line) for line in text.split("\n"))
    typer.echo("\n".join(lines))


def say(text: str, *, err: bool = False) -> None:
    """Prints a line in which something may stand that a vendor or a client wrote."""
    typer.echo(printable(text), err=err)


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    right: Sequence[str] = (),
    *,
    empty: str = "nothing",
) -> None:
    """Prints a table; the columns named in ``right`` hold numbers.

    A terminal sees no columns without a cell. Where there is so little room that names and amounts
    would be cut in two, each row stands below the one before it, a cell a line. In a file or a pipe
    no word is cut at all, since somebody may look for it.

    Args:
        columns: their headings.
        rows: of cells.
        right: headings of what is aligned to the right.
        empty: said instead of a table without rows.
    """
    from rich.console import Console  # noqa: PLC0415 - slow to import

    shown = [[_text(cell) for cell in row] for row in rows]
    if not shown:
        typer.echo(empty)
        return
    is_terminal = sys.stdout.isatty()
    console = Console(
        width=None if is_terminal else width_piped(),
        highlight=False,
        markup=False,
        emoji=False,  # else `KEY:SECRET:TOKEN` has a picture in its middle
    )
    if is_terminal:
        used = [index for index in range(len(columns)) if any(row[index] for row in shown)]
        columns = [columns[index] for index in used]
        shown = [[row[index] for index in used] for row in shown]
    word_max = _WORD_MAX if is_terminal else None
    room = console.width - _GAP * (len(columns) - 1)
    widths = _widths(columns, shown, room, word_max)
    if widths is None:
        console.print("\n\n".join(_record(columns, row) for row in shown), soft_wrap=True)
    else:
        console.print(_table(columns, shown, right, widths))


def _table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    right: Sequence[str],
    widths: Sequence[int],
) -> Table:
    from rich import box  # noqa: PLC0415 - slow to import
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column, width in zip(columns, widths, strict=True):
        justify: Literal["left", "right"] = "right" if column in right else "left"
        table.add_column(column, justify=justify, overflow="fold", width=width)
    for row in rows:
        table.add_row(*row)
    return table


def width_piped() -> int:
    """Columns of what goes into a file or a pipe."""
    said = os.environ.get("COLUMNS", "")
    return int(said) if said.isdecimal() and int(said) else _WIDTH_PIPED


def _widths(
    columns: Sequence[str], rows: Sequence[Sequence[str]], room: int, word_max: int | None
) -> list[int] | None:
    """Widths with which every column is broken between words only; None where they do not fit.

    Rich shortens the widest columns first, though they may hold one long name and others many
    short words. So what there is beyond the longest words goes to the narrowest first.

    Args:
        columns: their headings.
        rows: of cells.
        room: columns of the terminal that cells may take in all.
        word_max: words that are longer may be cut; None where none may.
    """
    table = list(zip(columns, *rows, strict=True))
    least = [max(_longest(cell, word_max) for cell in column) for column in table]
    whole = [max(map(_widest, column)) for column in table]
    if sum(least) > room:
        return None
    widths, level = least, 0
    while level < room:
        level += 1
        wider = [max(low, min(high, level)) for low, high in zip(least, whole, strict=True)]
        if sum(wider) > room:
            break
        widths = wider
    return widths


def _widest(text: str) -> int:
    """Columns that the text takes on a terminal, line by line."""
    from rich.cells import cell_len  # noqa: PLC0415 - slow to import

    return max(map(cell_len, text.split("\n")))


def _longest(text: str, word_max: int | None) -> int:
    """Length of the longest word; Chinese is broken anywhere, and what nobody reads whole, too."""
    longest = max((len(word) for word in _WORD.findall(text)), default=0)
    return longest if word_max is None else min(longest, word_max)


def _record(columns: Sequence[str], row: Sequence[str]) -> str:
    width = max(map(len, columns))
    cells = zip(columns, row, strict=True)
    return "\n".join(f"{column.ljust(width)}  {cell}" for column, cell in cells if cell)


def counted(count: int, noun: str) -> str:
    """A number of things in words: ``1 item``, ``2 items``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


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
