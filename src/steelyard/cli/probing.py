"""``vendors probe``, ``vendors apply``, ``vendors forget``: what an offer really does."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, money, print_json, print_table
from steelyard.cli.watched import watch

PATH = "/api/vendors/probe"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(probe)
    app.command()(apply)
    app.command()(forget)


def probe(
    channel: Annotated[str, typer.Argument(help="Name of the channel.")],
    *,
    offer: Annotated[
        str | None, typer.Option(help="Offer, or its model; else the channel's cheapest.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this check; again for more.")] = None,
    budget: Annotated[
        str | None, typer.Option(help="Most that it may cost; by default 0.01 USD.")
    ] = None,
    is_applied: Annotated[
        bool, typer.Option("--apply", help="Take over what was measured, without asking.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check live what an offer does, as booked calls for less than a cent.

    Exit code 1: it does not answer, or lacks what it claims and that was not taken over.
    """
    body = {"channel": channel, "offer": offer or "", "budget": budget, "checks": only or []}
    found = _ask(body, is_quiet=as_json)
    is_done = _take_over(found, is_applied=is_applied, is_quiet=as_json)
    if as_json:
        print_json({**found, "is_applied": is_done})
    if not found["answers"] or (found["removed"] and not is_done):
        raise typer.Exit(1)


def apply(
    number: Annotated[int, typer.Argument(help="Number of the probe.")], as_json: Json = False
) -> None:
    """Take over what a probe measured, in place of the preset's features."""
    done = place.api().post(f"/api/vendors/probes/{number}/apply")
    if as_json:
        print_json(done)
    else:
        typer.echo(f"{done['offer']}: {', '.join(done['features'])}")


def forget(
    offer: Annotated[str, typer.Argument(help="Name of the offer.")], as_json: Json = False
) -> None:
    """Forget what was measured about an offer; its preset's features hold again."""
    done = place.api().post("/api/vendors/forget", {"offer": offer})
    if as_json:
        print_json(done)
    else:
        typer.echo(f"{offer}: {'forgotten' if done['forgotten'] else 'nothing was measured'}")


def _ask(body: Mapping[str, Any], *, is_quiet: bool) -> dict[str, Any]:
    """What the probe found; shows progress on the way, and the table.

    Raises:
        ConfigError, InvalidRequest: it was asked wrongly.
        StoreUnavailable: no steelyard runs, or it stopped on the way.
    """

    def told(line: Mapping[str, Any]) -> str:
        row = line.get("check")
        return f"{row['title']}: {row['state']}" if row and not is_quiet else ""

    found = watch(PATH, body, told, ending="control stopped before the probe was done")
    if not is_quiet:
        _print(found)
    return found


def _print(found: Mapping[str, Any]) -> None:
    cost = money(found, "cost") or f"0 {found['currency']}"
    typer.echo(f"{found['offer']} on {found['channel']}: probe {found['number']}, cost {cost}")
    print_table(
        ("check", "", "what was seen"),
        ((row["title"], row["state"], row["reason"]) for row in found["checks"]),
    )
    for word in ("added", "removed"):
        if found[word]:
            typer.echo(f"{word}: {', '.join(found[word])}")


def _take_over(found: Mapping[str, Any], *, is_applied: bool, is_quiet: bool) -> bool:
    """Whether the measured features hold from now on."""
    if not found["answers"] or not (found["added"] or found["removed"]):
        return False
    if found["is_by_file"]:
        if not is_quiet:
            typer.echo("its features stand in steelyard.yaml: change them there")
        return False
    if not is_applied:
        is_asked = not is_quiet and sys.stdin.isatty() and sys.stdout.isatty()
        if not (is_asked and typer.confirm("take this over?")):
            if not is_quiet:
                typer.echo(f"take it over: steelyard vendors apply {found['number']}")
            return False
    place.api().post(f"/api/vendors/probes/{found['number']}/apply")
    if not is_quiet:
        typer.echo("taken over")
    return True
