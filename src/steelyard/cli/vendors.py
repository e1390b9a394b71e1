"""``vendors``: what is known of whom one may buy from, and what their offers really do."""
# ruff: noqa: PLC0415 - a command imports what it needs, so that --help is quick

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from steelyard.cli import place, probing
from steelyard.cli.output import Json, print_json, print_table
from steelyard.domain.errors import StoreUnavailable
from steelyard.domain.offers import takes_chats

app = typer.Typer()
probing.register(app)


@app.callback(invoke_without_command=True)
def vendors(
    context: typer.Context,
    *,
    name: Annotated[str | None, typer.Option(help="All that is known of one vendor.")] = None,
    as_json: Json = False,
) -> None:
    """List the vendors known: dialects, regions, credentials, features; needs no server."""
    if context.invoked_subcommand is not None:
        return
    rows = _rows(name)
    if as_json:
        print_json(rows)
    elif name is not None:
        _print_one(rows[0])
    else:
        print_table(
            ("vendor", "does", "speaks", "regions", "needs", "features", "models"),
            (_cells(row) for row in rows),
            right=("models",),
        )
        typer.echo("\nall that is known of one: steelyard vendors --name NAME")


def _rows(name: str | None) -> list[dict[str, Any]]:
    query = {} if name is None else {"name": name}
    try:
        rows: list[dict[str, Any]] = place.api().get("/api/vendors", **query)["data"]
    except StoreUnavailable:
        rows = _rows_of_files(name)
    return rows


def _rows_of_files(name: str | None) -> list[dict[str, Any]]:
    """The same without control, from the files."""
    from steelyard.control.configuration.presets import vendor_rows
    from steelyard.control.configuration.resolve import load_config

    file = place.home() / "steelyard.yaml"
    return vendor_rows(load_config(file, os.environ) if file.exists() else None, name)


def _cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        row["name"] + (" (legacy)" if row["is_legacy"] else ""),
        " ".join(row["works"]),
        " ".join(row["dialects"]),
        " ".join(site["name"] for site in row["regions"] if site["name"]),
        _needs(row),
        " ".join(name for name in row["features"] if name not in row["works"]),
        len(row["models"]) or "",
    )


def _needs(row: Mapping[str, Any]) -> str:
    """What a channel must give, or why there can be none."""
    if row["needs"]:
        return "not yet: a " + " and a ".join(row["needs"])
    return ", ".join((*filter(None, (row["credential"],)), *row["parameters"]))


def _print_one(row: Mapping[str, Any]) -> None:
    typer.echo(f"{row['title']} ({row['title_zh']}), {row['kind']}")
    facts = (
        *(("does", " ".join(row["works"])), ("speaks", " ".join(row["dialects"]))),
        ("needs", _needs(row)),
        ("credential in", row["credential_header"]),
        *(("features", " ".join(row["features"])), ("manners", " ".join(row["manners"]))),
        *(("limits by", " ".join(row["limits"])), ("error rules", row["errors"] or "")),
        *(("channels", " ".join(row["channels"])), ("notes", row["notes"])),
        *(("documentation", row["documentation"]), ("source", row["source"])),
    )
    print_table(("", ""), [fact for fact in facts if fact[1]])
    print_table(
        ("region", "address", "residency", "also speaks"),
        [
            (site["name"], site["base_url"], site["residency"], " ".join(site["dialects"]))
            for site in row["regions"]
        ],
    )
    if row["models"]:
        print_table(
            ("model", "context", "longest output", "features"),
            [
                (name, m.get("context"), m.get("output_max"), " ".join(m.get("features") or ()))
                for name, m in row["models"].items()
            ],
            right=("context", "longest output"),
        )
    if not row["needs"]:
        typer.echo(_example(row))


def _example(row: Mapping[str, Any]) -> str:
    """What to write into ``steelyard.yaml`` to buy there; words in capitals are to be replaced."""
    name = row["name"]
    said = [f"vendor: {name}"]
    if row["parameters"]:
        said.append(f"parameters: {{{', '.join(f'{word}: VALUE' for word in row['parameters'])}}}")
    if row["credential"]:
        said.append(f'credential: "${{{name.upper().replace("-", "_")}_KEY}}"')
    else:
        said.append(f'base_url: "{row["regions"][0]["base_url"]}"')
    model = next(iter(row["models"]), "MODEL")
    facts = row["models"].get(model, {})
    is_known = facts.get("context") or not takes_chats(facts.get("features") or row["features"])
    lengths = "" if is_known else ", context: TOKENS"
    return (
        f"\nin steelyard.yaml, for example:\n\nchannels:\n  {name}: {{{', '.join(said)}}}\n"
        f"offers:\n  - {{model: {model}, channel: {name}{lengths}}}"
    )
