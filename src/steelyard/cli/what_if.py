"""``what-if``: what the ledger's calls would have cost at other prices, with other models."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, print_json, print_table, printable
from steelyard.domain.errors import ConfigError, InvalidRequest, StoreUnavailable
from steelyard.domain.money import PICO, round_half_even

PATH = "/api/what-if"
ALIASES = {"own": "account_own"}
BARS_MAX = 12
"""Groups drawn in a chart; the largest differences come first."""
_BOOK_BYTES_MAX = 11 * 2**20
"""In base64 it must fit a request."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("what-if")(what_if)


def what_if(
    *,
    as_of: Annotated[
        str | None, typer.Option(help="At the prices of this day (noon UTC) or instant.")
    ] = None,
    book: Annotated[
        Path | None, typer.Option(help="At the prices of this list (CSV of our own columns).")
    ] = None,
    swap: Annotated[
        list[str] | None,
        typer.Option(help="OLD=NEW: calls of a model go to another; may be repeated."),
    ] = None,
    no_cache_hits: Annotated[
        bool, typer.Option("--no-cache-hits", help="As if no input had been cached.")
    ] = False,
    since: Annotated[str | None, typer.Option(help="First day or instant, UTC.")] = None,
    until: Annotated[str | None, typer.Option(help="First day or instant left out, UTC.")] = None,
    by: Annotated[
        str, typer.Option(help="account, task, model, offer, key, day …; with commas.")
    ] = "model",
    account: Annotated[str | None, typer.Option(help="This account and all below it.")] = None,
    task: Annotated[str | None, typer.Option(help="Calls of this task only.")] = None,
    model: Annotated[str | None, typer.Option(help="Calls of this model only.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Most groups in the table.")] = 50,
    chart: Annotated[bool, typer.Option("--chart", help="Draw bars in the terminal.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Draw bars into this file.")] = None,
    as_json: Json = False,
) -> None:
    """Price past calls anew: cost then, cost now, difference; works without a running server."""
    conditions = {"account": account, "task": task, "model": model}
    body = {
        "as_of": as_of,
        "book": _read(book) if book else None,
        "swaps": _swaps(swap or []),
        "no_cache_hits": no_cache_hits,
        "since": since,
        "until": until,
        "by": [ALIASES.get(n.strip(), n.strip()) for n in by.split(",") if n.strip()],
        "where": {name: [value] for name, value in conditions.items() if value is not None},
    }
    found = _ask(body)
    if svg is not None:
        from steelyard.cli.charts import svg_bar_chart  # noqa: PLC0415 - only for this

        svg.write_text(svg_bar_chart(_bars(found), _title(body)), "utf-8")
    if as_json:
        print_json(found)
        return
    if chart:
        from steelyard.cli.charts import bar_chart  # noqa: PLC0415 - only for this

        typer.echo(printable(bar_chart(_bars(found))) + "\n")
    _print(found, top)


def _ask(body: Mapping[str, Any]) -> dict[str, Any]:
    """What control says, or its files when it does not run; with a progress bar meanwhile."""
    try:
        lines = place.api().stream(PATH, body)
        first = next(lines, {"done": 0, "total": 0})
    except StoreUnavailable:
        from steelyard.cli import offline  # noqa: PLC0415 - heavy

        return _follow(offline.stream(place.home(), place.runtime(), PATH, body))
    return _follow(chain((first,), lines))


def _follow(lines: Iterator[Mapping[str, Any]]) -> dict[str, Any]:
    """The result at the end of the lines.

    Raises:
        InvalidRequest: the scan was refused.
        StoreUnavailable: the lines ended without one.
    """
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.completed:,} of {task.total:,} lines"), BarColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as progress:
        bar = progress.add_task("", total=0)
        for line in lines:
            if "result" in line:
                result: dict[str, Any] = line["result"]
                return result
            if "error" in line:
                raise InvalidRequest(line["error"]["message"])
            progress.update(bar, completed=line["done"], total=line["total"])
    raise StoreUnavailable("the answer ended before its result; is steelyard stopping?")


def _swaps(texts: Sequence[str]) -> dict[str, str]:
    """What is swapped for what.

    Raises:
        ConfigError: a text is no pair.
    """
    found: dict[str, str] = {}
    for text in texts:
        old, equals, new = (part.strip() for part in text.partition("="))
        if not (old and equals and new):
            raise ConfigError(f"--swap {text}: write OLD=NEW, such as gpt-4o=qwen-long")
        if found.setdefault(old, new) != new:
            raise ConfigError(f"--swap: {old} is swapped for both {found[old]} and {new}")
    return found


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _BOOK_BYTES_MAX:
            raise ConfigError(f"{path} has more than {_BOOK_BYTES_MAX >> 20} MiB")
        return base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def _print(found: Mapping[str, Any], top: int) -> None:
    by = found["by"]
    rows = [(_names(row, by), row) for row in found["data"][:top] if by]
    rows += [(("total", *[""] * (len(by) - 1)), row) for row in found["totals"]]
    print_table(
        (*(by or [""]), "calls", "cost then", "cost now", "difference", "%"),
        ((*names, *_figures(row)) for names, row in rows),
        right=("calls", "cost then", "cost now", "difference", "%"),
    )
    if by and len(found["data"]) > top:
        typer.echo(f"{len(found['data']) - top:,} more groups differ less: --top shows them.")
    if found["unpriced"]:
        typer.echo("\nWithout a price, in none of the sums above:")
        print_table(
            ("model", "offer", "calls", "tokens in", "out", "cost then", "why"),
            (
                (
                    *(row["model"], row["offer"], f"{row['lines']:,}"),
                    *(f"{row['input_tokens']:,}", f"{row['output_tokens']:,}"),
                    *(f"{row['then']} {row['currency']}", row["reason"]),
                )
                for row in found["unpriced"]
            ),
            right=("calls", "tokens in", "out", "cost then"),
        )
        for row in found["unpriced_totals"]:
            typer.echo(f"{row['lines']:,} lines, {row['then']} {row['currency']} then")
    for note in found["notes"]:
        typer.echo(printable(f"note: {note}"))


def _names(row: Mapping[str, Any], by: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        str(row.get("account_name") or row[name])
        if name in {"account", "account_own"}
        else str(row[name])
        for name in by
    )


def _figures(row: Mapping[str, Any]) -> tuple[str, ...]:
    then, now = f"{row['then']} {row['currency_then']}", f"{row['now']} {row['currency_now']}"
    if row["difference"] is None:
        return f"{row['lines']:,}", then, now, "", ""
    difference = f"{row['difference']} {row['currency_now']}"
    return f"{row['lines']:,}", then, now, difference, _percent(row)


def _percent(row: Mapping[str, Any]) -> str:
    then, difference = int(row["then_pico"]), int(row["difference_pico"])
    if then <= 0:
        return ""
    tenths = round_half_even(difference * 1000, then)
    return f"{'+' if tenths > 0 else ''}{tenths / 10:.1f}"


def _bars(found: Mapping[str, Any]) -> list[Any]:
    """The largest groups as bars; amounts of two currencies stand in no common scale."""
    from steelyard.cli.charts import Bar  # noqa: PLC0415 - only for this

    rows = [row for row in found["data"] if row["difference"] is not None]
    currency = rows[0]["currency_now"] if rows else ""
    return [
        Bar(
            " ".join(_names(row, found["by"])) or "total",
            Fraction(int(row["then_pico"]), PICO),
            Fraction(int(row["now_pico"]), PICO),
            f"{row['then']} {currency}",
            f"{row['now']} {currency}",
        )
        for row in rows
        if row["currency_now"] == currency
    ][:BARS_MAX]


def _title(body: Mapping[str, Any]) -> str:
    parts = ["Cost then and now"]
    if body["as_of"]:
        parts.append(f"at the prices of {body['as_of']}")
    if body["book"]:
        parts.append("in another book")
    parts += [f"with {new} for {old}" for old, new in body["swaps"].items()]
    if body["no_cache_hits"]:
        parts.append("without cache hits")
    return ", ".join(parts)
