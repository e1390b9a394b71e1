"""``compare``: the offers of a task against one of them, on the items that both answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, print_json, print_table, say
from steelyard.console.figures import amount

PATH = "/api/comparison"
_COLUMNS = (
    "offer",
    "both graded",
    "won",
    "lost",
    "no grade",
    "points",
    "95 % bounds",
    "per accepted",
    "verdict",
)
_WHY = {
    "named": "named first",
    "cheapest": "the cheapest proven",
    "best": "the best; none is proven",
    "longest": "it answered most; none has a verdict",
}


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(compare)


def compare(
    task: Annotated[str, typer.Argument(help="Name of the task.")],
    *,
    offer: Annotated[
        list[str] | None,
        typer.Option(help="Only these; the first is the base. One alone: all against it."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare offers on the items that both answered: who is better, by how much, how surely.

    Against the cheapest proven offer, or else the best one. Bounds of all pairs hold together.
    """
    query = {"offers": ",".join(offer)} if offer else {}
    found = place.api().get(f"{PATH}/{quote(task)}", **query)
    if as_json:
        print_json(found)
        return
    _show(found)
    for name in found["outdated"]:
        say(f"left out: {name} answered another test set, prompt or grader than today's", err=True)
    for problem in found["problems"]:
        say(f"left out: {problem}", err=True)


def _show(found: Mapping[str, Any]) -> None:
    base, task = found["base"], found["task"]
    if not base:
        say(f"nothing to compare: steelyard weigh {task} comes first")
        return
    if not found["data"]:
        say(f"nothing to compare: only {base} has answers to {task}")
        return
    verdicts = {row["offer"]: row["verdict"] or {} for row in found["offers"]}
    costs = {offer: _cost(each, found["currency"]) for offer, each in verdicts.items()}
    told = f", {costs[base]} per accepted answer" if costs[base] else ""
    say(f"base: {base} ({_WHY[found['base_is']]}){told}")
    rows = sorted(found["data"], key=lambda row: (-float(row["lower"]), row["offer"]))
    print_table(
        _COLUMNS,
        ((*_cells(row), costs[row["offer"]], _status(verdicts[row["offer"]])) for row in rows),
        right=("both graded", "won", "lost", "no grade", "points", "per accepted"),
    )
    for row in rows:
        say(f"- {row['text']}")


def _cells(row: Mapping[str, Any]) -> tuple[Any, ...]:
    counts = (row["offer"], row["n"], row["wins"], row["losses"], row["n_unscored"])
    return (*counts, _points(row["difference"]), _bounds(row))


def _points(share: Any) -> str:
    return "" if share is None else f"{100 * float(share):+.1f}"


def _bounds(row: Mapping[str, Any]) -> str:
    return f"{_points(row['lower'])} to {_points(row['upper'])}" if row["n"] else ""


def _cost(verdict: Mapping[str, Any], currency: str) -> str:
    pico = verdict.get("cost_per_accepted_pico")
    return "" if pico is None else f"{amount(pico)} {currency}".strip()


def _status(verdict: Mapping[str, Any]) -> str:
    return str(verdict.get("status", "")).replace("_", " ")
