"""``ledger``, ``call``, ``offers``, ``prices``: what was booked, and what is on offer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, money, print_json, print_table
from steelyard.domain.errors import StoreUnavailable

COUNTS = ("calls", "attempts", "open", "input_tokens", "output_tokens")
ALIASES = {"own": "account_own"}


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(ledger)
    app.command()(call)
    app.command()(offers)
    app.command()(prices)


def ledger(
    *,
    by: Annotated[
        str, typer.Option(help="account, key, model, channel, task, day, offer …; with commas.")
    ] = "offer",
    since: Annotated[str | None, typer.Option(help="First day or instant, UTC.")] = None,
    until: Annotated[str | None, typer.Option(help="First day or instant left out, UTC.")] = None,
    lines: Annotated[bool, typer.Option("--lines", help="Single lines, newest first.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Most lines shown with --lines.")] = 50,
    account: Annotated[str | None, typer.Option(help="This account and all below it.")] = None,
    as_json: Json = False,
) -> None:
    """Show what was used and what it cost, up to this moment; works without a running server."""
    query = {"since": since, "until": until, "account": account}
    asked = {name: value for name, value in query.items() if value is not None}
    if lines:
        rows = _get("/api/ledger/lines", limit=str(limit), **asked)["data"]
        print_json(rows) if as_json else _print_lines(rows)
        return
    groups = [ALIASES.get(name.strip(), name.strip()) for name in by.split(",") if name.strip()]
    rows = _get("/api/ledger", by=",".join(groups), **asked)["data"]
    print_json(rows) if as_json else _print_sums(rows, groups)


def call(
    call_id: Annotated[str, typer.Argument(metavar="ID", help="Such as c-1f-3a2b.")],
    as_json: Json = False,
) -> None:
    """Show one call with all its attempts."""
    found = _get(f"/api/calls/{call_id}")
    if as_json:
        print_json(found)
        return
    costs = " + ".join(f"{amount} {currency}" for currency, amount in found["cost"].items())
    typer.echo(f"{found['id']}: {len(found['attempts'])} lines, cost {costs or 'none'}")
    _print_lines(found["attempts"])


def offers(as_json: Json = False) -> None:
    """List offers with their prices, state and proofs."""
    rows = _get("/api/offers")["data"]
    if as_json:
        print_json(rows)
        return
    columns = ("offer", "model", "vendor", "state", "prices", "context", "proven for")
    print_table(columns, (_offer_row(row) for row in rows), right=("context",))


def prices(
    offer: Annotated[str | None, typer.Option(help="Prices of this offer only.")] = None,
    as_json: Json = False,
) -> None:
    """List every price with its dates and source."""
    rows = _get("/api/prices", **({"offer": offer} if offer else {}))["data"]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("offer", "item", "price", "from", "to", "source"),
        (
            (
                *(r["offer"], r["item"], r["price"]),
                *(r["valid_from"][:10], (r["valid_to"] or "")[:10], r["source"]),
            )
            for r in rows
        ),
        right=("price",),
    )


def _get(path: str, **query: str) -> Any:
    """What control says, or its files when it does not run."""
    try:
        return place.api().get(path, **query)
    except StoreUnavailable:
        from steelyard.cli import offline  # noqa: PLC0415 - heavy

        return offline.get(place.home(), place.runtime(), path, query)


def _print_sums(rows: list[dict[str, Any]], groups: list[str]) -> None:
    titles = [name.replace("_", " ") for name in COUNTS]
    print_table(
        (*groups, *titles, "cost"),
        (
            (*(_named(row, name) for name in groups), *(row[c] for c in COUNTS), money(row, "cost"))
            for row in rows
        ),
        right=(*titles, "cost"),
    )


def _print_lines(rows: list[dict[str, Any]]) -> None:
    columns = ("attempt", "called (UTC)", "account", "task", "offer", "why", "outcome")
    print_table(
        (*columns, "tokens in", "out", "counted", "cost"),
        (
            (
                *(row["attempt_id"], _instant(row["called_at_ns"])),
                *(row.get("account_name") or row["account_id"], row["task"], row["offer"]),
                *(row["why"], row["outcome"], row["input_tokens"], row["output_tokens"]),
                *(row["usage_source"], money(row, "cost")),
            )
            for row in rows
        ),
        right=("tokens in", "out", "cost"),
    )


def _named(row: Mapping[str, Any], group: str) -> Any:
    if group in {"account", "account_own"}:
        return row.get("account_name") or row[group]
    return row[group]


def _instant(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _offer_row(row: Mapping[str, Any]) -> tuple[Any, ...]:
    cost = ", ".join(f"{item} {price}" for item, price in row["prices"].items()) or "none: refused"
    proven = [task for task, status in row["verdicts"].items() if status == "proven"]
    state = f"{row['state']} ({row['reason']})" if row["reason"] else row["state"]
    return (
        *(row["name"], row["model"], row["vendor"], state),
        *(cost, row["context_tokens"], ", ".join(proven)),
    )
