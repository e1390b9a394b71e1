"""How a weighing looks while it runs: a bar an offer, bounds so far, money, time left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from steelyard.cli.output import printable
from steelyard.console.figures import amount, exact


class Board:
    """Bars on a terminal; elsewhere a line whenever an offer is done."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=14),  # all of it has to fit on 80 columns
            TextColumn("{task.fields[count]}", markup=False),
            TextColumn("{task.fields[bounds]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
        )
        self._bars: dict[int, TaskID] = {}
        self._ended: set[int] = set()
        self._money: TaskID | None = None
        if self._console.is_terminal:
            self._progress.start()

    def show(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Draws how things stand."""
        shown = sorted(rows, key=lambda row: str(row["offer"]))
        for row in shown:
            if self._console.is_terminal:
                self._draw(row)
            elif row["ended_at_ns"] and row["weighing_number"] not in self._ended:
                self._ended.add(row["weighing_number"])
                end = "stopped" if row["detail"] else "done"  # why is told when all have ended
                text = f"{row['offer']}: {row['items_done']} items, {end}"
                self._console.print(printable(text), markup=False)
        if self._console.is_terminal and (text := money_line(shown)):
            if self._money is None:
                self._money = self._progress.add_task(text, count="", bounds="")
            # In thousandths: bars count in floats, and money is exact.
            share = 1000 * _paid(shown) // (_budget(shown) or 1) if _budget(shown) else 0
            self._progress.update(self._money, description=text, total=1000, completed=share)

    def close(self) -> None:
        """Takes the bars away."""
        if self._console.is_terminal:
            self._progress.stop()

    def _draw(self, row: Mapping[str, Any]) -> None:
        number = row["weighing_number"]
        if number not in self._bars:
            name = printable(str(row["offer"]))
            self._bars[number] = self._progress.add_task(name, count="", bounds="")
        is_over = bool(row["ended_at_ns"])
        self._progress.update(
            self._bars[number],
            completed=row["items_done"],
            # A weighing that knows enough leaves the rest unasked.
            total=row["items_done"] if is_over else row["items_total"],
            count=f"{row['items_done']}/{row['items_total']}",
            bounds=bounds_text(row),
        )


def bounds_text(row: Mapping[str, Any]) -> str:
    """Where an offer's quality lies, as far as is known."""
    if row.get("lower") is None:
        return str(row.get("state", ""))
    return f"{float(row['lower']):.3f} to {float(row['upper']):.3f}"


def money_line(rows: Iterable[Mapping[str, Any]], *, is_exact: bool = False) -> str:
    """What was paid, and of how much; empty when nothing was and nobody set a limit.

    Short enough to read while it runs; ``is_exact`` tells all digits, as the ledger does.
    """
    written = exact if is_exact else amount
    shown = list(rows)
    paid, budget = _paid(shown), _budget(shown)
    currency = next((str(row["currency"]) for row in shown if row.get("currency")), "")
    if budget is not None:
        return f"paid {written(paid)} of {written(budget)} {currency}"
    return f"paid {written(paid)} {currency}" if paid else ""


def _paid(rows: Iterable[Mapping[str, Any]]) -> int:
    """By the whole weighing: rows of one that runs know the sum, ended ones their own part."""
    shown = list(rows)
    own = sum(int(row.get("paid_pico") or 0) for row in shown)
    return max([own, *(int(row.get("all_paid_pico") or 0) for row in shown)])


def _budget(rows: Iterable[Mapping[str, Any]]) -> int | None:
    most = [row.get("money_max_pico") for row in rows]
    return next((int(each) for each in most if each is not None), None)
