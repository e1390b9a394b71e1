"""``drift``: whether proven offers are still what they were weighed as."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, print_json, print_table, say
from steelyard.domain.money import format_pico

app = typer.Typer(help="Whether proven offers are still what they were weighed as.")
PATH = "/api/drift"
_LOOK_S = 0.5


@app.callback(invoke_without_command=True)
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List what is watched: change of the mean grade with bounds, looks, cost, the next look.

    Exit code 1: an alarm stands.
    """
    if context.invoked_subcommand is not None:
        return
    found = place.api().get(PATH)
    if as_json:
        print_json(found["data"])
    else:
        _print(found["data"])
    _end(found["data"])


@app.command()
def look(
    task: Annotated[str | None, typer.Argument(help="Only on this task.")] = None,
    *,
    offer: Annotated[str | None, typer.Option(help="Only at this offer.")] = None,
    as_json: Json = False,
) -> None:
    """Look now: ask the next items of the standing sample, and say what came of it."""
    begun = place.api().post(f"{PATH}/look", {"task": task or "", "offer": offer or ""})["looks"]
    names = {(each["task"], each["offer"]) for each in begun}
    rows = _wait(names, is_quiet=as_json)
    print_json(rows) if as_json else _print(rows)
    for row in rows:
        if row["problem"]:
            say(f"{row['offer']} on {row['task']}: {row['problem']}", err=True)
    _end(rows)


@app.command()
def acknowledge(
    task: Annotated[str, typer.Argument(help="Name of the task.")],
    offer: Annotated[str, typer.Argument(help="Name of the offer.")],
    as_json: Json = False,
) -> None:
    """Accept what an alarm told: what the offer is now becomes the reference."""
    row = place.api().post(f"{PATH}/acknowledge", {"task": task, "offer": offer})
    if as_json:
        print_json(row)
    else:
        say(f"{offer} on {task}: accepted; watched from here on")


def _wait(names: set[tuple[str, str]], *, is_quiet: bool) -> list[dict[str, Any]]:
    """Follows looks to their end; returns their rows."""
    from steelyard.cli.terminal import Terminal  # noqa: PLC0415 - slow to import

    terminal = Terminal()
    try:
        while True:
            found = place.api().get(PATH)
            rows = [row for row in found["data"] if (row["task"], row["offer"]) in names]
            if not any(row["is_asked"] for row in rows):
                return rows
            if not is_quiet:
                now = [f"{row['offer']} on {row['task']}" for row in rows if row["is_looking"]]
                terminal.now(" · ".join(now))
            time.sleep(_LOOK_S)
    finally:
        terminal.close()


def _print(rows: list[dict[str, Any]]) -> None:
    print_table(
        (
            "task",
            "offer",
            "state",
            "change, points",
            "95 % bounds",
            "compared",
            "times as long",
            "looks",
        )
        + ("items", "paid", "next look (UTC)"),
        (
            (
                *(row["task"], row["offer"], _state(row)),
                *(_points(row["change"]), _bounds(row), row["n"], row["length"] or ""),
                *(row["looks"], row["items"], _paid(row)),
                row["next_at"][:16] if row["next_at"] else row["why_not"],
            )
            for row in rows
        ),
        right=("change, points", "compared", "times as long", "looks", "items", "paid"),
        empty="nothing is watched: no offer is proven (steelyard verdicts)",
    )


def _state(row: Mapping[str, Any]) -> str:
    if row["causes"]:
        return f"{row['state']}: {', '.join(row['causes'])}"
    return f"{row['state']}, better" if row.get("is_better") else str(row["state"])


def _points(share: Any) -> str:
    return "" if share is None else f"{100 * float(share):+.1f}"


def _bounds(row: Mapping[str, Any]) -> str:
    if not row["n"]:
        return ""
    return f"{_points(row['lower'])} to {_points(row['upper'])}"


def _paid(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{format_pico(int(pico))} {cur}" for cur, pico in row["paid"].items())


def _end(rows: list[dict[str, Any]]) -> None:
    if any(row["state"] == "drifted" for row in rows):
        raise typer.Exit(1)
