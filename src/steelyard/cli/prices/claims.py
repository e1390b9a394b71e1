"""``prices claims``: what was published about prices, held against the book."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, print_json, printable
from steelyard.cli.prices.changes import ask
from steelyard.domain.errors import ConfigError, StoreUnavailable

_PATH = "/api/prices/claims"


def register(prices: typer.Typer) -> None:
    """Adds this group's commands."""
    prices.command()(claims)


def claims(
    *,
    file: Annotated[
        Path | None, typer.Option(help="Claims of your own (YAML) instead of the shipped ones.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check published claims about prices: what comes out, from which prices, and the verdict."""
    found = ask(_PATH, {}) if file is None else _own(file)
    if as_json:
        print_json(found)
        return
    for verdict in found["data"]:
        _print(verdict)
    typer.echo(f"{len(found['data'])} claims, {found['unexplained']} not as their file expects")


def _own(file: Path) -> Any:
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"claims {file}: {error}") from error
    try:
        return place.api().post(_PATH, {"text": text})
    except StoreUnavailable:
        return ask(_PATH, {"text": text})


def _print(verdict: Mapping[str, Any]) -> None:
    """A claim, its verdict, and what comes out of each reading; in lines, which are long."""
    lines = [f"{verdict['published']} {verdict['text']}", f"  verdict: {verdict['status']}"]
    for one in verdict["computed"]:
        shown = one["shown"] or f"unknown: {one['problem']}"
        mark = "" if one["fits"] is None else " (as claimed)" if one["fits"] else " (not so)"
        lines.append(f"  - {one['reading'] or one['says']}: {shown}{mark}")
        inputs = "; ".join(f"{used['what']} = {used['value']}" for used in one["inputs"])
        if inputs:
            lines.append(f"      from {inputs}")
    lines += [f"  - under the limit of {limit}" for limit in verdict["limits"]]
    lines += [f"  ! not as expected: {difference}" for difference in verdict["differences"]]
    typer.echo(printable("\n".join(lines)) + "\n")
