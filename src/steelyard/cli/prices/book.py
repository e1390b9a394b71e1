"""``prices list``, ``lists``, ``check``, ``import``, ``update``, ``sign``, ``keygen``."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, print_json, print_table, printable
from steelyard.domain.errors import ConfigError, StoreUnavailable

Vendor = Annotated[str | None, typer.Option(help="Only this vendor's.")]
Model = Annotated[str | None, typer.Option(help="Only this model's.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the difference, change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Large changes are so: more than 20 times.")]
_SHOWN = 50


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command(name="list")(list_)
    app.command()(lists)
    app.command()(check)
    app.command(name="import")(import_)
    app.command()(update)
    app.command()(sign)
    app.command()(keygen)


def list_(
    *,
    offer: Annotated[str | None, typer.Option(help="Prices of this offer only.")] = None,
    vendor: Vendor = None,
    model: Model = None,
    source: Annotated[str | None, typer.Option(help="Only by this source.")] = None,
    as_json: Json = False,
) -> None:
    """List the prices of offers; with a vendor, model or source, the lines of the book."""
    asked = {"vendor": vendor, "model": model, "origin": source}
    if any(asked.values()):
        rows = _get("/api/prices/book", asked)["data"]
        print_json(rows) if as_json else _print_lines(rows)
        return
    rows = _get("/api/prices", {"offer": offer})["data"]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("offer", "item", "when", "price", "from (UTC)", "to (UTC)", "source"),
        ((r["offer"], *_price_cells(r), r["source"]) for r in rows),
        right=("price",),
    )


def lists(as_json: Json = False) -> None:
    """List the price lists that were taken over, newest first."""
    rows = _get("/api/prices/lists", {})["data"]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("list", "taken over (UTC)", "by", "source", "name", "lines added", "facts", ""),
        (
            (
                *(r["list_number"], r["at"][:16].replace("T", " "), r["actor"], r["origin"]),
                *(r["name"], r["lines"], r["facts"], r["detail"]),
            )
            for r in rows
        ),
        right=("lines added", "facts"),
    )


def check(
    *,
    stale_days: Annotated[
        int | None, typer.Option(min=1, help="Age of evidence, in days, that is called stale.")
    ] = None,
    vendor: Vendor = None,
    model: Model = None,
    kind: Annotated[str | None, typer.Option(help="All findings of this kind only.")] = None,
    as_json: Json = False,
) -> None:
    """Check the book: overlaps, gaps, ties, missing prices, old evidence, differing sources."""
    days = str(stale_days) if stale_days is not None else None
    asked = {"stale_days": days, "vendor": vendor, "model": model}
    rows = _get("/api/prices/check", asked)["data"]
    rows = [row for row in rows if kind in (None, row["kind"])]
    if as_json:
        print_json(rows)
    else:
        if kind is None:
            _print_kinds(rows)
        _print_findings(rows, len(rows) if kind else max(_SHOWN, sum(r["is_error"] for r in rows)))
    raise typer.Exit(any(row["is_error"] for row in rows))


def import_(
    file: Annotated[Path, typer.Argument(help="The list; - reads standard input.")],
    *,
    source: Annotated[
        str, typer.Option(help="own, genai-prices, litellm, sheet or facts.")
    ] = "own",
    mapping: Annotated[
        Path | None, typer.Option(help="Layout of a foreign sheet (YAML); for --source sheet.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    correction: Annotated[
        bool,
        typer.Option(
            "--correction", help="What was recorded before was wrong: book the difference."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Take over a price list; shows what it adds, changes and ends."""
    asked = {"source": source, "name": file.name, "mapping": _layout(mapping)}
    flags = {"dry_run": dry_run, "yes": yes, "correction": correction}
    asked |= {name: "1" for name, is_set in flags.items() if is_set}
    _tell(_post("/api/prices/import", _read(file), asked), as_json)


def update(
    file: Annotated[str, typer.Argument(metavar="FILE|URL", help="A dated update of the book.")],
    *,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Take it over though nobody signed it.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Apply a dated update of the book, signed by somebody in price_book.keys."""
    is_url = "://" in file
    data = b"" if is_url else _read(Path(file))
    flags = {"unsigned": unsigned, "dry_run": dry_run, "yes": yes}
    asked = {name: "1" for name, is_set in flags.items() if is_set}
    asked |= {"url": file} if is_url else {"name": Path(file).name}
    _tell(_post("/api/prices/update", data, asked), as_json)


def sign(
    file: Annotated[Path, typer.Argument(help="A list of our own columns (CSV).")],
    *,
    key: Annotated[Path, typer.Option(help="File with the private key, of prices keygen.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the key; by default that of its file.")
    ] = None,
    day: Annotated[
        str | None, typer.Option("--date", help="Day of the update; today by default.")
    ] = None,
) -> None:
    """Make a signed update of a price list; printed on standard output."""
    from steelyard.control.price_watch.updates import write_update  # noqa: PLC0415 - heavy

    of_day = _day(day) if day else datetime.now(UTC).date()
    private = _read(key).decode("ascii", "replace")
    made = write_update(_read(file), of_day, name or key.stem, private)
    sys.stdout.buffer.write(made)


def keygen(
    file: Annotated[Path, typer.Argument(help="Where the private key goes; must not exist.")],
) -> None:
    """Make a key to sign updates with; prints the public key for price_book.keys."""
    from steelyard.control.price_watch.updates import make_keys  # noqa: PLC0415 - heavy

    private, public = make_keys()
    try:
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(private + "\n", "ascii")
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {error.strerror}") from error
    typer.echo(public)


def _get(path: str, query: Mapping[str, str | None]) -> Any:
    """What control says, or its files when it does not run."""
    asked = {name: value for name, value in query.items() if value is not None}
    try:
        return place.api().get(path, **asked)
    except StoreUnavailable:
        from steelyard.cli import offline  # noqa: PLC0415 - heavy

        return offline.get(place.home(), place.runtime(), path, asked)


def _post(path: str, data: bytes, query: Mapping[str, str | None]) -> Any:
    asked = {name: value for name, value in query.items() if value is not None}
    try:
        return place.api().upload(path, data, **asked)
    except StoreUnavailable:
        from steelyard.cli import offline  # noqa: PLC0415 - heavy

        return offline.post(place.home(), place.runtime(), path, data, asked)


def _print_kinds(rows: Sequence[Mapping[str, Any]]) -> None:
    """How many findings there are of each kind, of old prices by vendor; errors first."""
    kinds = Counter(
        (not row["is_error"], row["kind"], row["vendor"] if row["kind"] == "stale" else "")
        for row in rows
    )
    if not kinds:
        return
    print_table(
        ("", "kind", "vendor", "findings"),
        (
            ("" if is_note else "error", kind, vendor, count)
            for (is_note, kind, vendor), count in sorted(
                kinds.items(), key=lambda one: (*one[0][:2], -one[1], one[0][2])
            )
        ),
        right=("findings",),
    )
    typer.echo()


def _print_findings(rows: Sequence[Mapping[str, Any]], count: int) -> None:
    """Findings, errors first, at most so many."""
    print_table(
        ("", "kind", "finding"),
        (("error" if r["is_error"] else "", r["kind"], r["message"]) for r in rows[:count]),
    )
    if len(rows) > count:
        typer.echo(f"and {len(rows) - count} more; all of one kind: --kind {rows[-1]['kind']}")


def _tell(row: Mapping[str, Any], as_json: bool) -> None:
    """Prints what became of a list; ends the command where it was refused."""
    if as_json:
        print_json(row)
    else:
        _print_steps(row)
        for finding in row["findings"][:_SHOWN]:
            where = f"line {finding['line']}: " if finding["line"] else ""
            kind = "error" if finding["is_error"] else "note"
            typer.echo(printable(f"{kind}: {where}{finding['message']}"), err=True)
        if row["findings_count"] > _SHOWN:
            typer.echo(f"and {row['findings_count'] - _SHOWN} more", err=True)
        typer.echo(_summary(row))
    if row["state"] == "refused":
        raise typer.Exit(1)


def _summary(row: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in row["counts"].items())
    counts += f", {row['unchanged']} as before"
    if row["state"] == "same":
        return "nothing new: this very list was taken over already"
    if row["state"] == "refused":
        return f"nothing was taken over ({counts})"
    if row["state"] == "ready":
        return f"would be taken over: {counts}"
    after = "; the differences of corrected prices are booked today" * row["has_corrections"]
    return f"taken over as list {row['list_number']}: {counts}{after}"


def _print_steps(row: Mapping[str, Any]) -> None:
    steps = row["steps"]
    if not steps:
        return
    print_table(
        ("", "vendor", "model", "item", "when", "before", "now", "change", "from"),
        (_step_row(step) for step in steps[:_SHOWN]),
        right=("before", "now", "change"),
    )
    if sum(row["counts"].values()) > _SHOWN:
        typer.echo(f"and {sum(row['counts'].values()) - _SHOWN} more; all of them: --json")


def _step_row(step: Mapping[str, Any]) -> tuple[Any, ...]:
    before = _amount(step["before"], step["currency"], step["before_unit"])
    now = _amount(step["amount"], step["currency"], step["unit"])
    change = f"{float(Fraction(step['change'])) * 100:+.1f} %" if step["change"] else ""
    return (
        *(step["kind"], step["vendor"], step["model"], step["item"], step["condition_text"]),
        *(before, "" if step["kind"] == "retracted" else now, change, step["from_day"]),
    )


def _amount(text: str | None, currency: str, unit: str | None) -> str:
    """An exact amount for people: at most eight significant digits."""
    return "" if text is None else f"{float(Fraction(text)):.8g} {currency}/{unit}"


def _print_lines(rows: Iterable[Mapping[str, Any]]) -> None:
    print_table(
        ("vendor", "model", "item", "when", "price", "from", "to", "by", "evidence"),
        (
            (
                *(r["vendor"], r["model"] + ("" if r["channel"] == "official" else " (reseller)")),
                *(r["item"], r["condition_text"], r["price"], r["from_day"], r["to_day"]),
                *(r["origin"] + ("" if r["is_chosen"] else " (not chosen)"), r["source"]),
            )
            for r in rows
        ),
        right=("price",),
    )


def _price_cells(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        *(row["item"], row["condition_text"], row["price"]),
        *(_instant(row["valid_from"]), _instant(row["valid_to"] or "")),
    )


def _instant(text: str) -> str:
    """An instant (UTC), by its day where that has just begun."""
    return text[:10] if text[11:16] == "00:00" else f"{text[:10]} {text[11:16]}"


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error


def _layout(file: Path | None) -> str | None:
    """A mapping in YAML as JSON."""
    if file is None:
        return None
    import yaml  # noqa: PLC0415 - slow to import

    try:
        return json.dumps(yaml.safe_load(_read(file)), ensure_ascii=False, default=str)
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is no YAML: {error}") from error


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"no day: {text}; write 2026-11-21") from error
