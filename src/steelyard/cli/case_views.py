"""Cases on a terminal: clusters with bars, cases side by side, what differs in colour.

Models wrote the answers and anybody the items, so nothing is printed that steers a terminal, and
nothing is taken for markup.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from steelyard.cli.output import width_piped
from steelyard.domain.money import format_pico
from steelyard.weigh.cases.diffs import Mark, diff, nearest
from steelyard.weigh.cases.texts import clean, detail_name, kind_name

_LINE_CHARS = 90
_TEXT_CHARS = 4_000
_CLUSTERS_SHOWN = 15
_STYLES = {Mark.SAME: "", Mark.GONE: "red strike", Mark.NEW: "green underline"}
_TEXT_MIN, _SAID_MIN, _GAP = 24, 16, 3
"""Columns of a terminal: for a question or a kind, for an answer, and between two of a table."""


def print_overview(found: Mapping[str, Any]) -> None:
    """Prints tallies, clusters and cases of ``/api/cases``."""
    console = _console()
    offers = [tally["offer"] for tally in found["offers"]]
    if not offers:
        console.print(f"no answers yet; weigh it first: steelyard weigh {found['task']}")
        return
    title = f"{clean(found['title'])} ({found['task']}): {found['items']} items"
    console.print(Text(title, style="bold"))
    if found["is_outdated"]:
        console.print("measured with an older test set or prompt; weigh again for today's")
    for problem in found["problems"]:
        console.print(f"left out: {clean(problem)}")
    for tally in found["offers"]:
        unscored = f", {tally['unscored']} not graded" if tally["unscored"] else ""
        told = f"  {clean(tally['offer'])}: {tally['failed']} of {tally['asked']} not right"
        console.print(told + unscored)
    if not found["clusters"]:
        console.print("no failures")
        return
    console.print()
    console.print(_clusters(found["clusters"], offers, console.width))
    rest = found["clusters"][_CLUSTERS_SHOWN:]
    if rest:
        count = sum(cluster["failures"] for cluster in rest)
        console.print(f"and {len(rest)} smaller clusters with {count} failures")
    if found["data"]:
        console.print()
        console.print(_cases(found["data"], offers, console.width))
        if found["total"] > len(found["data"]):
            console.print(f"{len(found['data'])} of {found['total']} cases; --limit shows more")
        console.print(f"one whole: steelyard cases show {found['task']} ITEM")


def print_case(row: Mapping[str, Any], against: str = "") -> None:
    """Prints one case of ``/api/cases/one``.

    Args:
        row: the case.
        against: the offer whose answer the others are compared with; empty for the reference.
    """
    console = _console()
    console.print(Text(clean(row["sample"]), style="bold"))
    _print_remark(console, row)
    console.print(Panel(_cut(row["input"]), title="question", title_align="left", box=box.ROUNDED))
    for letter, choice in zip(row["labels"], row["choices"], strict=False):
        is_right = letter == row["reference"]
        told = f"  {letter}. {clean(choice)}" + ("  <- right" if is_right else "")
        console.print(Text(told, style="green" if is_right else ""))
    reference = _texts(row["reference"])
    if isinstance(row["reference"], dict):
        console.print(_slots(row))
    elif reference and not row["choices"]:
        console.print(Text("right answer: " + clean(" | ".join(reference)), style="green"))
    compared = [each["answer"] for each in row["answers"] if each["offer"] == against] or reference
    panels = [_answer(each, compared, is_any=bool(against)) for each in row["answers"]]
    if console.width >= 2 * 40 and 1 < len(panels) <= console.width // 40:
        console.print(Columns(panels, equal=True, expand=True))
    else:
        for panel in panels:
            console.print(panel)


def print_note(made: Mapping[str, Any]) -> None:
    """Prints a note as it stands now."""
    console = _console()
    about = f" ({clean(made['offer'])})" if made["offer"] else ""
    console.print(f"{clean(made['sample'])}{about}")
    _print_remark(console, made)


def _console() -> Console:
    return Console(
        width=None if sys.stdout.isatty() else width_piped(),
        highlight=False,
        markup=False,
        emoji=False,
    )


def _clusters(clusters: Sequence[Mapping[str, Any]], offers: Sequence[str], width: int) -> Table:
    """A column an offer; where names would be cut, the offers of a cluster below one another."""
    names = _short(offers)
    is_wide = _has_room(names, width, beside=len("failures"))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("failures", justify="right")
    table.add_column("kind", overflow="fold")
    if is_wide:
        for name in names:
            table.add_column(name, justify="right", overflow="fold")
    else:
        longest = max(map(len, names)) + len("99 (100%) ")
        is_whole = longest + _TEXT_MIN + len("failures") + 2 * _GAP <= width
        table.add_column("by offer", overflow="fold", no_wrap=is_whole)
    for cluster in clusters[:_CLUSTERS_SHOWN]:
        shares = [cluster["offers"][offer] for offer in offers]
        told = [f"{s['failures']} ({s['share']:.0%})" if s["failures"] else "" for s in shares]
        if not is_wide:
            told = ["\n".join(f"{t} {name}" for name, t in zip(names, told, strict=True) if t)]
        table.add_row(str(cluster["failures"]), _name(cluster), *told)
    return table


def _has_room(names: Sequence[str], width: int, *, beside: int) -> bool:
    """Whether columns with these heads stand whole beside ``beside`` columns and some text."""
    return beside + _TEXT_MIN + sum(max(len(name), _SAID_MIN) + _GAP for name in names) <= width


def _short(offers: Sequence[str]) -> list[str]:
    """Names for heads of columns: without the channel, where all have the same."""
    channels = {offer.partition("/")[0] for offer in offers}
    is_short = len(offers) > 1 and len(channels) == 1 and all("/" in offer for offer in offers)
    return [clean(offer.partition("/")[2] if is_short else offer) for offer in offers]


def _name(cluster: Mapping[str, Any]) -> str:
    name = kind_name(cluster["kind"])
    if cluster["detail"]:
        name += f": {detail_name(cluster['detail'])}"
    if cluster["terms"]:
        name += f" · items with: {', '.join(cluster['terms'])}"
    elif cluster["is_rest"]:
        name += " · the others"
    parts = [f"{detail_name(each['part'])} × {each['count']}" for each in cluster["parts"][:4]]
    return clean(name + (f" [{', '.join(parts)}]" if len(parts) > 1 else ""))


def _cases(rows: Sequence[Mapping[str, Any]], offers: Sequence[str], width: int) -> RenderableType:
    """A case a row, an offer a column; where these are too narrow, one below the other."""
    longest = max(len(clean(row["sample"])) for row in rows)
    if not _has_room(_short(offers), width, beside=longest):
        return Group(*(_stacked(row, offers) for row in rows))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("item", no_wrap=True)
    table.add_column("question / right answer", overflow="fold")
    for name in _short(offers):
        table.add_column(name, overflow="fold")
    for row in rows:
        answers = {answer["offer"]: answer for answer in row["answers"]}
        table.add_row(clean(row["sample"]), _asked(row), *(_said(answers.get(o)) for o in offers))
    return table


def _stacked(row: Mapping[str, Any], offers: Sequence[str]) -> RenderableType:
    names = dict(zip(offers, _short(offers), strict=True))
    told = [Text(clean(row["sample"]), style="bold"), _asked(row, "right answer: ")]
    for answer in row["answers"]:
        name = names.get(answer["offer"], clean(answer["offer"]))
        told.append(Text.assemble(f"{name}: ", _said(answer)))
    return Group(*told, "")


def _asked(row: Mapping[str, Any], before: str = "") -> Text:
    """The question, the right answer below it with ``before`` before it, then tags."""
    question = Text(_line(row["input"]))
    reference = " | ".join(_texts(row["reference"]))
    if reference:
        question.append(f"\n{before}{_line(reference)}", style="green")
    if row["tags"]:
        question.append("\n" + clean(" ".join(f"#{tag}" for tag in row["tags"])), style="yellow")
    return question


def _said(answer: Mapping[str, Any] | None) -> Text:
    if answer is None:
        return Text("")
    text = _line(answer["answer"]) or f"({answer['reason']})"
    if answer["is_failure"]:
        return Text(f"✗ {clean(text)}", style="red")
    return Text(f"✓ {clean(text)}", style="green")


def _answer(answer: Mapping[str, Any], reference: Sequence[str], *, is_any: bool = False) -> Panel:
    """One answer; what differs from the reference is marked in failures, or in ``is_any``."""
    text = Text(_cut(answer["answer"]) or "(nothing)")
    if reference and (is_any or answer["is_failure"]):
        pieces = diff(nearest(answer["answer"], reference), answer["answer"])
        if pieces:
            text = Text.assemble(*((clean(p.text), _STYLES[p.mark]) for p in pieces))
    if answer["is_failure"]:
        slug, _, detail = answer["kind"].partition(":")
        details = [detail] if detail else answer["parts"]
        told = [kind_name(slug), ", ".join(detail_name(each) for each in details)]
        text.append("\n" + clean(": ".join(filter(None, told))), style="red")
    if answer["reason"]:
        text.append("\n" + clean(f"grader: {answer['reason']}"), style="dim")
    cost = f", {format_pico(int(answer['cost_pico']))} {answer['currency']}".rstrip()
    text.append(f"\n{answer['time_s']:.1f} s{cost}", style="dim")
    if answer["tags"] or answer["note"]:
        tags = " ".join(f"#{tag}" for tag in answer["tags"])
        text.append("\n" + clean(f"{tags} {answer['note']}".strip()), style="yellow")
    grade = "not graded" if answer["grade"] is None else f"grade {answer['grade']}"
    style = "red" if answer["is_failure"] else "green"
    title = Text(f"{clean(answer['offer'])}: {grade}")
    return Panel(text, title=title, title_align="left", border_style=style, box=box.ROUNDED)


def _slots(row: Mapping[str, Any]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("field")
    table.add_column("right", style="green", overflow="fold")
    for name, value in row["reference"].items():
        table.add_row(clean(name), clean(str(value)))
    return table


def _print_remark(console: Console, row: Mapping[str, Any]) -> None:
    tags = " ".join(f"#{tag}" for tag in row["tags"])
    text = f"{tags} {row['note']}".strip()
    if text:
        console.print(Text(clean(text), style="yellow"))


def _texts(reference: Any) -> list[str]:
    if isinstance(reference, str):
        return [reference]
    return [text for text in reference if text] if isinstance(reference, list) else []


def _line(text: str) -> str:
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= _LINE_CHARS else flat[: _LINE_CHARS - 1] + "…"


def _cut(text: str) -> str:
    more = len(text) - _TEXT_CHARS
    return clean(text[:_TEXT_CHARS]) + (f"… {more} more characters" if more > 0 else "")
