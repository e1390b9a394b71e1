"""``prices claims``: what was published about prices, held against the book."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, print_json, print_table, printable
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
    print_table(("claim", "computed", "inputs", "verdict"), _rows(found["data"]))
    for row in found["data"]:
        for difference in row["differences"]:
            typer.echo(printable(f"not as expected: {difference}"))
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


def _rows(verdicts: list[Mapping[str, Any]]) -> Iterator[tuple[str, str, str, str]]:
    """One row per reading; the claim and its verdict stand at the first one."""
    for verdict in verdicts:
        title = f"{verdict['published']} {verdict['text']}"
        status = verdict["status"]
        for one in verdict["computed"]:
            shown = one["shown"] or f"unknown: {one['problem']}"
            mark = "" if one["fits"] is None else " (as claimed)" if one["fits"] else " (not so)"
            reading = f"{one['reading']}: " if one["reading"] else f"{one['says']}: "
            inputs = "; ".join(f"{used['what']} = {used['value']}" for used in one["inputs"])
            yield title, f"{reading}{shown}{mark}", inputs, status
            title = status = ""
        for limit in verdict["limits"]:
            yield "", "", f"under the limit of {limit}", ""
