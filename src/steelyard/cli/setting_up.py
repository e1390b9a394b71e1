"""``check``, ``apply``, ``schema``: the configuration file."""
# ruff: noqa: PLC0415 - a command imports what it needs, so that --help is quick

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, print_json, printable


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(check)
    app.command()(apply)
    app.command()(schema)


def check(
    file: Annotated[
        Path | None, typer.Argument(help="Default: steelyard.yaml of the state folder.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what is wrong with a configuration file; changes nothing."""
    from steelyard.config.load import InvalidConfig
    from steelyard.control.configuration.resolve import load_config
    from steelyard.control.configuration.taskbook import remarks

    path = file or place.home() / "steelyard.yaml"
    try:
        config = load_config(path, os.environ)
    except InvalidConfig as error:
        if not as_json:
            raise
        print_json({"ok": False, "findings": [asdict(f) for f in error.findings]})
        raise typer.Exit(2) from error
    warnings = list(remarks(config))
    if as_json:
        print_json({"ok": True, "findings": [], "warnings": warnings})
        return
    for warning in warnings:
        typer.echo(f"warning: {printable(warning)}", err=True)
    typer.echo(f"{path}: good")


def apply(as_json: Json = False) -> None:
    """Have the running steelyard read its configuration file now."""
    answer = place.api().post("/api/config/apply")
    if as_json:
        print_json(answer)
        return
    for change in answer["changes"] or ["nothing changed"]:
        typer.echo(change)
    typer.echo(f"revision {answer['revision']}")


def schema() -> None:
    """Print the configuration's JSON Schema, for editors."""
    from steelyard.config.load import json_schema

    print_json(json_schema())
