"""The tasks in force: the shipped ones with the file's settings over them, and the user's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from steelyard.config.check import Mistake, nearest, offer_name
from steelyard.config.model import Config
from steelyard.config.model import Task as Wanted
from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Constraint, PromptForm, Sample, Task, form_digest
from steelyard.weigh import catalog
from steelyard.weigh.catalog import find_task, shipped_tasks
from steelyard.weigh.datasets import digest_of, is_file, load_set
from steelyard.weigh.graders.registry import find_fitting, find_graders
from steelyard.weigh.judged import GRADER, check_parameters, fits_of
from steelyard.weigh.written import language_of_set


def task_of(config: Config | None, name: str) -> Task:
    """The task of that name.

    Args:
        config: in force; None where none could be read.
        name: of the task.

    Raises:
        ConfigError: there is none.
    """
    if config is None:
        raise ConfigError("steelyard.yaml could not be read; there is no task.")
    return find_task(name, tasks(config))


def tasks(config: Config) -> dict[str, Task]:
    """All tasks that exist for calls and weighing, by name.

    Raises:
        ConfigError: a task of one's own is not whole.
    """
    found = dict(shipped_tasks())
    for name, wanted in config.tasks.items():
        settings = wanted or Wanted()
        if not settings.enabled:
            found.pop(name, None)
        elif settings.set is not None:
            found[name] = _own(name, settings)
        elif name in found:
            found[name] = _changed(found[name], settings)
    return found


def bodies(config: Config) -> dict[str, dict[str, Any]]:
    """The tasks as the database keeps them, with the digests a valid verdict may carry.

    Raises:
        ConfigError: a task of one's own is not whole, or its set cannot be read.
    """
    found = {}
    for name, task in tasks(config).items():
        wanted = config.tasks.get(name)
        found[name] = {
            "title": task.title,
            "language": task.language,
            "set": task.set_name,
            "grader": task.grader,
            "floor": str(task.floor),
            "policy": (wanted.policy if wanted else None) or "",
            "is_weighed_when_idle": task.is_weighed_when_idle,
            "digests": digests(task),
            "temperature": str(task.form.temperature),
            "output_tokens_max": task.form.output_tokens_max,
            "proof": _proof(config, task, wanted or Wanted()),
        }
    return found


def _proof(config: Config, task: Task, wanted: Wanted) -> dict[str, Any]:
    """What the task asks of proof beside its floor; ``proving.rules_of`` reads it."""
    weighing = config.weighing
    supervised = wanted.supervised_floor
    if supervised is None:
        supervised = max(Decimal(0), task.floor - weighing.supervised_margin)
    return {
        "stale_after_days": wanted.stale_after_days or weighing.stale_after_days,
        "supervised_floor": str(min(task.floor, supervised)),
        "supply": wanted.supply.model_dump() if wanted.supply else {},
        "supply_required": wanted.supply_required,
    }


def digests(task: Task) -> list[str]:
    """Digests of the forms in which a verdict on the task counts.

    Raises:
        ConfigError: the set cannot be read.
    """
    of_set = digest_of(task.set_name)
    forms = (task.form, task.form.unconstrained())
    # What the judge can be held to is its offer's; freely asked or held, its verdicts count.
    judges = tuple(Constraint) if task.grader == GRADER else (Constraint.NONE,)
    found = (form_digest(task, form, of_set, judge) for form in forms for judge in judges)
    return list(dict.fromkeys(found))


def task_rule(config: Config) -> Iterator[Mistake]:
    """Mistakes in the tasks: unknown names, sets that cannot be read, values out of range."""
    shipped = shipped_tasks()
    for name, wanted in config.tasks.items():
        path = ("tasks", name)
        if wanted is None or wanted.set is None:
            if name not in shipped:
                yield path, f"no shipped task is called {name!r}{nearest(name, shipped)}"
            continue
        try:
            digests(_own(name, wanted))
        except (ConfigError, ValueError) as error:
            yield path, str(error)


def grader_rule(config: Config) -> Iterator[Mistake]:
    """Graders of own tasks that cannot grade anything; what only a weighing sees is paid for first.

    A function of one's own is looked for, and not run. The judge of a judged task may be named
    later: until then the task is not weighed, see ``remarks``.
    """
    for name, wanted in config.tasks.items():
        if wanted is None or wanted.set is None or not wanted.grader:
            continue
        try:
            _check_grader(wanted.grader, wanted.grader_parameters)
        except ConfigError as error:
            yield ("tasks", name, "grader"), error.message


def remarks(config: Config) -> Iterator[str]:
    """What is no mistake but not meant either: items of own sets that are not asked, no judge.

    Args:
        config: one in which the rules find no mistake.

    Raises:
        ConfigError: a set cannot be read any more.
    """
    for name, task in tasks(config).items():
        if not is_file(task.set_name):
            continue
        if task.grader == GRADER:
            yield from _judges(config, task)
        dataset = load_set(task.set_name)
        left_out = [(fault.where, fault.reason) for fault in dataset.faults]
        fits = _fits(task)
        left_out += [(each.id, why) for each in dataset.samples if (why := fits(each))]
        if left_out:
            where, why = left_out[0]
            count = len(dataset.samples) + len(dataset.faults)
            yield f"tasks.{name}: {len(left_out)} of {count} items are not asked; {where}: {why}"


def _judges(config: Config, task: Task) -> Iterator[str]:
    """Whether the offers that a judged task needs are named, and are there."""
    offers = {*map(offer_name, config.offers), *(f"local/{name}" for name in config.local.models)}
    if not task.grader_parameters.get("judge"):
        yield f"tasks.{task.name}: the parameter judge names the offer that judges; it is missing"
    for part in ("judge", "baseline"):
        named = str(task.grader_parameters.get(part) or "")
        if named and named not in offers:
            yield f"tasks.{task.name}: {part}: no offer {named!r}{nearest(named, offers)}"


def _check_grader(grader: str, parameters: Mapping[str, object]) -> None:
    if grader == GRADER:
        check_parameters(parameters)
        return
    found = find_graders()
    if grader not in found:
        hint = catalog.nearest(grader, [*found, GRADER])
        raise ConfigError(f"no grader is called {grader!r}{hint}")
    find_fitting(grader, parameters)


def _fits(task: Task) -> Callable[[Sample], str]:
    if task.grader == GRADER:
        return fits_of(task.grader, task.grader_parameters)
    return find_fitting(task.grader, task.grader_parameters).fits


def _own(name: str, wanted: Wanted) -> Task:
    if not (wanted.set and wanted.grader and wanted.form and wanted.floor):
        raise ConfigError(f"task {name} needs set, grader, form and floor")
    return Task(
        name=name,
        title=wanted.title or name,
        language=wanted.language or language_of_set(wanted.set),
        set_name=wanted.set,
        grader=wanted.grader,
        floor=wanted.floor,
        form=PromptForm(**wanted.form.model_dump()),
        grader_parameters=wanted.grader_parameters,
        seed=wanted.seed,
        is_weighed_when_idle=bool(wanted.is_weighed_when_idle),
        scenario=wanted.scenario,
    )


def _changed(task: Task, wanted: Wanted) -> Task:
    if wanted.floor is not None:
        task = replace(task, floor=wanted.floor)
    if wanted.is_weighed_when_idle is not None:
        task = replace(task, is_weighed_when_idle=wanted.is_weighed_when_idle)
    return task
