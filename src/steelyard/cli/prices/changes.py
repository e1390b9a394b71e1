"""``prices changes``, ``prices timeline``, ``prices index``: what happened to prices, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, print_json, print_table, printable
from steelyard.domain.errors import StoreUnavailable

app = typer.Typer(help="Price changes: what they mean, and whether to follow them.")
_Number = Annotated[int, typer.Argument(metavar="N", help="Number of the change.")]


def register(prices: typer.Typer) -> None:
    """Adds this group's commands."""
    prices.add_typer(app, name="changes")
    prices.command()(timeline)
    prices.command()(index)


def ask(path: str, query: Mapping[str, str | None]) -> Any:
    """What control says, or its files when it does not run."""
    asked = {name: value for name, value in query.items() if value is not None}
    try:
        return place.api().get(path, **asked)
    except StoreUnavailable:
        from steelyard.cli import offline  # noqa: PLC0415 - heavy

        return offline.get(place.home(), place.runtime(), path, asked)


@app.callback(invoke_without_command=True)
def changes(
    context: typer.Context,
    *,
    state: Annotated[
        str | None, typer.Option(help="Only open, approved or dismissed ones.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, max=1000, help="How many, the newest; else 100.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List price changes, newest first, with what they come to on your own use."""
    if context.invoked_subcommand is not None:
        return
    found = ask("/api/prices/changes", {"state": state, "limit": str(limit) if limit else None})
    if as_json:
        print_json(found["data"])
        return
    print_table(
        ("n", "from", "model", "change", "headline %", "yours %", "a month", "state", "what"),
        (_row(row) for row in found["data"]),
        right=("n", "headline %", "yours %", "a month"),
    )
    left = found.get("count", 0) - len(found["data"])
    if left > 0:
        typer.echo(f"and {left} older ones: --limit")
    for look in found.get("fetched", []):
        problems = "".join(f"\n  {problem}" for problem in look["problems"])
        typer.echo(
            printable(f"fetched {look['url']} at {look['at'][:16]}: {look['state']}{problems}")
        )


@app.command()
def show(number: _Number, as_json: Json = False) -> None:
    """Show a price change looked through: items, limits, proofs, forecast, routes."""
    row = ask(f"/api/prices/changes/{number}", {})
    print_json(row) if as_json else _print(row)


@app.command()
def approve(number: _Number, as_json: Json = False) -> None:
    """Have calls routed by the new price."""
    _decide(number, "approve", as_json)


@app.command()
def dismiss(number: _Number, as_json: Json = False) -> None:
    """Have calls routed as though the price had not changed; it is booked all the same."""
    _decide(number, "dismiss", as_json)


def timeline(
    *,
    since: Annotated[str | None, typer.Option(help="First day.")] = None,
    until: Annotated[str | None, typer.Option(help="First day left out.")] = None,
    vendor: Annotated[str | None, typer.Option(help="Events of this vendor only.")] = None,
    model: Annotated[str | None, typer.Option(help="Events about this model only.")] = None,
    as_json: Json = False,
) -> None:
    """Tell what happened to model prices, by day, with sources."""
    query = {"since": since, "until": until, "vendor": vendor, "model": model}
    rows = ask("/api/prices/timeline", query)["data"]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("day", "vendor", "what", "event", "source"),
        ((r["day"], r["vendor"], r["kind"], _event(r), r["source"]) for r in rows),
    )


def index(
    *,
    since: Annotated[str | None, typer.Option(help="Its base, 100; by default 2024-05-01.")] = None,
    until: Annotated[str | None, typer.Option(help="Its last day; by default today.")] = None,
    currency: Annotated[
        str | None, typer.Option(help="In which prices are compared; by default the home one.")
    ] = None,
    unweighted: Annotated[
        bool, typer.Option("--unweighted", help="Every model counts alike, used or not.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the market's price index, weighted by your own use where there is any."""
    query = {"since": since, "until": until, "currency": currency}
    found = ask("/api/prices/index", {**query, "weights": "none" if unweighted else None})
    if as_json:
        print_json(found)
        return
    typer.echo(f"in {found['currency']} at each day's exchange rate; {found['base']} is 100")
    print_table(
        ("day", "index", "", "weighted", "models", "free"),
        (
            (
                *(r["day"], f"{_hundredths(r['value'])}", _bar(r["value"])),
                *(_METHODS[r["method"]], r["matched"], r["free"]),
            )
            for r in found["data"]
        ),
        right=("index", "models", "free"),
    )


_METHODS = {"": "", "fisher": "by use", "jevons": "no"}
_BAR_POINTS = 4
"""Points of the index that one character of a bar stands for."""
_BAR_MAX = 60


def _hundredths(value: str) -> str:
    whole, _, rest = value.partition(".")
    return f"{whole}.{rest[:2].ljust(2, '0')}"


def _bar(value: str) -> str:
    return "█" * min(_BAR_MAX, int(value.partition(".")[0]) // _BAR_POINTS)


def _decide(number: int, what: str, as_json: bool) -> None:
    row = place.api().post(f"/api/prices/changes/{number}/{what}")
    if as_json:
        print_json(row)
    else:
        typer.echo(f"price change {number} of {row['vendor']} {row['model']} is {row['state']}")


def _row(row: Mapping[str, Any]) -> Sequence[Any]:
    ahead = row.get("forecast") or {}
    cost = f"{ahead['difference']} {ahead['currency']}" if ahead.get("accounts") else ""
    return (
        *(row["number"], str(row.get("at", row["recorded_at"]))[:10]),
        *(f"{row['vendor']} {row['model']}", row["kind"], row.get("headline_percent")),
        *(
            row.get("effective_percent"),
            cost,
            row["state"],
            row.get("summary", "not looked at yet"),
        ),
    )


def _print(row: Mapping[str, Any]) -> None:
    """A change for people, part by part."""
    seller = "" if row["channel"] == "official" else f" ({row['channel']})"
    title = f"{row['vendor']} {row['model']}{seller} in {row['currency']}, change {row['number']}"
    typer.echo(printable(f"{title}: {row['state']}"))
    typer.echo(printable(str(row.get("summary", "not looked at yet"))))
    if "items" not in row:
        return
    typer.echo(f"from {row['at'][:16].replace('T', ' ')} UTC")
    print_table(
        ("item", "when", "before", "after", "%"),
        (
            (i["item"], i["condition"] or "always", i["before"], i["after"], i["percent"])
            for i in row["items"]
        ),
        right=("before", "after", "%"),
    )
    _print_percentages(row)
    for limit in row["limits"]:
        typer.echo(printable(f"{limit['kind']}: {_limit(limit)}"))
    for proof in row["proofs"]:
        typer.echo(printable(f"{proof['offer']} for {proof['task']}: {proof['status']}"))
    for reroute in row["reroutes"]:
        line = f"{reroute['work']} would go from {reroute['before']} to {reroute['after']}"
        typer.echo(printable(line))
    ahead = row["forecast"]
    if ahead["accounts"]:
        typer.echo(f"a month of use as in the last {ahead['days']} days, in {ahead['currency']}:")
        print_table(
            ("account", "before", "after", "difference"),
            ((a["account"], a["before"], a["after"], a["difference"]) for a in ahead["accounts"]),
            right=("before", "after", "difference"),
        )


def _limit(limit: Mapping[str, Any]) -> str:
    """A limit or free use in words: what it is, of whom, and what was noted of it."""
    if "unit" in limit:
        often = "once" if limit.get("per") == "once" else f"per {limit.get('per', 'time')}"
        said = [f"{limit.get('amount')} {limit['unit']} {often}"]
    else:
        known = ("kind", "source", "holder", "note")
        said = [f"{name} {value}" for name, value in limit.items() if name not in known]
    holder = f" for each {limit['holder']}" if limit.get("holder") else ""
    note = f" ({limit['note']})" if limit.get("note") else ""
    return ", ".join(said) + holder + note


def _print_percentages(row: Mapping[str, Any]) -> None:
    named = (
        ("headline", row["headline_percent"]),
        ("80 % input, 20 % output", row["typical_percent"]),
        ("your own use", row["effective_percent"]),
    )
    typer.echo("; ".join(f"{name}: {percent} %" for name, percent in named if percent is not None))


def _event(row: Mapping[str, Any]) -> str:
    return f"{row['text']} “{row['quote']}”" if row["quote"] else str(row["text"])
