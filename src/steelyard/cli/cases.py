"""``cases``: what went wrong on a task, side by side over offers; notes, export, new items.

``steelyard cases TASK`` is short for ``steelyard cases list TASK``.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from steelyard.cli import place
from steelyard.cli.output import Json, print_json, say
from steelyard.domain.errors import ConfigError, StoreUnavailable

_PAGE = 1_000
"""Control analyses the task anew for every page."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet takes a cell that begins so for a formula, and models write what they like."""
_OF_CASE = ("sample", "input", "reference", "tags", "note")
_OF_ANSWER = (
    *("offer", "is_failure", "kind", "grade", "reason", "extracted", "answer"),
    *("cost_pico", "currency", "time_s", "model_answered", "call_id", "finished_at"),
)


class _Group(TyperGroup):
    """``cases TASK`` means ``cases list TASK``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, with the command that is meant."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["list", *args]
        return super().parse_args(ctx, args)


class Language(StrEnum):
    """What the report is written in."""

    EN = "en"
    ZH = "zh"


class Format(StrEnum):
    """What cases are exported as."""

    JSONL = "jsonl"
    CSV = "csv"


app = typer.Typer(
    help="Case analysis: failures side by side over offers, in clusters."
    "\n\n``cases TASK`` is short for ``cases list TASK``.",
    cls=_Group,
    no_args_is_help=True,
)

Task = Annotated[str, typer.Argument(help="Name of the task.")]
Sample = Annotated[str, typer.Argument(help="The item's id, or the end of it.")]
Offer = Annotated[str | None, typer.Option(help="Only cases that this offer failed.")]
Kind = Annotated[
    str | None, typer.Option(help="Only failures of this kind, such as wrong_label or cut_off.")
]
Tag = Annotated[str | None, typer.Option(help="Only cases with this tag.")]
Only = Annotated[
    bool,
    typer.Option("--only-fails-here", help="Only cases that one offer failed and others did not."),
]


@app.command(name="list")
def list_(
    task: Task,
    *,
    offer: Offer = None,
    kind: Kind = None,
    tag: Tag = None,
    only_fails_here: Only = False,
    limit: Annotated[int, typer.Option(min=0, help="Cases to print; 0 for none.")] = 10,
    as_json: Json = False,
) -> None:
    """Print the clusters of failures, and the worst cases."""
    query = _query(task, offer, kind, tag, only_fails_here) | {"limit": str(limit)}
    found = place.api().get("/api/cases", **query)
    if as_json:
        print_json(found)
        return
    from steelyard.cli import case_views  # noqa: PLC0415 - slow to import

    case_views.print_overview(found)


@app.command()
def show(
    task: Task,
    sample: Sample,
    *,
    against: Annotated[
        str | None, typer.Option(help="Compare with this offer's answer, not the reference.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print one case whole: the answers side by side, with what differs from the reference."""
    found = place.api().get("/api/cases/one", task=task, sample=sample)
    if as_json:
        print_json(found)
        return
    offers = [answer["offer"] for answer in found["answers"]]
    if against and against not in offers:
        raise ConfigError(f"{against} did not answer this item; {', '.join(offers)} did")
    from steelyard.cli import case_views  # noqa: PLC0415 - slow to import

    case_views.print_case(found, against or "")


@app.command()
def report(
    task: Task,
    *,
    out: Annotated[Path, typer.Option(help="The file to write; it is replaced.")],
    language: Annotated[Language, typer.Option(help="Language of the report.")] = Language.EN,
    cases: Annotated[int, typer.Option(min=0, max=100, help="Cases shown of each cluster.")] = 5,
) -> None:
    """Write the analysis as one HTML file, to be read anywhere and printed.

    It holds test items and answers, so the file is readable by you only.
    """
    query = {"task": task, "language": language.value, "cases": str(cases)}
    found = place.api().get("/api/cases/report", **query)
    _write(out, found["html"])
    _warn(found)
    typer.echo(f"{out}: {len(found['html'].encode()) / 1000:.0f} kB")


@app.command()
def note(
    task: Task,
    sample: Sample,
    *,
    tag: Annotated[list[str] | None, typer.Option(help="Add this tag; again for more.")] = None,
    remove_tag: Annotated[list[str] | None, typer.Option(help="Take this tag away.")] = None,
    text: Annotated[
        str | None, typer.Option("--note", help="The note, in place of an older one.")
    ] = None,
    offer: Annotated[
        str | None, typer.Option(help="It is about this offer's answer; else about all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Put tags or a note on a case."""
    body: dict[str, Any] = {"task": task, "sample": sample, "offer": offer or "", "note": text}
    body |= {"add_tags": tag or [], "remove_tags": remove_tag or []}
    made = place.api().post("/api/cases/notes", body)
    if as_json:
        print_json(made)
        return
    from steelyard.cli import case_views  # noqa: PLC0415 - slow to import

    case_views.print_note(made)


@app.command()
def promote(
    task: Task,
    sample: Sample,
    *,
    to: Annotated[
        str | None, typer.Option(help="A task of your own whose set gets it; else the task itself.")
    ] = None,
    text: Annotated[
        str | None, typer.Option("--input", help="What to ask instead of the item's input.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="The right answer instead; JSON for fields, else text.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Turn a case into a new item of your own test set."""
    body = {"task": task, "sample": sample, "to_task": to or ""}
    body |= {
        name: value
        for name, value in (("input", text), ("reference", reference))
        if value is not None
    }
    made = place.api().post("/api/cases/promote", body)
    if as_json:
        print_json(made)
        return
    typer.echo(f"{made['set']}: {made['item']} added")
    typer.echo(
        f"the set has changed, so verdicts on {made['task']} are stale;"
        f" weigh again: steelyard weigh {made['task']}"
    )


@app.command()
def export(
    task: Task,
    *,
    offer: Offer = None,
    kind: Kind = None,
    tag: Tag = None,
    only_fails_here: Only = False,
    limit: Annotated[int, typer.Option(min=0, help="Cases at most; 0 for all.")] = 0,
    form: Annotated[
        Format, typer.Option("--format", help="One JSON object a case, or one row an answer.")
    ] = Format.JSONL,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; else standard output.")
    ] = None,
) -> None:
    """Write failed cases with all answers, notes and tags, as JSONL or CSV."""
    rows = _all(_query(task, offer, kind, tag, only_fails_here), limit)
    text = "".join(_lines(rows)) if form is Format.JSONL else _csv(rows)
    if out is None:
        sys.stdout.write(text.encode("utf-8", "backslashreplace").decode())
    else:
        _write(out, text)
        typer.echo(f"{out}: written")


def _query(
    task: str, offer: str | None, kind: str | None, tag: str | None, is_alone: bool
) -> dict[str, str]:
    given = {"task": task, "offer": offer, "kind": kind, "tag": tag}
    given["only_fails_here"] = "1" if is_alone else None
    return {name: value for name, value in given.items() if value}


def _all(query: Mapping[str, str], limit: int) -> Iterator[dict[str, Any]]:
    """The cases asked for, fetched a page at a time."""
    done = 0
    while not limit or done < limit:
        size = min(_PAGE, limit - done) if limit else _PAGE
        found = place.api().get("/api/cases", **query, limit=str(size), offset=str(done))
        if not done:
            _warn(found)
        yield from found["data"]
        done += len(found["data"])
        if done >= found["total"] or not found["data"]:
            return


def _warn(found: Mapping[str, Any]) -> None:
    for problem in found["problems"]:
        say(f"left out: {problem}", err=True)


def _lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    return (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """One row an answer; tags and notes of the case and of the answer in columns of their own."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow((*_OF_CASE, *_OF_ANSWER, "answer_tags", "answer_note"))
    for row in rows:
        for answer in row["answers"]:
            cells = [row[name] for name in _OF_CASE] + [answer[name] for name in _OF_ANSWER]
            writer.writerow([_cell(cell) for cell in (*cells, answer["tags"], answer["note"])])
    return file.getvalue()


def _cell(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    if isinstance(value, bool | int | float) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        text = " ".join(value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _write(path: Path, text: str) -> None:
    """Writes a file for this user only, since it holds answers.

    Raises:
        StoreUnavailable: it cannot be written.
    """
    try:
        path.unlink(missing_ok=True)  # else an older file would keep its mode
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        # Half a surrogate pair, as a model may write one, is its code: in JSON that is the same.
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror or error}") from error
