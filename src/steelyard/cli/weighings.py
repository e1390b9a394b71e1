"""``weighings``: the last ones with how far they are, and an end before their time."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, print_json, print_table, say
from steelyard.console.figures import amount

app = typer.Typer(help="The last weighings, and an end before their time.")
PATH = "/api/weighings"
_LOOK_S = 0.2
_ENDS = "it ends as soon as the calls under way are answered; --now cuts them off"


@app.callback(invoke_without_command=True)
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the last weighings, newest first: how far they are, bounds so far, what was paid."""
    if context.invoked_subcommand is not None:
        return
    rows = _rows()
    if as_json:
        print_json(rows)
        return
    print_table(
        ("number", "task", "offer", "state", "items", "quality so far", "paid", "begun (UTC)"),
        (
            (
                *(row["weighing_number"], row["task"], row["offer"], _state(row)),
                *(_items(row), _bounds(row), _paid(row), str(row["started_at"])[:16]),
            )
            for row in rows
        ),
        right=("number", "items", "paid"),
        empty="nothing was weighed yet: steelyard weigh TASK",
    )


@app.command()
def stop(
    what: Annotated[
        str, typer.Argument(metavar="NUMBER|TASK", help="A weighing's number, or a task's name.")
    ],
    *,
    is_now: Annotated[
        bool, typer.Option("--now", help="Cut off calls under way instead of waiting for them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """End weighings that run or wait; what was answered is kept, what is known by then is said.

    Offers that are weighed together end together. ``steelyard weigh TASK`` goes on later.
    """
    named = {"weighing": int(what)} if what.isdecimal() else {"task": what}
    stopped = place.api().post(f"{PATH}/stop", {**named, "now": is_now})["stopped"]
    rows = _wait({number for each in stopped for number in each["weighings"]})
    if as_json:
        print_json(rows)
        return
    for row in rows:
        reason = row["detail"] or row["state"]
        paid = f", paid {_paid(row)}" if _paid(row) else ""
        say(f"{row['weighing_number']} {row['offer']}: {reason}; {_items(row)} items{paid}")
    for told in dict.fromkeys(_told(each) for each in stopped):
        say(told)


def _told(stopped: Mapping[str, Any]) -> str:
    task = stopped["task"]
    if stopped["is_background"]:
        return (
            f"it ran in the background, which leaves {task} alone until steelyard starts again;"
            " weigh_when_idle: false keeps it from all tasks"
        )
    return f"steelyard weigh {task} goes on; what was answered is not asked again"


def _wait(numbers: Collection[int]) -> list[dict[str, Any]]:
    """Follows weighings that were stopped to their end; returns their rows, oldest first."""
    try:
        while True:
            rows = [row for row in _rows() if row["weighing_number"] in numbers]
            if all(row["ended_at_ns"] for row in rows):
                return rows[::-1]
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        say(_ENDS, err=True)
        raise


def _rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = place.api().get(PATH)["data"]
    return rows


def _state(row: Mapping[str, Any]) -> str:
    state, detail = str(row["state"]), str(row["detail"])
    if detail.startswith(state):
        return detail
    return f"{state}: {detail}" if detail else state


def _items(row: Mapping[str, Any]) -> str:
    return f"{row['items_done']} of {row['items_total']}"


def _bounds(row: Mapping[str, Any]) -> str:
    if row.get("lower") is None:
        return ""
    return f"{float(row['lower']):.3f} to {float(row['upper']):.3f}"


def _paid(row: Mapping[str, Any]) -> str:
    pico = int(row.get("paid_pico") or 0)
    return f"{amount(pico)} {row['currency']}" if pico else ""
