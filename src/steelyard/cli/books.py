"""``ledger``, ``call``, ``offers``: what was booked, and what is on offer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from steelyard.cli import conversion, place
from steelyard.cli.output import Json, money, print_json, print_table
from steelyard.domain.errors import StoreUnavailable
from steelyard.domain.money import format_small, to_pico
from steelyard.domain.rates import COUNTED

COUNTS = ("calls", "attempts", "open", "input_tokens", "output_tokens")
PARTS = ("cache_read", "cache_write", "reasoning")
ALIASES = {"own": "account_own"}


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(ledger)
    app.command()(call)
    app.command()(offers)


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
    into: Annotated[
        str | None,
        typer.Option("--in", help="Also in this currency, at the rates of booking days."),
    ] = None,
    rate_age: Annotated[
        int | None, typer.Option(min=0, help="Most days that a rate may be old; else 31.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what was used and what it cost, up to this moment; works without a running server."""
    query = {"since": since, "until": until, "account": account, "in": into}
    query["rate_age"] = None if rate_age is None else str(rate_age)
    asked = {name: value for name, value in query.items() if value is not None}
    groups = [ALIASES.get(name.strip(), name.strip()) for name in by.split(",") if name.strip()]
    if lines:
        answer = _get("/api/ledger/lines", limit=str(limit), **asked)
    else:
        answer = _get("/api/ledger", by=",".join(groups), **asked)
    if as_json:
        # Which rates were used belongs to converted amounts, so all of the answer goes out.
        print_json(answer if into else answer["data"])
        return
    if lines:
        _print_lines(answer["data"], into)
    else:
        _print_sums(answer["data"], groups, into)
    if into:
        conversion.print_about(answer)


def call(
    call_id: Annotated[str, typer.Argument(metavar="ID", help="Such as c-1f-3a2b.")],
    as_json: Json = False,
) -> None:
    """Show one call with all its attempts, and the rates that they were priced with."""
    found = _get(f"/api/calls/{call_id}")
    if as_json:
        print_json(found)
        return
    costs = " + ".join(
        format_small(to_pico(amount), currency) for currency, amount in found["cost"].items()
    )
    count = len(found["attempts"])
    typer.echo(f"{found['id']}: {count} line{'s' * (count > 1)}, cost {costs or 'none'}")
    _print_lines(found["attempts"])
    notes = [(row["attempt_id"], row["detail"]) for row in found["attempts"] if row.get("detail")]
    if notes:
        typer.echo()
        print_table(("attempt", "note"), notes)
    _print_rates(found["attempts"])


def offers(as_json: Json = False) -> None:
    """List offers with their prices, state and proofs."""
    rows = _get("/api/offers")["data"]
    if as_json:
        print_json(rows)
        return
    columns = ("offer", "model", "vendor", "state", "prices", "context", "proven for")
    print_table((*columns, "answered by"), (_offer_row(row) for row in rows), right=("context",))


def _get(path: str, **query: str) -> Any:
    """What control says, or its files when it does not run."""
    try:
        return place.api().get(path, **query)
    except StoreUnavailable:
        from steelyard.cli import offline  # noqa: PLC0415 - heavy

        return offline.get(place.home(), place.runtime(), path, query)


def _print_sums(rows: list[dict[str, Any]], groups: list[str], into: str | None) -> None:
    titles = [name.replace("_", " ") for name in COUNTS]
    more = conversion.titles(into)
    print_table(
        (*groups, *titles, "cost", *more),
        (
            (
                *(_named(row, name) for name in groups),
                *(row[c] for c in COUNTS),
                money(row, "cost", is_small_said=True),
                *conversion.cells(row, into),
            )
            for row in rows
        ),
        right=(*titles, "cost", *more),
    )


def _print_lines(rows: list[dict[str, Any]], into: str | None = None) -> None:
    columns = ("attempt", "called (UTC)", "account", "task", "offer", "why", "outcome")
    more = conversion.titles(into)
    besides = [_besides(row) for row in rows]
    also = ("of these, and besides",) if any(besides) else ()
    print_table(
        (*columns, "tokens in", "out", *also, "counted", "cost", *more),
        (
            (
                *(row["attempt_id"], _instant(row["called_at_ns"])),
                *(row.get("account_name") or row["account_id"], row["task"], row["offer"]),
                "correction" if row.get("kind") == "adjustment" else row["why"],
                *(row["outcome"], row["input_tokens"], row["output_tokens"]),
                *([counts] if also else ()),
                *(row["usage_source"], money(row, "cost"), *conversion.cells(row, into)),
            )
            for row, counts in zip(rows, besides, strict=True)
        ),
        right=("tokens in", "out", "cost", *more),
    )


def _besides(row: Mapping[str, Any]) -> str:
    """Parts of the tokens that have prices of their own, and what is no token: ``video 8 s``."""
    parts = [(item, row.get(f"{item}_tokens")) for item in PARTS]
    extras = zip(row.get("extra_items") or (), row.get("extra_counts") or (), strict=False)
    return ", ".join(
        f"{item} {count:,}{' s' * (COUNTED.get(item) == 'second')}"
        for item, count in (*parts, *extras)
        if count
    )


def _print_rates(attempts: list[dict[str, Any]]) -> None:
    """The rates of each attempt, and which attempts have none that are known."""
    rates = [(row["attempt_id"], rate) for row in attempts for rate in row.get("rates", ())]
    if rates:
        typer.echo("\npriced with:")
        print_table(
            ("attempt", "item", "price", "condition", "valid from", "source", "evidence", "rate"),
            (
                (
                    *(attempt, rate["item"], rate["price"], rate["condition"], rate["from_day"]),
                    *(_source(rate), rate["evidence"], rate["id"]),
                )
                for attempt, rate in rates
            ),
            right=("price",),
        )
    for row in attempts:
        unknown = row.get("rates_unknown")
        if unknown:
            typer.echo(f"{row['attempt_id']}: rates not found: {', '.join(unknown)}")
        elif not row.get("rates"):
            typer.echo(f"{row['attempt_id']}: no rates, nothing was priced")


def _source(rate: Mapping[str, Any]) -> str:
    """Whose word the price is, and how sure its first day."""
    return f"{rate['source']} ({rate['basis']})" if rate["basis"] else str(rate["source"])


def _named(row: Mapping[str, Any], group: str) -> Any:
    if group in {"account", "account_own"}:
        return row.get("account_name") or row[group]
    return row[group]


def _instant(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _offer_row(row: Mapping[str, Any]) -> tuple[Any, ...]:
    cost = ", ".join(f"{item} {price}" for item, price in row["prices"].items())
    if not cost or row.get("unpriced"):
        cost = f"{cost or 'none'}, refused: {row.get('unpriced', '')}".rstrip(": ")
    proven = [task for task, status in row["verdicts"].items() if status == "proven"]
    state = f"{row['state']} ({row['reason']})" if row["reason"] else row["state"]
    if row.get("quarantine"):
        state = f"{state}, quarantined"
    return (
        *(row["name"], row["model"], row["vendor"], state),
        *(cost, row["context_tokens"], ", ".join(proven), _answered(row)),
    )


def _answered(row: Mapping[str, Any]) -> str:
    """The name that answered last, and what is odd about it."""
    names, flags = row.get("answered") or [], row.get("flags") or []
    told = names[0]["name"] if names else ""
    return f"{told} ({', '.join(flags).replace('_', ' ')}!)" if flags else told
