"""``weigh``: a task's offers on its test set."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, counted, print_json, say
from steelyard.cli.verdicts import show
from steelyard.console.figures import amount

_LOOK_S = 0.5
_GOES_ON = (
    "the weighing goes on, within its money; steelyard verdicts tells what it finds,"
    " steelyard weighings stop {} ends it"
)


class Goal(StrEnum):
    """What is to be known."""

    ALL = "all"
    CHEAPEST = "cheapest"


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(weigh)


def weigh(  # noqa: PLR0913 -- one option each
    task: Annotated[str, typer.Argument(help="Name of the task.")],
    *,
    offer: Annotated[
        list[str] | None, typer.Option(help="Weigh this offer; again for more. Default: all.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Items at most; 0 for all.")] = 0,
    money: Annotated[
        str | None,
        typer.Option(help="Most that it may cost, such as '5 CNY'; default: weighing.money."),
    ] = None,
    goal: Annotated[
        Goal, typer.Option(help="Of every offer whether it is good enough, or only the cheapest.")
    ] = Goal.ALL,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Calls at a time.")] = 4,
    is_fresh: Annotated[
        bool, typer.Option("--fresh", help="Ask anew, also what was answered before.")
    ] = False,
    is_unsafe_code: Annotated[
        bool, typer.Option("--unsafe-code", help="Run code of models without a sandbox.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run offers over a task's test set; says how good they are and which are proven."""
    body = {
        "task": task,
        "offers": offer or [],
        "limit": limit,
        "money_max": money,
        "goal": goal.value,
        "concurrency": concurrency,
        "fresh": is_fresh,
        "is_unsafe_code": is_unsafe_code,
    }
    begun = place.api().post("/api/weighings", body)
    rows = _wait(set(begun["weighings"]), is_quiet=as_json)
    weighed = {row["offer"] for row in rows}
    found = [row for row in _verdicts(begun["task"]) if row["offer"] in weighed]
    if as_json:
        print_json({"task": begun["task"], "weighings": rows, "verdicts": found})
    else:
        if found:
            show(found, is_of_one_task=True)
        for line in lines(rows, found):
            say(line)
    stopped = _stopped(rows)
    for line in stopped:
        say(line, err=True)
    if not found:
        if not stopped:
            say(f"No item has a grade; steelyard cases {begun['task']} shows why", err=True)
        raise typer.Exit(1)


def _stopped(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why offers were not weighed to the end; a reason that all have is told once."""
    reasons = {row["detail"] for row in rows}
    if len(rows) > 1 and len(reasons) == 1:
        return [f"all {len(rows)} offers: {reason}" for reason in reasons if reason]
    told = ((row["offer"], row["detail"]) for row in rows if row["detail"])
    return [f"{offer}: {detail}" for offer, detail in sorted(told)]


def lines(rows: Sequence[Mapping[str, Any]], verdicts: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a weighing says in sentences: the cheapest proven offer, the money, the judge.

    Args:
        rows: of the weighings, ended.
        verdicts: in force on the task.
    """
    from steelyard.cli.weighing_board import money_line  # noqa: PLC0415 - slow to import

    said = [_cheapest(rows, verdicts) if verdicts else "", money_line(rows, is_exact=True)]
    n_stored = sum(int(row.get("n_stored") or 0) for row in rows)
    if n_stored:
        were = f"{counted(n_stored, 'answer')} {'was' if n_stored == 1 else 'were'}"
        said.append(f"{were} there already and cost nothing; --fresh asks anew")
    n_faults = max((int(row.get("n_faults") or 0) for row in rows), default=0)
    if n_faults:
        said.append(f"{counted(n_faults, 'item')} of the set cannot be used")
    said += [_items(row, verdicts) for row in rows if row["ended_at_ns"]]
    said += [_judge(row) for row in rows if row.get("judge") and row["judge"]["pairs"]]
    return [line for line in said if line]


def _items(row: Mapping[str, Any], verdicts: Iterable[Mapping[str, Any]]) -> str:
    """Where a verdict rests on other items than were done, which cases show all."""
    done = int(row["items_done"])
    for verdict in verdicts:
        read = verdict["n"] + verdict.get("n_unscored", 0)
        if verdict["offer"] != row["offer"] or read == done:
            continue
        if read < done:
            return (
                f"{row['offer']}: the verdict rests on {read} of {done} items; the others were"
                " asked ahead of it, or for the cost"
            )
        return f"{row['offer']}: the verdict of an earlier weighing stays; it rests on {read} items"
    return ""


def _cheapest(rows: Iterable[Mapping[str, Any]], verdicts: Iterable[Mapping[str, Any]]) -> str:
    weighed = {row["offer"]: row for row in rows}
    proven = {
        row["offer"]: {**row, **(row.get("cost_now") or {})}  # money is compared as of today
        for row in verdicts
        if row["status"] == "proven" and row["offer"] in weighed
    }
    if not proven:
        return "None of the offers weighed is proven."
    named = [offer for offer in proven if weighed[offer].get("is_cheapest")]
    if named:
        return f"{named[0]} is the cheapest that is proven{_cost(proven[named[0]])}."
    of_one_currency = len({row["currency"] for row in proven.values()}) == 1
    priced = [o for o, row in proven.items() if row["cost_per_accepted_pico"] is not None]
    if not priced or not of_one_currency:
        return f"Proven: {', '.join(sorted(proven))}. Which is the cheapest is not known."
    least = min(priced, key=lambda name: int(proven[name]["cost_per_accepted_pico"]))
    return (
        f"Of those proven {least} has cost least so far{_cost(proven[least])}; that another is"
        " cheaper is not ruled out."
    )


def _cost(row: Mapping[str, Any]) -> str:
    pico = row["cost_per_accepted_pico"]
    if pico is None:
        return ""
    text = f": {amount(pico)} {row['currency']} per accepted answer"
    if row["cost_lower_pico"] is not None and row["cost_upper_pico"] is not None:
        bounds = (amount(row[name]) for name in ("cost_lower_pico", "cost_upper_pico"))
        text += f" ({' to '.join(bounds)})"
    return text


def _judge(row: Mapping[str, Any]) -> str:
    judge = row["judge"]
    if judge["unscored"] == judge["pairs"]:
        return f"{row['offer']}: nothing that the judge said was of use: {judge['pairs']} unscored"
    turned, first = judge["disagreement"], judge["first_favoured"]
    bias = "is biased to a place" if judge["is_biased"] else "shows no bias to a place"
    return (
        f"{row['offer']}: the judge {bias}; of {turned['total']} pairs asked in both orders"
        f" {turned['count']} opinions turned ({turned['lower']:.0%} to {turned['upper']:.0%}),"
        f" {first['count']} of {first['total']} to the answer shown first;"
        f" {judge['unscored']} of {judge['pairs']} unscored{_constancy(judge)}"
    )


def _constancy(judge: Mapping[str, Any]) -> str:
    """What to think of a judge that nothing shows to read the answers; empty of one that does."""
    kept = judge["kept"]
    if judge["is_reading"]:
        return ""
    return (
        f". Nothing shows that it reads the answers: on {kept['count']} of {kept['total']} pairs it"
        " named the same one better in both orders, and who goes by the place, or tosses a coin,"
        " does so on half of them. Its ties draw the quality to 0.5, whatever the offer is worth"
    )


def _verdicts(task: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = place.api().get("/api/verdicts")["data"]
    return [row for row in rows if row["is_current"] and row["task"] == task]


def _wait(numbers: Collection[int], *, is_quiet: bool) -> list[dict[str, Any]]:
    """Follows weighings to their end; returns their rows."""
    from steelyard.cli.weighing_board import Board  # noqa: PLC0415 - slow to import

    board = None if is_quiet else Board()
    try:
        while True:
            answer = place.api().get("/api/weighings")["data"]
            rows = [row for row in answer if row["weighing_number"] in numbers]
            if board is not None:
                board.show(rows)
            if rows and all(row["ended_at_ns"] for row in rows):
                return rows
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        if board is not None:
            board.close()  # what is said stands below the bars, not among them
        say(_GOES_ON.format(min(numbers)), err=True)
        raise
    finally:
        if board is not None:
            board.close()
