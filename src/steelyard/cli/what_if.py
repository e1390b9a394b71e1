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
_NO_RATE = "no rate"
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
    into: Annotated[
        str | None, typer.Option("--in", help="All amounts in this currency, too.")
    ] = None,
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
        "currency": into,
    }
    found = _ask(body)
    if svg is not None:
        from steelyard.cli.charts import svg_bar_chart  # noqa: PLC0415 - only for this

        notes = [*_left_out(found), *_rates(found)]
        svg.write_text(svg_bar_chart(_bars(found), _title(body), notes=notes), "utf-8")
    if as_json:
        print_json(found)
        return
    if chart:
        from steelyard.cli.charts import bar_chart  # noqa: PLC0415 - only for this

        typer.echo("\n".join(map(printable, [bar_chart(_bars(found)), *_left_out(found)])) + "\n")
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
    by, into = found["by"], found["in"]
    rows = [(_names(row, by), row) for row in found["data"][:top] if by]
    rows += [(("total", *[""] * (len(by) - 1)), row) for row in found["totals"]]
    costs = ("cost then", "cost now", *((f"then in {into}", f"now in {into}") if into else ()))
    right = ("calls", *costs, "difference", "%")
    cells = [(*names, *_figures(row, into)) for names, row in rows]
    if into:
        cells.append(_total(found))
    print_table((*(by or [""]), *right), cells, right=right)
    for line in (*_rates(found), *_unconverted(found)):
        typer.echo(printable(line))
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
            typer.echo(f"{_lines(row['lines'])}, {row['then']} {row['currency']} then")
    for note in found["notes"]:
        typer.echo(printable(f"note: {note}"))


def _names(row: Mapping[str, Any], by: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        str(row.get("account_name") or row[name])
        if name in {"account", "account_own"}
        else str(row[name])
        for name in by
    )


def _figures(row: Mapping[str, Any], into: str | None) -> tuple[str, ...]:
    then, now = f"{row['then']} {row['currency_then']}", f"{row['now']} {row['currency_now']}"
    if into:
        return f"{row['lines']:,}", then, now, *_figures_in(row, into)
    if row["difference"] is None:
        return f"{row['lines']:,}", then, now, "", ""
    difference = f"{row['difference']} {row['currency_now']}"
    share = _percent(int(row["then_pico"]), int(row["difference_pico"]))
    return f"{row['lines']:,}", then, now, difference, share


def _figures_in(row: Mapping[str, Any], into: str) -> tuple[str, ...]:
    """Then, now and the difference in the one currency, and its share."""
    if row["difference_in"] is None:
        return _NO_RATE, _NO_RATE, "", ""
    share = _percent(int(row["then_in_pico"]), int(row["difference_in_pico"]))
    return row["then_in"], row["now_in"], f"{row['difference_in']} {into}", share


def _total(found: Mapping[str, Any]) -> tuple[str, ...]:
    """The last line of a table in one currency: the sum of all that has a rate."""
    total = found["total_in"]
    name = f"total in {found['in']}" + (", of what has a rate" if found["unconverted"] else "")
    more = [""] * (len(found["by"]) - 1)
    return name, *more, f"{total['lines']:,}", "", "", *_figures_in(total, found["in"])


def _rates(found: Mapping[str, Any]) -> list[str]:
    """The exchange rates that were used, each with its day and id."""
    return [
        f"at the exchange rate of {found['rates_day']}: one {rate['base']} is {rate['value']}"
        f" {rate['quote']} ({rate['id']}, of {rate['day']}, {rate['source']})"
        for rate in (found["rates_used"] if found["in"] else ())
    ]


def _unconverted(found: Mapping[str, Any]) -> list[str]:
    """What stands in no amount of the one currency, and what to do about it."""
    return [
        f"no exchange rate into {found['in']} on {found['rates_day']} for"
        f" {' and '.join(row['missing'])}: {_lines(row['lines'])}, {row['then']}"
        f" {row['currency_then']} then, {row['now']} {row['currency_now']} now; bring one:"
        " steelyard exchange import FILE"
        for row in (found["unconverted"] if found["in"] else ())
    ]


def _lines(count: int) -> str:
    return f"{count:,} line{'' if count == 1 else 's'}"


def _percent(then_pico: int, difference_pico: int) -> str:
    if then_pico <= 0:
        return ""
    tenths = round_half_even(difference_pico * 1000, then_pico)
    return f"{'+' if tenths > 0 else ''}{tenths / 10:.1f}"


def _bars(found: Mapping[str, Any]) -> list[Any]:
    """The largest groups as bars; amounts of two currencies stand in no common scale."""
    from steelyard.cli.charts import Bar  # noqa: PLC0415 - only for this

    end, rows = _drawable(found)
    currency = found["in"] or (rows[0]["currency_now"] if rows else "")
    return [
        Bar(
            " ".join(_names(row, found["by"])) or "total",
            Fraction(int(row[f"then{end}_pico"]), PICO),
            Fraction(int(row[f"now{end}_pico"]), PICO),
            f"{row[f'then{end}']} {currency}",
            f"{row[f'now{end}']} {currency}",
        )
        for row in rows[:BARS_MAX]
    ]


def _drawable(found: Mapping[str, Any]) -> tuple[str, list[Mapping[str, Any]]]:
    """Groups with amounts in one currency, and what the names of those amounts end in."""
    if found["in"]:
        return "_in", [row for row in found["data"] if row["difference_in"] is not None]
    rows = [row for row in found["data"] if row["difference"] is not None]
    return "", [row for row in rows if row["currency_now"] == rows[0]["currency_now"]]


def _left_out(found: Mapping[str, Any]) -> list[str]:
    """What a chart does not show, as lines below it."""
    end, rows = _drawable(found)
    others = len(found["data"]) - len(rows)
    why = "without an exchange rate" if end else "in other currencies (--in shows them in one)"
    lines = [f"not drawn: {_groups(others)} {why}"] if others else []
    if len(rows) > BARS_MAX:
        lines.append(f"not drawn: {_groups(len(rows) - BARS_MAX)} that differ less")
    lost = found["unpriced_totals"]
    if lost:
        lines.append(f"not drawn: {_lines(sum(row['lines'] for row in lost))} without a price")
    return lines


def _groups(count: int) -> str:
    return f"{count:,} group{'' if count == 1 else 's'}"


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
