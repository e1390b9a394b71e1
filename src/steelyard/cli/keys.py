"""``key create``, ``key list``, ``key revoke``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, print_json, print_table

app = typer.Typer(help="Virtual API keys.", no_args_is_help=True)


@app.command()
def create(
    account: Annotated[str, typer.Argument(help="Path of the account, such as acme/support.")],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "key",
    task: Annotated[str, typer.Option(help="Task assumed for model 'auto'.")] = "",
    expires: Annotated[
        datetime | None, typer.Option(help="When it ends to hold, local time.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key. It is shown once: only its hash is kept."""
    body = {"account": account, "name": name, "task": task}
    if expires is not None:
        body["expires_at"] = expires.astimezone().isoformat()
    made = place.api().post("/api/keys", body)
    if as_json:
        print_json(made)
    else:
        typer.echo(made["secret"])
        typer.echo(f"{made['id']}, account {made['account']}; shown only now", err=True)


@app.command(name="list")
def list_(
    account: Annotated[str | None, typer.Option(help="Keys of this account only.")] = None,
    as_json: Json = False,
) -> None:
    """List keys."""
    query = {"account": account} if account else {}
    rows = place.api().get("/api/keys", **query)["data"]
    if as_json:
        print_json(rows)
        return
    columns = ("id", "begins", "name", "account", "task", "created", "state")
    print_table(
        columns,
        (
            (
                r["id"],
                r["hint"],
                r["name"],
                r["account"],
                r["task"],
                _day(r["created_at"]),
                _state(r),
            )
            for r in rows
        ),
    )


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Id, name, or how the key begins.")],
    as_json: Json = False,
) -> None:
    """Revoke a key, everywhere within a second."""
    answer = place.api().call("DELETE", f"/api/keys/{key}")
    if as_json:
        print_json(answer)
    else:
        typer.echo(f"revoked {', '.join(answer['revoked'])}")


def _day(instant: str | None) -> str:
    return (instant or "")[:10]


def _state(row: dict[str, str | None]) -> str:
    if row.get("revoked_at"):
        return f"revoked {_day(row['revoked_at'])}"
    if row.get("expires_at"):
        return f"until {str(row['expires_at'])[:16]}"
    return "holds"
