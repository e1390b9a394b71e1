"""Case analysis as control does it: run files found, notes kept, cases turned into items.

A case holds test items and answers: what is here goes to administrators over the API and nowhere
else, no log and no metric. Reading needs no lock, so a weighing may be writing meanwhile.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple

from sqlalchemy import Connection

from steelyard.control.configuration import taskbook
from steelyard.control.control import Control
from steelyard.domain.errors import InvalidRequest
from steelyard.domain.tasks import Task
from steelyard.store import case_notes
from steelyard.store.case_notes import CaseNote
from steelyard.store.revisions import Change
from steelyard.weigh.cases import items as case_items
from steelyard.weigh.cases.analysis import Analysis, Case, Cluster, Reply, analyse
from steelyard.weigh.datasets import Dataset, is_file, load_set
from steelyard.weigh.judged import fits_of
from steelyard.weigh.prompts import prepare
from steelyard.weigh.runfile import paths_of, readable_records

TAGS_MAX = 20
_TAG = re.compile(r"[^\W_][\w.-]{0,39}")

Notes = Mapping[tuple[str, str], CaseNote]
"""By sample and offer; the offer is empty for a note on all answers."""


class Found(NamedTuple):
    """A task's analysis and what people said of its cases."""

    analysis: Analysis
    notes: Notes
    problems: tuple[str, ...]
    """Run files that could not be read."""


async def look(control: Control, task_name: str) -> Found:
    """The cases of a task.

    Raises:
        ConfigError: no such task, or its set cannot be read.
        StoreError: the database cannot be used.
    """
    task = taskbook.task_of(control.config, task_name)
    folder = control.places.home / "weighings"
    analysis, problems = await asyncio.to_thread(_analyse, task, folder)
    notes: Notes = await control.read(lambda c: case_notes.latest(c, task.name))
    return Found(analysis, notes, problems)


def case_of(analysis: Analysis, sample: str) -> Case:
    """The case of a sample, by its id or the only one that ends in it.

    Raises:
        InvalidRequest: there is none, or several.
    """
    if sample in analysis.cases:
        return analysis.cases[sample]
    near = [name for name in analysis.cases if name.endswith(sample)] if sample else []
    if len(near) == 1:
        return analysis.cases[near[0]]
    if near:
        raise InvalidRequest(f"{len(near)} cases end in {sample[:80]}; write more of the id.")
    raise InvalidRequest(
        f"no item of {analysis.task.name} that was asked is called {sample[:80]!r};"
        f" steelyard cases {analysis.task.name} shows those that failed"
    )


class NewNote(NamedTuple):
    """What somebody says of a case; what is None stays as it was."""

    sample: str
    offer: str = ""
    note: str | None = None
    add_tags: Sequence[str] = ()
    remove_tags: Sequence[str] = ()


async def annotate(control: Control, task_name: str, new: NewNote, actor: str) -> CaseNote:
    """Puts a note or tags on a case; the older note stays in the database.

    Raises:
        ConfigError: no such task.
        InvalidRequest: no such case or offer, or a tag that is no single word.
        StoreError: the database cannot be used.
    """
    found = await look(control, task_name)
    case = case_of(found.analysis, new.sample)
    if new.offer and new.offer not in case.replies:
        known = ", ".join(case.replies)
        raise InvalidRequest(f"{new.offer[:80]!r} did not answer this item; {known} did.")
    for tag in (*new.add_tags, *new.remove_tags):
        if not _TAG.fullmatch(tag):
            raise InvalidRequest(f"A tag is one word of letters, digits, . and -, not {tag[:40]!r}")

    def work(connection: Connection, _change: Change) -> CaseNote:
        key = (case.sample.id, new.offer)
        old = case_notes.latest(connection, found.analysis.task.name).get(key)
        kept = [tag for tag in (old.tags if old else ()) if tag not in new.remove_tags]
        tags = tuple(dict.fromkeys((*kept, *new.add_tags)))
        if len(tags) > TAGS_MAX:
            raise InvalidRequest(f"A case has {TAGS_MAX} tags at most.")
        text = (old.note if old else "") if new.note is None else new.note
        made = CaseNote(
            *(found.analysis.task.name, case.sample.id, time.time_ns(), actor),
            *(tags, text, new.offer),
        )
        case_notes.add(connection, made)
        return made

    # The reason names no item: it goes into the audit log.
    note: CaseNote = await control.write(
        actor, f"a note on a case of {found.analysis.task.name}", work
    )
    return note


class Wish(NamedTuple):
    """Which case becomes an item of which task's set, and what is other in it."""

    sample: str
    to_task: str = ""
    """A task of one's own; empty for the task itself."""
    input: str | None = None
    reference: str | None = None


async def promote(control: Control, task_name: str, wish: Wish) -> dict[str, Any]:
    """Turns a case into an item of one's own set; what was added where.

    Raises:
        ConfigError: no such task, or a set that cannot be read.
        InvalidRequest: the set is a shipped one, or the item is not right or not new.
        StoreUnavailable: the set cannot be written.
    """
    task = taskbook.task_of(control.config, task_name)
    target = taskbook.task_of(control.config, wish.to_task or task_name)
    if not target.set_name.endswith(".jsonl"):
        raise InvalidRequest(_how_to_have_one(target, control.places.home))

    def work() -> str:
        samples = {sample.id: sample for sample in load_set(task.set_name).samples}
        names = [name for name in samples if name == wish.sample] or [
            name for name in samples if wish.sample and name.endswith(wish.sample)
        ]
        if len(names) != 1:
            many = "No item is" if not names else f"{len(names)} items are"
            raise InvalidRequest(f"{many} called {wish.sample[:80]!r} in {task.name}.")
        original = samples[names[0]]
        shown = prepare(task.form, original, task.seed).sample
        row = case_items.item_row(original, shown, input_text=wish.input, reference=wish.reference)
        fits = fits_of(target.grader, target.grader_parameters)
        return case_items.append(Path(target.set_name), row, fits)

    item = await asyncio.to_thread(work)
    # Its digest is another now: verdicts on it must stop to count.
    await control.read_config()
    return {"task": target.name, "set": target.set_name, "item": item}


def _how_to_have_one(task: Task, home: Path) -> str:
    """What a person can do whose task has a set that nothing is added to."""
    if not is_file(task.set_name):
        return (
            f"{task.name} is weighed on a set that comes with Steelyard, which nothing is added to;"
            f" take it over (steelyard tasks add {task.name} --as my/{task.name}) and name the copy"
            " with --to."
        )
    table = Path(task.set_name)
    lines = table.with_suffix(".jsonl")
    said = lines.relative_to(home) if lines.is_relative_to(home) else lines
    return (
        f"{task.name} is weighed on the table {table.name}, which nothing is added to; write its"
        f" items as JSONL: steelyard tasks convert {quote(str(table))} --to {quote(str(lines))}"
        f" - then let steelyard.yaml say `set: {said}` in {task.name}, and promote again."
    )


def _analyse(task: Task, folder: Path) -> tuple[Analysis, tuple[str, ...]]:
    problems: list[str] = []
    dataset: Dataset = load_set(task.set_name)
    digests = taskbook.digests(task)
    files = (readable_records(path, problems) for path in paths_of(folder, task.name))
    return analyse(task, dataset, chain.from_iterable(files), digests), tuple(problems)


def case_row(case: Case, notes: Notes) -> dict[str, Any]:
    """A case for programs; exact numbers as text."""
    sample = case.sample
    note = notes.get((sample.id, ""))
    return {
        "sample": sample.id,
        "input": sample.input,
        "reference": reference_of(sample.reference),
        "labels": list(sample.labels),
        "choices": list(sample.choices),
        "failing": list(case.failing),
        "only": case.only,
        "is_failed_by_all": case.is_failed_by_all,
        "is_disputed": case.is_disputed,
        "tags": list(note.tags) if note else [],
        "note": note.note if note else "",
        "answers": [
            _reply_row(reply, notes.get((sample.id, offer)))
            for offer, reply in case.replies.items()
        ],
    }


def reference_of(reference: object) -> Any:
    """A reference as JSON has it; null for none."""
    if isinstance(reference, Mapping):
        return dict(reference)
    if isinstance(reference, tuple):
        return list(reference) or None
    return reference


def _reply_row(reply: Reply, note: CaseNote | None) -> dict[str, Any]:
    record, grade = reply.record, reply.record.grade
    return {
        "offer": record.offer,
        "is_failure": reply.is_failure,
        "kind": str(reply.kind) if reply.kind else "",
        "parts": list(reply.kind.parts) if reply.kind else [],
        "grade": None if grade.value is None else str(grade.value),
        "reason": grade.reason,
        "extracted": grade.extracted,
        "answer": record.answer,
        "finish_reason": record.finish_reason,
        "output_tokens": record.output_tokens,
        "cost_pico": str(record.cost_pico),
        "currency": record.currency,
        "time_s": record.time_s,
        "model_answered": record.model_answered,
        "call_id": record.call_id,
        "finished_at": record.finished_at,
        "tags": list(note.tags) if note else [],
        "note": note.note if note else "",
    }


def cluster_row(cluster: Cluster, analysis: Analysis) -> dict[str, Any]:
    """A cluster for programs: its name, its size, its share of each offer's failures."""
    return {
        "kind": cluster.kind.slug,
        "detail": cluster.kind.detail,
        "terms": list(cluster.terms),
        "is_rest": cluster.is_rest,
        "failures": len(cluster.failures),
        "items": len(cluster.samples),
        "parts": [{"part": part, "count": count} for part, count in cluster.parts],
        "offers": {
            offer: {
                "failures": cluster.count(offer),
                "share": cluster.count(offer) / tally.failed if tally.failed else 0.0,
            }
            for offer, tally in analysis.tallies.items()
        },
        "samples": list(cluster.samples),
    }


def tally_rows(analysis: Analysis) -> list[dict[str, Any]]:
    """How each offer did, over what was looked at."""
    return [
        {
            "offer": tally.offer,
            "form_digest": tally.form_digest,
            "asked": tally.asked,
            "failed": tally.failed,
            "unscored": tally.unscored,
            "accepted": str(tally.accepted),
            "cost_pico": str(tally.cost_pico),
            "currency": tally.currency,
        }
        for tally in analysis.tallies.values()
    ]


def tagged(notes: Notes, tag: str, offer: str = "") -> set[str]:
    """Samples with a tag, on any of their answers or on this offer's and on the whole."""
    return {
        sample
        for (sample, about), note in notes.items()
        if tag in note.tags and (not offer or about in ("", offer))
    }


def all_tags(notes: Iterable[CaseNote]) -> list[str]:
    """Tags in use, by name."""
    return sorted({tag for note in notes for tag in note.tags})
