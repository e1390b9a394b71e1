"""``audit``: every bill computed again."""

from __future__ import annotations

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, print_json, print_table
from steelyard.domain.errors import StoreUnavailable


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(audit)


def audit(as_json: Json = False) -> None:
    """Price every booked line again from the rates it names; exit code 1 if one differs."""
    path = "/api/ledger/recompute"
    try:
        found = place.api().get(path)
    except StoreUnavailable:
        from steelyard.cli import offline  # noqa: PLC0415 - heavy

        found = offline.get(place.home(), place.runtime(), path, {})
    findings = found["findings"]
    if as_json:
        print_json(found)
    else:
        typer.echo(
            f"{found['lines']} lines: {found['equal']} follow from their rates to the last digit,"
            f" {found['nothing_used']} used nothing, {found['unpriced']} are booked at an upper"
            f" bound and say so, {found['adjustments']} correct another line,"
            f" {len(findings)} differ."
        )
        if findings:
            rows = ((finding["attempt_id"], finding["what"]) for finding in findings)
            print_table(("attempt", "what is wrong"), rows)
    if findings:
        raise typer.Exit(1)
