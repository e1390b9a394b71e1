"""``verdicts``: what weighing says of offers; ``readiness``: which tasks may be left to one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, print_json, print_table, say
from steelyard.console.figures import amount
from steelyard.domain.errors import StoreUnavailable

VERDICTS, READINESS = "/api/verdicts", "/api/readiness"


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(verdicts)
    app.command()(readiness)


def verdicts(
    *,
    task: Annotated[str | None, typer.Option(help="Only verdicts on this task.")] = None,
    offer: Annotated[str | None, typer.Option(help="Only verdicts on this offer.")] = None,
    is_all: Annotated[bool, typer.Option("--all", help="Past verdicts, too.")] = False,
    as_json: Json = False,
) -> None:
    """List what weighing says of offers, and what that is worth today; needs no running server."""
    query = {"task": task, "offer": offer, "all": "1" if is_all else None}
    rows = _get(VERDICTS, {name: value for name, value in query.items() if value is not None})
    print_json(rows["data"]) if as_json else show(rows["data"], is_all=is_all)


def readiness(
    task: Annotated[str | None, typer.Argument(help="Only this task, with its offers.")] = None,
    *,
    is_reopened: Annotated[
        bool, typer.Option("--reopened", help="Only tasks that something opened again.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List which tasks may be left to a model, how far the others are, and what would help."""
    if task is not None:
        row = _get(f"{READINESS}/{quote(task)}", {})
        print_json(row) if as_json else _show_task(row)
        return
    rows = _get(READINESS, {"reopened": "1"} if is_reopened else {})["data"]
    if as_json:
        print_json(rows)
    elif is_reopened:
        _show_reopened(rows)
    else:
        _show_tasks(rows)


def show(
    rows: Iterable[Mapping[str, Any]], *, is_all: bool = False, is_of_one_task: bool = False
) -> None:
    """Prints verdicts, the best of each task first; with past ones in the order of time."""
    ordered = sorted(rows, key=_by_time if is_all else _by_quality)
    first = 1 if is_of_one_task else 0
    columns = (
        *("task", "offer", "verdict", "quality", "95 % bounds", "floor", "items"),
        *("per accepted", "cost bounds", "at today's price", "median s", "age", "answered by"),
        *("supply", "why"),
    )
    print_table(
        columns[first:],
        (_cells(row)[first:] for row in ordered),
        right=("quality", "floor", "items", "per accepted", "at today's price", "median s", "age"),
        empty="no verdicts; steelyard weigh TASK makes some, steelyard tasks list names the tasks",
    )


def _cells(row: Mapping[str, Any]) -> tuple[Any, ...]:
    currency = row["currency"]
    bounds = [_amount(row[name], "") or "…" for name in ("cost_lower_pico", "cost_upper_pico")]
    has_bounds = row["cost_lower_pico"] is not None
    seconds = row["time_median_s"]
    verdict = row["status"].replace("_", " ")
    return (
        *(row["task"], row["offer"], verdict if row["is_current"] else f"{verdict} (past)"),
        *(share(row["quality"]), f"{share(row['lower'])} to {share(row['upper'])}"),
        *(share(row["floor"]), row["n"], _amount(row["cost_per_accepted_pico"], currency)),
        f"{' to '.join(bounds)} {currency}".strip() if has_bounds else "",
        _now(row),
        "" if seconds is None else f"{seconds:.2f}",
        *(_age(row["decided_at"]), row["model_answered"], _supply(row["supply"]), _why(row)),
    )


def _now(row: Mapping[str, Any]) -> str:
    """What an accepted answer costs at today's prices, if that is not what it cost."""
    now = row.get("cost_now")
    if now is None:
        return ""
    names = ("cost_per_accepted_pico", "currency")
    if all(now[name] == row[name] for name in names):
        return ""
    told = _amount(*(now[name] for name in names))
    return told if now["is_exact"] else f"about {told}"


def _show_tasks(rows: Iterable[Mapping[str, Any]]) -> None:
    print_table(
        ("task", "state", "best offer", "95 % bounds", "floor", "cheapest", "per accepted", "next"),
        (
            (
                *(row["task"], _state(row), *_best(row), share(row["floor"]), row["cheapest"]),
                _amount(row["cost_per_accepted_pico"], row["currency"]),
                row["changes"][0]["text"] if row["changes"] else "",
            )
            for row in rows
        ),
        right=("floor", "per accepted"),
    )


def _show_task(row: Mapping[str, Any]) -> None:
    offer, bounds = _best(row)
    say(f"{row['task']}: {_state(row)}")
    if row["cheapest"]:
        cost = _amount(row["cost_per_accepted_pico"], row["currency"]) or "an unknown cost"
        ends = f"; proof ends {row['until'][:10]}" if row["until"] else ""
        say(f"cheapest proven: {row['cheapest']}, {cost} per accepted answer{ends}")
    if offer:
        missing = float(row["best"]["missing_lower"])
        lacks = f", its lower bound lacks {missing:.3f}" if missing else ""
        say(f"best: {offer}, {bounds} against {share(row['floor'])}{lacks}")
    for change in row["changes"]:
        say(f"- {change['text']}")
    rest = row["changes_count"] - len(row["changes"])
    if rest:
        say(f"- and {rest} more")
    for reason in row["reopened"]:
        say(f"reopened: {_reopening(reason)}")
    print_table(
        ("offer", "standing", "quality", "95 % bounds", "per accepted", "why"),
        (
            (
                *(one["offer"], one["status"].replace("_", " "), share(one["quality"])),
                f"{share(one['lower'])} to {share(one['upper'])}" if one["lower"] else "",
                *(_expected(one, row["currency"]), one["reason"]),
            )
            for one in row["offers"]
        ),
        right=("quality", "per accepted"),
    )


def _expected(one: Mapping[str, Any], currency: str) -> str:
    """What an accepted answer of an offer costs; taken from other offers' tokens it is about so."""
    cost = _amount(one["cost_per_accepted_pico"], currency)
    return f"about {cost}" if cost and one["status"] == "not_weighed" else cost


def _show_reopened(rows: Iterable[Mapping[str, Any]]) -> None:
    print_table(
        ("task", "state", "offer", "now", "because"),
        (
            (row["task"], _state(row), reason["offer"], reason["role"], reason["reason"])
            for row in rows
            for reason in row["reopened"]
        ),
        empty="nothing has opened a task again",
    )


def _reopening(reason: Mapping[str, Any]) -> str:
    return f"{reason['offer']} ({reason['role']}), since {reason['reason']}"


def _state(row: Mapping[str, Any]) -> str:
    return str(row["state"]).replace("_", " ")


def _best(row: Mapping[str, Any]) -> tuple[str, str]:
    best = row["best"]
    if best is None:
        return "", ""
    return best["offer"], f"{share(best['lower'])} to {share(best['upper'])}"


def _why(row: Mapping[str, Any]) -> str:
    """Why it is stale or no proof, and what a test of the model's identity found."""
    genuine = row["authenticity"]
    parts = [row["reason"]]
    if genuine is not None:
        parts.append(f"authenticity: {genuine['state'].replace('_', ' ')} on {genuine['at'][:10]}")
    return "; ".join(part for part in parts if part)


def _supply(supply: Mapping[str, Any] | None) -> str:
    if supply is None:
        return ""
    units = (("requests_per_minute", "requests/min"), ("tokens_per_s", "tokens/s"))
    figures = [f"{supply[name]:g} {unit}" for name, unit in units if supply[name] is not None]
    return ", ".join([supply["state"], *figures])


def _amount(pico: str | None, currency: str) -> str:
    return "" if pico is None else f"{amount(pico)} {currency}".strip()


def _age(instant: str) -> str:
    """How long ago, in days, below one in hours."""
    passed = datetime.now(UTC) - datetime.fromisoformat(instant)
    return f"{passed.days} d" if passed.days > 0 else f"{max(0, passed.seconds // 3600)} h"


def _by_quality(row: Mapping[str, Any]) -> tuple[str, float, str]:
    return row["task"], -float(row["lower"]), row["offer"]


def _by_time(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["task"], row["offer"], row["decided_at"]


def share(value: Any) -> str:
    """A share between 0 and 1 to three decimals; empty for none."""
    return "" if value is None else f"{float(value):.3f}"


def _get(path: str, query: dict[str, str]) -> Any:
    try:
        return place.api().get(path, **query)
    except StoreUnavailable:
        from steelyard.cli import offline  # noqa: PLC0415 - heavy

        return offline.get(place.home(), place.runtime(), path, query)
