"""``tasks …``: what there is to weigh by; taking tasks over, and taking them from other programs.

All of it works on files, so that no steelyard needs to run; one that runs is told.
"""
# ruff: noqa: PLC0415 - a command imports what it needs, so that --help is quick

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, counted, print_json, print_table, printable
from steelyard.domain.errors import ConfigError, StoreUnavailable

if TYPE_CHECKING:
    from steelyard.control.own_tasks import Addition
    from steelyard.domain.tasks import Sample, Task
    from steelyard.weigh.importing.imported import Imported

app = typer.Typer(help="Tasks and their test sets.", no_args_is_help=True)

Name = Annotated[
    str,
    typer.Argument(help="A task, such as bank/intent; after-sales-intent or data-sql will do too."),
]
Language = Annotated[
    str, typer.Option(help="en, zh, or a pair such as en-zh, where a name fits several tasks.")
]
Floor = Annotated[
    str | None, typer.Option(help="Least mean grade that is good enough, above 0 and up to 1.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show everything, write nothing.")]
_FAULTS_SHOWN = 50
_IMPORTED_FLOOR = Decimal("0.8")


class Source(StrEnum):
    """Programs whose tests can be taken over."""

    INSPECT = "inspect"
    PROMPTFOO = "promptfoo"
    OPENAI_EVALS = "openai-evals"


@app.command(name="list")
def list_tasks(
    *,
    scenario: Annotated[str, typer.Option(help="Only this scenario, such as after-sales.")] = "",
    language: Annotated[str, typer.Option(help="Only this language: en, zh, en-zh, zh-en.")] = "",
    as_json: Json = False,
) -> None:
    """List the tasks: the shipped ones and those of steelyard.yaml."""
    from steelyard.weigh.catalog import SCENARIOS, nearest

    if scenario and scenario not in SCENARIOS:
        raise ConfigError(f"no scenario {scenario}{nearest(scenario, SCENARIOS)}")
    rows = [
        _about(task)
        for _, task in sorted(_tasks().items())
        if scenario in ("", task.scenario) and language in ("", task.language)
    ]
    if as_json:
        print_json(rows)
        return
    columns = ("task", "scenario", "language", "items", "grader", "floor", "title")
    shown = ([row[name] for name in columns] for row in rows)
    print_table(columns, shown, right=("items",), empty="none; see: steelyard tasks coverage")


@app.command()
def coverage(*, as_json: Json = False) -> None:
    """Show which scenario has tasks in which language, and name the holes."""
    from steelyard.weigh.coverage import LANGUAGES, cover

    scenarios = cover(_tasks().values())
    if as_json:
        told = ("tasks", "items", "holes")
        print_json([{"scenario": s.name} | {k: getattr(s, k) for k in told} for s in scenarios])
        return
    rows = [
        (s.name, *(", ".join(s.tasks.get(each, ("-",))) for each in LANGUAGES)) for s in scenarios
    ]
    print_table(("scenario", *LANGUAGES), rows)
    holes = ", ".join(f"{s.name} in {each}" for s in scenarios for each in s.holes)
    typer.echo(f"\nno task yet: {holes}" if holes else "\nevery scenario has tasks in both")


@app.command()
def show(
    name: Name,
    *,
    items: Annotated[int, typer.Option(min=0, max=1000, help="Show so many items too.")] = 0,
    language: Language = "",
    as_json: Json = False,
) -> None:
    """Show a task: its prompt, grader, floor and set."""
    from steelyard.weigh.datasets import load_set

    task = _meant(name, language)
    samples = load_set(task.set_name).samples[:items]
    told = _about(task) | {
        "set": task.set_name,
        "licences": _licences(task),
        "grader_parameters": dict(task.grader_parameters),
        "prompt": {
            "id": task.form.id,
            "system": task.form.system,
            "user": task.form.user,
            "temperature": str(task.form.temperature),
            "output_tokens_max": task.form.output_tokens_max,
            "constraint": task.form.constraint.value,
        },
    }
    if as_json:
        print_json(told | ({"samples": [_shown(each) for each in samples]} if items else {}))
        return
    for key in ("task", "title", "scenario", "language", "set", "items", "licences", "floor"):
        value = told[key]
        typer.echo(
            f"{key}: {printable(', '.join(value) if isinstance(value, list) else str(value))}"
        )
    names = ", ".join(told["grader_parameters"])
    typer.echo(f"grader: {task.grader}{f' ({names})' if names else ''}")
    typer.echo(f"answers up to {task.form.output_tokens_max} tokens")
    if task.form.system:
        typer.echo(f"\nsystem:\n{printable(task.form.system)}")
    typer.echo(f"\nprompt ({task.form.id}):\n{printable(task.form.user)}")
    for sample in samples:
        typer.echo(f"\n--- {printable(sample.id)}\n{printable(sample.input)}")
        typer.echo(f"=> {printable(str(_shown(sample)['reference']))}")


@app.command()
def add(
    name: Name,
    *,
    floor: Floor = None,
    as_name: Annotated[
        str, typer.Option("--as", help="What the copy shall be called; by default as the task.")
    ] = "",
    language: Language = "",
    dry_run: DryRun = False,
) -> None:
    """Take a shipped task over: its set beside steelyard.yaml, the rest into it, to be edited."""
    from steelyard.control import own_tasks
    from steelyard.weigh.catalog import shipped_tasks
    from steelyard.weigh.naming import find_meant

    found = find_meant(name, shipped_tasks(), language)
    called = as_name or found.task.name
    entry, data = own_tasks.own_copy(found.task, called, _floor(floor))
    plan = own_tasks.plan(
        place.home(), os.environ, {called: entry}, {own_tasks.set_path(called): data}
    )
    for other in found.others:
        typer.echo(f"also there: {other.name} (--language {other.language})")
    _write(plan, {called: entry}, is_dry_run=dry_run)
    if found.task.grader == "judge":
        typer.echo("name the offer that judges: grader_parameters: {judge: OFFER}")


@app.command(name="import")
def import_tasks(
    file: Annotated[Path, typer.Argument(help="A log, a configuration or a registry file.")],
    *,
    source: Annotated[Source, typer.Option("--from", help="The program that it is of.")],
    name: Annotated[str, typer.Option(help="What the task shall be called.")] = "",
    floor: Floor = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Take tests of another program over as tasks; what has no counterpart is named."""
    from steelyard.control import own_tasks

    tasks = _read(source, file, name)
    wanted = _floor(floor) or _IMPORTED_FLOOR
    entries: dict[str, Any] = {}
    sets: dict[str, bytes] = {}
    faults: dict[str, int] = {}
    for task in tasks:
        path = own_tasks.set_path(task.name)
        if task.name in entries or path in sets:
            raise ConfigError(f"two tasks would be called {task.name}; import one at a time")
        faults[task.name] = len(task.dataset().faults)  # also: it has an item at all
        entries[task.name] = task.section(path, wanted)
        sets[path] = task.set_bytes()
    plan = own_tasks.plan(place.home(), os.environ, entries, sets)
    if as_json:
        print_json(
            [
                {
                    "task": task.name,
                    "items": len(task.rows) - faults[task.name],
                    "faults": faults[task.name],
                    "grader": task.grader,
                    "notes": task.notes,
                    "written": not dry_run,
                }
                for task in tasks
            ]
        )
    _write(plan, entries, is_dry_run=dry_run, is_silent=as_json)
    if not as_json:
        _tell_imported(tasks, faults)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A set: JSONL, CSV, TSV or Parquet.")],
    *,
    grader: Annotated[str, typer.Option(help="Also whether this grader can grade each item.")] = "",
    as_json: Json = False,
) -> None:
    """Check a test set: what in it cannot be used, with the line."""
    from steelyard.weigh.datasets import SUFFIXES, is_file, load_set

    if not is_file(file.name):
        raise ConfigError(f"{file.name}: a set ends in {', '.join(SUFFIXES)}")
    dataset = load_set(file.name, file.parent)
    faults = [(fault.where, fault.reason) for fault in dataset.faults]
    faults += _ungradable(dataset.samples, grader) if grader else []
    if as_json:
        told = [{"where": where, "reason": reason} for where, reason in faults]
        print_json({"items": len(dataset.samples), "digest": dataset.digest, "faults": told})
    else:
        _tell_faults(faults)
        items, bad = counted(len(dataset.samples), "item"), counted(len(faults), "fault")
        typer.echo(f"{items}, {bad}, digest {dataset.digest}")
    if faults:
        raise typer.Exit(1)


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="A set: CSV, TSV, Parquet or JSONL.")],
    *,
    to: Annotated[Path, typer.Option(help="The JSONL file to write; it must not be there yet.")],
) -> None:
    """Write a set as JSONL, to which cases can be promoted; the same items under the same ids."""
    from steelyard.supervisor.home import write_durably
    from steelyard.weigh.conversion import as_jsonl
    from steelyard.weigh.datasets import SUFFIXES, is_file, load_set

    if not is_file(file.name):
        raise ConfigError(f"{file.name}: a set ends in {', '.join(SUFFIXES)}")
    if to.suffix != ".jsonl":
        raise ConfigError(f"--to {to.name}: its name must end in .jsonl")
    # A layout beside the new file would have it read otherwise than it is written.
    for path in (to, to.with_name(f"{to.name}.yaml")):
        if path.exists() or path.is_symlink():
            raise ConfigError(f"{path} is there already and is left as it is; choose another name")
    dataset = load_set(file.name, file.parent)
    data = as_jsonl(dataset, to.name)
    try:
        write_durably(to, data, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"{to}: {error.strerror or error}") from error
    _tell_faults([(fault.where, fault.reason) for fault in dataset.faults], err=True)
    left = f", {len(dataset.faults)} left out" if dataset.faults else ""
    typer.echo(f"{to}: {counted(len(dataset.samples), 'item')}{left}")
    typer.echo("a task that names it as its set is another measurement: weigh it again")


def _tasks() -> dict[str, Task]:
    """The tasks in force, or the shipped ones where the file cannot be read."""
    from steelyard.control.own_tasks import tasks_in_force
    from steelyard.weigh.catalog import shipped_tasks

    try:
        return tasks_in_force(place.home(), os.environ)
    except ConfigError:
        typer.echo("steelyard.yaml has mistakes (steelyard check): shipped tasks only", err=True)
        return shipped_tasks()


def _meant(name: str, language: str) -> Task:
    from steelyard.weigh.naming import find_meant

    return find_meant(name, _tasks(), language).task


def _about(task: Task) -> dict[str, Any]:
    from steelyard.weigh.datasets import load_set

    return {
        "task": task.name,
        "scenario": task.scenario,
        "language": task.language,
        "items": len(load_set(task.set_name).samples),
        "grader": task.grader,
        "floor": str(task.floor),
        "title": task.title,
    }


def _licences(task: Task) -> list[str]:
    from steelyard.weigh.datasets import load_set

    return sorted({sample.licence or "not told" for sample in load_set(task.set_name).samples})


def _shown(sample: Sample) -> dict[str, Any]:
    gold = sample.reference
    reference = dict(gold) if isinstance(gold, Mapping) else gold
    shown = {"id": sample.id, "input": sample.input, "reference": reference}
    return shown | ({"messages": list(sample.messages)} if sample.messages else {})


def _ungradable(samples: Sequence[Sample], grader: str) -> list[tuple[str, str]]:
    from steelyard.weigh.judged import fits_of

    fits = fits_of(grader, {})
    return [(sample.id, reason) for sample in samples if (reason := fits(sample))]


def _tell_faults(faults: Sequence[tuple[str, str]], *, err: bool = False) -> None:
    for where, reason in faults[:_FAULTS_SHOWN]:
        typer.echo(printable(f"{where}: {reason}"), err=err)
    if len(faults) > _FAULTS_SHOWN:
        typer.echo(f"… and {len(faults) - _FAULTS_SHOWN} more", err=err)


def _tell_imported(tasks: Sequence[Imported], faults: Mapping[str, int]) -> None:
    """Says what came of each task; what is true of all is said once."""
    first = tasks[0].notes if len(tasks) > 1 else ()
    shared = [note for note in first if all(note in task.notes for task in tasks)]
    for task in tasks:
        bad = f", {faults[task.name]} that cannot be used" if faults[task.name] else ""
        typer.echo(f"{task.name}: {counted(len(task.rows), 'item')}{bad}, grader {task.grader}")
        for note in task.notes:
            if note not in shared:
                typer.echo(f"  - {printable(note)}")
    for note in shared:
        typer.echo(f"of the whole file: {printable(note)}")


def _floor(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        floor = Decimal(text)
    except InvalidOperation as error:
        raise ConfigError(f"--floor {text} is not a number") from error
    if not (floor.is_finite() and 0 < floor <= 1):
        raise ConfigError("--floor lies above 0 and is at most 1")
    return floor


def _read(source: Source, file: Path, name: str) -> list[Imported]:
    from steelyard.weigh.importing import inspect_logs, openai_evals, promptfoo

    readers = {
        Source.INSPECT: inspect_logs.read,
        Source.PROMPTFOO: promptfoo.read,
        Source.OPENAI_EVALS: openai_evals.read,
    }
    return readers[source](file, name)


def _write(
    plan: Addition, entries: Mapping[str, Any], *, is_dry_run: bool, is_silent: bool = False
) -> None:
    """Writes sets and entries, the sets first, since a running steelyard reads the file at once."""
    from steelyard.control.moving.merging import insert
    from steelyard.supervisor.home import make_private, write_durably

    home = place.home()
    if is_dry_run:
        if not is_silent:
            typer.echo(printable(insert("", "tasks", entries)))
        return
    make_private(home)
    for path, data in plan.sets.items():
        (home / path).parent.mkdir(mode=0o700, exist_ok=True)
        write_durably(home / path, data, 0o600)
    file = (home / "steelyard.yaml").resolve()  # a link stays one
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o600
    write_durably(file, plan.text.encode(), mode)
    if is_silent:
        _tell()
        return
    for name in plan.names:
        typer.echo(f"{file} has the task {name} now; its set is {entries[name]['set']}")
    _tell()


def _tell() -> None:
    try:
        place.api().post("/api/config/apply")
    except StoreUnavailable:
        return  # the next start reads the file
