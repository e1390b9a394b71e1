"""``limits list``, ``limits set``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, print_json, print_table

app = typer.Typer(help="Budgets and request limits of accounts and keys.", no_args_is_help=True)


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the limits of all accounts and how far they are used."""
    accounts = place.api().get("/api/accounts")["data"]
    rows = [{"account": a["path"], **limit} for a in accounts for limit in a["limits"]]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("account", "limit", "used", "reserved", "kind", "managed by"),
        (
            (
                *(row["account"], row["text"], row.get("used", row.get("problem", ""))),
                *(row.get("reserved", ""), "hard" if row["is_hard"] else "soft"),
                row["managed_by"],
            )
            for row in rows
        ),
        right=("used", "reserved"),
    )


@app.command(name="set")
def set_(
    name: Annotated[str, typer.Argument(help="Path of an account; with --key, a key.")],
    *,
    money: Annotated[
        str | None, typer.Option(help="Budget per period, such as '100 CNY'; 'none' for none.")
    ] = None,
    period: Annotated[str, typer.Option(help="day, month or total.")] = "month",
    zone: Annotated[str, typer.Option(help="Time zone in which days begin.")] = "UTC",
    requests: Annotated[int | None, typer.Option(min=1, help="Calls per minute.")] = None,
    soft: Annotated[bool, typer.Option("--soft", help="Report only, refuse nothing.")] = False,
    key: Annotated[bool, typer.Option("--key", help="The limits of a key.")] = False,
    as_json: Json = False,
) -> None:
    """Set all limits of an account or key; what is not given is not limited afterwards."""
    limits: list[dict[str, Any]] = []
    if money not in {None, "none"}:
        limits.append({"money": money, "period": period, "zone": zone, "is_hard": not soft})
    if requests is not None:
        limits.append({"requests": requests, "is_hard": not soft})
    kind = "keys" if key else "accounts"
    rows = place.api().call("PUT", f"/api/{kind}/{name}/limits", {"limits": limits})["data"]
    if as_json:
        print_json(rows)
        return
    for text in [row["text"] for row in rows] or ["no limits"]:
        typer.echo(f"{name}: {text}")
