"""``weigh``: a task's offers on its test set; ``tasks``: what can be weighed."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, money, print_json, print_table

_LOOK_S = 0.5


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(weigh)
    app.command()(verdicts)


def weigh(
    task: Annotated[str, typer.Argument(help="Name of the task.")],
    *,
    offer: Annotated[
        list[str] | None, typer.Option(help="Weigh this offer; again for more. Default: all.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Items at most; 0 for all.")] = 0,
    as_json: Json = False,
) -> None:
    """Run offers over a task's test set; says how good they are and which are proven."""
    body = {"task": task, "offers": offer or [], "limit": limit}
    begun = place.api().post("/api/weighings", body)
    rows = _wait(set(begun["weighings"]), is_quiet=as_json)
    found = [row for row in _verdicts() if row["task"] == begun["task"]]
    if as_json:
        print_json({"task": begun["task"], "weighings": rows, "verdicts": found})
    else:
        _print(found)
    stopped = [f"{row['offer']}: {row['detail']}" for row in rows if row["detail"]]
    for line in stopped:
        typer.echo(line, err=True)
    if stopped and not found:
        raise typer.Exit(1)


def verdicts(as_json: Json = False) -> None:
    """List what weighing says of offers: quality with bounds, floor, verdict."""
    rows = _verdicts()
    print_json(rows) if as_json else _print(rows)


def _verdicts() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = place.api().get("/api/verdicts")["data"]
    return [row for row in rows if row["is_current"]]


def _wait(numbers: Collection[int], *, is_quiet: bool) -> list[dict[str, Any]]:
    """Follows weighings to their end; returns their rows."""
    from steelyard.cli.terminal import Terminal  # noqa: PLC0415 - slow to import

    terminal = Terminal()
    try:
        while True:
            answer = place.api().get("/api/weighings")["data"]
            rows = [row for row in answer if row["weighing_number"] in numbers]
            if not is_quiet:
                _show(terminal, rows)
            if rows and all(row["ended_at_ns"] for row in rows):
                return rows
            time.sleep(_LOOK_S)
    finally:
        terminal.close()


def _show(terminal: Any, rows: list[dict[str, Any]]) -> None:
    terminal.now(" · ".join(_progress(row) for row in sorted(rows, key=lambda row: row["offer"])))


def _progress(row: Mapping[str, Any]) -> str:
    text = f"{row['offer']} {row['items_done']} of {row['items_total']}"
    if row["lower"] is not None:
        text += f", {_share(row['lower'])} to {_share(row['upper'])}"
    return text


def _print(rows: list[dict[str, Any]]) -> None:
    print_table(
        ("task", "offer", "verdict", "quality", "95 % bounds", "floor", "items", "cost", "s"),
        (
            (
                *(row["task"], row["offer"], row["status"].replace("_", " ")),
                *(_share(row["quality"]), f"{_share(row['lower'])} to {_share(row['upper'])}"),
                *(_share(row["floor"]), row["n"], money(row, "cost"), round(row["time_s"])),
            )
            for row in sorted(rows, key=_order)
        ),
        right=("quality", "floor", "items", "cost", "s"),
    )


def _order(row: Mapping[str, Any]) -> tuple[str, float]:
    return row["task"], -float(row["lower"])


def _share(value: Any) -> str:
    return "" if value is None else f"{float(value):.3f}"
