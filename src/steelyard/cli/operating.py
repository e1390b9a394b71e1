"""``serve`` and ``version``."""
# ruff: noqa: PLC0415 - a command imports what it needs, so that --help is quick

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(serve)
    app.command()(version)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Worker processes; default: one per core.")
    ] = None,
    drain: Annotated[
        float, typer.Option(min=0, help="Seconds that calls in flight may take to end at a stop.")
    ] = 30.0,
    large: Annotated[
        bool, typer.Option("--large", help="Run the 1.5B model, too (1.1 GB to fetch).")
    ] = False,
) -> None:
    """Start steelyard and keep it running; Ctrl-C stops it in good order."""
    from steelyard.cli.terminal import Terminal
    from steelyard.supervisor import configuration, home
    from steelyard.supervisor import serve as supervisor

    folder = home.default_home(os.environ)
    home.make_private(folder)
    runtime = home.runtime_path(folder, os.environ)
    wanted = configuration.Wanted(host, port, workers, drain, large)
    settings = configuration.read_settings(folder, runtime, wanted, os.environ)
    terminal = Terminal()
    try:
        code = supervisor.serve(settings, terminal)
    finally:
        terminal.close()
    sys.exit(code)


def version() -> None:
    """Print the version."""
    from steelyard import __version__

    typer.echo(f"steelyard {__version__}")
