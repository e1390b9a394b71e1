"""``exchange list``, ``exchange import``: what currencies were worth, and rates of one's own."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, print_json, print_table
from steelyard.domain.errors import ConfigError, StoreUnavailable

app = typer.Typer(help="Exchange rates: dated, sourced, one's own first.", no_args_is_help=True)


@app.command(name="list")
def list_(
    *,
    pair: Annotated[
        str | None, typer.Option(help="Such as USD/CNY; without one, the rates that were used.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="First day; by default a month.")] = None,
    as_json: Json = False,
) -> None:
    """List exchange rates by day with their source; works without a running server."""
    query = {"pair": pair, "since": since}
    asked = {name: value for name, value in query.items() if value is not None}
    try:
        rows = place.api().get("/api/exchange", **asked)["data"]
    except StoreUnavailable:
        from steelyard.cli import offline  # noqa: PLC0415 - heavy

        rows = offline.get(place.home(), place.runtime(), "/api/exchange", asked)["data"]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("day", "one", "is worth", "", "source", "id", "recorded"),
        (
            (
                *(row["day"], row["base"], row["about"], row["quote"]),
                *(row["source"], row["id"], row["is_recorded"]),
            )
            for row in rows
        ),
        right=("is worth",),
    )


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV of date, base, quote, value.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is wrong.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Rates far from the bank's are meant so.")
    ] = False,
    correct: Annotated[
        bool, typer.Option("--correct", help="Days with another rate of one's own get this one.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take over exchange rates of one's own; with one mistake in the file, nothing of it."""
    try:
        content = base64.b64encode(file.read_bytes()).decode()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}") from error
    body = {"content": content, "name": file.name, "dry_run": dry_run}
    body |= {"is_far_right": yes, "is_correction": correct}
    told = place.api().post("/api/exchange/import", body)
    if as_json:
        print_json(told)
    else:
        _print_told(told, file, dry_run)
    if not told["ok"]:
        raise typer.Exit(1)


def _print_told(told: dict[str, Any], file: Path, dry_run: bool) -> None:
    for finding in told["findings"]:
        where = f"{file}:{finding['line']}: " if finding["line"] else f"{file}: "
        weight = "" if finding["is_error"] else "note: "
        typer.echo(f"{where}{weight}{finding['message']}", err=finding["is_error"])
    if not told["ok"]:
        typer.echo("nothing was taken over", err=True)
    elif dry_run:
        typer.echo(f"{told['rates']} rates, nothing wrong; nothing was taken over (--dry-run)")
    else:
        known = told["rates"] - told["added"]
        typer.echo(f"{told['added']} rates taken over" + (f", {known} known" if known else ""))
