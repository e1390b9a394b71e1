"""``prices history``, ``compare``, ``buys``: what models cost, work costs, money buys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from steelyard.cli.charts import Series, step_chart, svg_step_chart
from steelyard.cli.output import Json, print_json, print_table, printable
from steelyard.cli.prices.changes import ask
from steelyard.domain.errors import ConfigError
from steelyard.pricebook.wording import money_text

At = Annotated[str | None, typer.Option(help="Day or instant; now without one.")]
Vendor = Annotated[str | None, typer.Option(help="Only offers of this vendor.")]
_SERIES_MAX = 8
"""Lines that a terminal's chart has different marks for."""
_DRAWN_FIRST = ("input", "output")
_TEXT_BYTES_MAX = 64 * 2**20


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(history)
    app.command()(compare)
    app.command()(buys)


def history(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="As the price book calls it.")],
    *,
    vendor: Vendor = None,
    currency: Annotated[str | None, typer.Option(help="Only prices in it.")] = None,
    item: Annotated[str | None, typer.Option(help="Such as input,output.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Draw the steps into this file.")] = None,
    as_json: Json = False,
) -> None:
    """Draw every price that a model had, with its evidence."""
    asked = {"model": model, "vendor": vendor, "currency": currency, "item": item}
    rows = ask("/api/prices/history", asked)["data"]
    now = datetime.now(UTC)
    if svg is not None:
        _write_svg(svg, rows, model, now)
    if as_json:
        print_json(rows)
        return
    sources: dict[str, int] = {}
    for name, group in _by_listing(rows).items():
        typer.echo(name)
        drawn = step_chart(_series(group)[:_SERIES_MAX], now)
        typer.echo(f"{drawn}\n" if drawn else "")
        _print_steps(group, sources)
    for evidence, number in sources.items():
        typer.echo(f"[{number}] {evidence}")


def compare(
    *,
    input_: Annotated[str | None, typer.Option("--input", help="Tokens, such as 1M.")] = None,
    output: Annotated[str | None, typer.Option(help="Tokens, such as 200k.")] = None,
    cached: Annotated[str | None, typer.Option(help="Share of the input, such as 50%.")] = None,
    thinking: Annotated[str | None, typer.Option(help="Share of the output.")] = None,
    text: Annotated[Path | None, typer.Option(help="Count the input in this file.")] = None,
    chars: Annotated[str | None, typer.Option(help="Characters of input, such as 75万.")] = None,
    output_chars: Annotated[str | None, typer.Option(help="Characters of output.")] = None,
    language: Annotated[
        str | None, typer.Option(help="Of the text: zh, en or code; by its signs without one.")
    ] = None,
    calls: Annotated[
        str | None, typer.Option(help="Into how many calls it is split; of 4,000 tokens if unsaid.")
    ] = None,
    call_seconds: Annotated[
        str | None, typer.Option(help="How long a call takes, for limits of calls at once.")
    ] = None,
    tier: Annotated[str | None, typer.Option(help="Service tier, such as batch.")] = None,
    model: Annotated[str | None, typer.Option(help="Only offers of this model.")] = None,
    vendor: Vendor = None,
    at: At = None,
    home: Annotated[str | None, typer.Option("--in", help="Currency to rank in.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Most offers shown of each kind.")] = 20,
    as_json: Json = False,
) -> None:
    """Rank all offers of the market for a piece of work, with their limits."""
    sizes, language = _sizes(text, chars, output_chars, language)
    asked = {
        **{"input": input_, "output": output, "cached": cached, "thinking": thinking},
        **{"calls": calls, "call_seconds": call_seconds, "tier": tier, "model": model},
        **{"vendor": vendor, "at": at, "home": home, "language": language, "top": str(top)},
    }
    found = ask("/api/prices/compare", {**asked, **sizes})
    if as_json:
        print_json(found)
        return
    _print_comparison(found, has_text=bool(sizes))


def buys(
    money: Annotated[str, typer.Argument(metavar="MONEY", help="Such as 1CNY.")],
    *,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    vendor: Vendor = None,
    item: Annotated[str | None, typer.Option(help="Such as input,output.")] = None,
    tier: Annotated[str | None, typer.Option(help="Service tier, such as batch.")] = None,
    language: Annotated[str, typer.Option(help="Of the characters: zh, en or code.")] = "zh",
    at: At = None,
    top: Annotated[int, typer.Option(min=1, help="Most lines shown of each item.")] = 20,
    as_json: Json = False,
) -> None:
    """Show what an amount of money buys: of what, when, and at which exchange rate."""
    asked = {
        **{"money": money, "model": model, "vendor": vendor, "item": item, "tier": tier},
        **{"language": language, "at": at, "top": str(top)},
    }
    found = ask("/api/prices/buys", asked)
    if as_json:
        print_json(found)
        return
    typer.echo(f"{found['money']} {found['currency']} on {found['at'][:10]} buys:")
    _print_bought(found["data"], found["language"])
    _print_exchange(row["exchange_rate"] for row in found["data"])
    if found["unconvertible"]:
        names = ", ".join(sorted({row["currency"] for row in found["unconvertible"]}))
        typer.echo(f"no exchange rate for {names}")


def _sizes(
    text: Path | None, chars: str | None, output_chars: str | None, language: str | None
) -> tuple[dict[str, str], str | None]:
    """Characters by language, as the API asks for them, and the language that is meant.

    A text's words never leave this process.

    Raises:
        ConfigError: the file cannot be read as text.
    """
    found: dict[str, int] = {}
    if text is not None:
        if chars is not None:
            raise ConfigError("say --text or --chars, not both")
        found = _split(text, language or "")
        language = language or max(found, key=lambda name: found[name], default=None)
    sizes = {f"chars_{name}": str(count) for name, count in found.items()}
    if chars:
        sizes[f"chars_{language or 'zh'}"] = chars
    if output_chars:
        sizes[f"output_chars_{language or 'zh'}"] = output_chars
    return sizes, language


def _split(text: Path, language: str) -> dict[str, int]:
    from steelyard.pricebook.tokens import split_text  # noqa: PLC0415 - keeps --help quick

    try:
        if text.stat().st_size > _TEXT_BYTES_MAX:
            raise ConfigError(f"{text} has more than {_TEXT_BYTES_MAX >> 20} MiB")
        return split_text(text.read_text("utf-8"), language)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{text} cannot be read as text: {error}") from error


def _by_listing(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        name = f"{_offer(row)} in {row['currency']} (by {row['source']})"
        found.setdefault(name, []).append(row)
    return found


def _series(rows: Iterable[Mapping[str, Any]]) -> list[Series]:
    """Steps of prices per million tokens, by item and condition; input and output come first.

    Their instants are in the vendor's zone, whose days the table has, too.
    """
    found: dict[str, list[tuple[datetime, Fraction | None]]] = {}
    for row in sorted(
        rows, key=lambda row: (row["item"] not in _DRAWN_FIRST, bool(row["deciding"]))
    ):
        if row["unit"] != "mtok":
            continue  # prices of images or hours have no place on the same axis
        # What only tells, such as a version, does not make another line.
        name = f"{row['item']} ({row['deciding']})" if row["deciding"] else row["item"]
        points = found.setdefault(name, [])
        zone = ZoneInfo(row["zone"])
        begin = datetime.fromisoformat(row["from"])
        if row["from_day"] != "unknown":
            begin = begin.astimezone(zone)
        if points and points[-1] == (begin, None):
            points.pop()
        points.append((begin, Fraction(row["price"])))
        if row["to"]:
            points.append((datetime.fromisoformat(row["to"]).astimezone(zone), None))
    return [Series(name, points) for name, points in found.items()]


def _write_svg(file: Path, rows: Sequence[Mapping[str, Any]], model: str, now: datetime) -> None:
    """Draws all steps on one axis.

    Raises:
        ConfigError: they are prices of several lists, which no axis has room for; or no such file.
    """
    listings = list(_by_listing(rows))
    if len(listings) > 1:
        names = "; ".join(listings)
        raise ConfigError(f"say which to draw, with --vendor or --currency: {names}")
    title = f"{model}: {rows[0]['currency']} per million tokens"
    try:
        file.write_text(svg_step_chart(_series(rows), now, title), "utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error}") from error


def _print_steps(rows: Iterable[Mapping[str, Any]], sources: dict[str, int]) -> None:
    """A table; evidence is told once, by number, since it is long and repeats itself."""
    print_table(
        ("from", "to", "item", "condition", "price", "change", "day is", "evidence"),
        (
            (
                *(row["from_day"], row["to_day"] or "", row["item"], row["condition"]),
                f"{_amount(row['price'])} {row['currency']}/{row['unit']}",
                *(_change(row["change"]), row["basis"]),
                f"[{sources.setdefault(row['evidence'], len(sources) + 1)}]",
            )
            for row in rows
        ),
        right=("price", "change"),
    )


def _print_comparison(found: Mapping[str, Any], *, has_text: bool) -> None:
    counts, home = found["counts"], found["home_currency"]
    typer.echo(f"Prices of {found['at'][:16].replace('T', ' ')} UTC, ranked in {home}.")
    _print_offers(found["priced"], home, has_text=has_text)
    if found["free"]:
        typer.echo(f"\nWithout a price ({counts['free']}), and how long the work takes at least:")
        print_table(
            ("offer", "seen", "limits", "takes", "note"),
            (
                (_offer(row), row["seen"], _limits(row), _takes(row), "; ".join(row["notes"]))
                for row in found["free"]
            ),
        )
    if found["unconvertible"]:
        typer.echo(f"\nNo exchange rate to {home} ({counts['unconvertible']}):")
        print_table(
            ("offer", "costs"),
            ((_offer(row), _cost(row)) for row in found["unconvertible"]),
            right=("costs",),
        )
    rows = [row for kind in ("priced", "free") for row in found[kind]]
    _print_exchange(row["exchange_rate"] for row in rows)
    _print_figures(rows)
    if counts["priced"] > len(found["priced"]):
        typer.echo(f"{counts['priced'] - len(found['priced'])} more cost more: --top shows them.")
    if counts["unpriced"]:
        reasons = sorted({row["reason"] for row in found["unpriced"]})
        typer.echo(f"{counts['unpriced']} cannot be priced for this: {'; '.join(reasons[:3])}")
    for row in found.get("absent", ()):
        name = f"{_offer(row)} in {row['currency']}"
        typer.echo(printable(f"{name} has no price of {found['at'][:10]}: {row['reason']}"))


def _print_offers(rows: Sequence[Mapping[str, Any]], home: str, *, has_text: bool) -> None:
    has_hours = any(row["amount_cheapest_hour"] for row in rows)
    columns = ["offer", f"{home}", "in its currency"]
    columns += ["tokens", "万字 in", "万字 out"] * has_text
    columns += ["cheapest hour"] * has_hours
    right = tuple(columns[1:])
    print_table(
        (*columns, "seen", "limits", "takes"),
        (
            (
                *(_offer(row), _amount(row["home_amount"]), _cost(row)),
                *_text_cells(row, has_text=has_text),
                *[_amount(row["amount_cheapest_hour"])] * has_hours,
                *(row["seen"], _limits(row), _takes(row)),
            )
            for row in rows
        ),
        right=right,
    )


def _text_cells(row: Mapping[str, Any], *, has_text: bool) -> list[str]:
    if not has_text:
        return []
    cells = [f"{row['input_tokens'] + row['output_tokens']:,}"]
    for side in ("input", "output"):
        wan = row["wan_characters"][side]
        cells.append(_range(wan["expected"], wan["low"], wan["high"]) if wan else "")
    return cells


def _print_bought(rows: Iterable[Mapping[str, Any]], language: str) -> None:
    print_table(
        ("item", "model", "condition", "price", "buys", f"characters ({language})", "by"),
        (
            (
                *(row["item"], _offer(row), row["condition"]),
                f"{_amount(row['price'])} {row['currency']}/{row['unit']}",
                "any number" if row["number"] is None else f"{row['number']:,} {row['counted']}s",
                _characters(row),
                row["exchange_rate"]["id"] if row["exchange_rate"] else row["currency"],
            )
            for row in rows
        ),
        right=("price", "buys", f"characters ({language})"),
    )


def _characters(row: Mapping[str, Any]) -> str:
    if row["characters"] is None:
        return ""
    expected, low, high = (row["characters"][name] for name in ("expected", "low", "high"))
    basis = row["characters_per_token"]["basis"]
    span = f" ({low:,}-{high:,})" if low != high else ""
    return f"{expected:,}{span} {basis}"


def _print_exchange(rates: Iterable[Mapping[str, Any] | None]) -> None:
    for rate in {rate["id"]: rate for rate in rates if rate}.values():
        typer.echo(
            f"{rate['id']}: 1 {rate['base']} = {rate['value']} {rate['quote']}"
            f" on {rate['day']} ({rate['source']})"
        )


def _print_figures(rows: Iterable[Mapping[str, Any]]) -> None:
    """Where the characters per token come from, once for each tokenizer."""
    figures = {
        (figure["family"], figure["language"], figure["basis"]): figure
        for row in rows
        for figure in row["characters_per_token"]
    }
    for figure in figures.values():
        span = f" ({figure['low']}-{figure['high']})" if figure["low"] != figure["high"] else ""
        typer.echo(
            f"{figure['family']}: {figure['expected']}{span} characters a token"
            f" ({figure['language']}), {figure['basis']}; {figure['source']}"
        )


def _offer(row: Mapping[str, Any]) -> str:
    where = [row["channel"]] if row["channel"] != "official" else []
    where += [row[name] for name in ("region", "seller") if row.get(name)]
    name = f"{row['vendor']} {row['model']}"
    return f"{name} ({', '.join(where)})" if where else name


def _cost(row: Mapping[str, Any]) -> str:
    return f"{_range(row['amount'], row['amount_low'], row['amount_high'])} {row['currency']}"


def _range(amount: str, low: str | None, high: str | None) -> str:
    if low is None or high is None or low == high:
        return _amount(amount)
    return f"{_amount(amount)} ({_amount(low)}-{_amount(high)})"


def _limits(row: Mapping[str, Any]) -> str:
    return "; ".join(fact["text"] for fact in row["facts"])


def _takes(row: Mapping[str, Any]) -> str:
    least = row["least_time"]
    if least is None:
        return "no limit known" if Decimal(row["amount"]) == 0 else ""
    if least["seconds"] is None:
        return f"{least['size']:,} calls at once: --call-seconds"
    return f"{least['text']} ({least['limit']})"


def _change(change: str | None) -> str:
    if change is None:
        return ""
    percent = (Decimal(change) * 100).quantize(Decimal("0.1"))
    return f"{percent:+} %" if Decimal(change) else "none"


def _amount(text: str | None) -> str:
    """An amount for people, short and never a zero that is none; ``--json`` has all digits."""
    return "" if text is None else money_text(Fraction(text))
