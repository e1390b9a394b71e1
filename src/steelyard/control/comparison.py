"""Offers of a task compared on the same items: run files found, the base chosen, costs beside it.

What the numbers mean is ``weigh.comparison``'s. Reading needs no lock, so a weighing may be writing
meanwhile. Nothing here tells an item or an answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from steelyard.control.configuration import taskbook
from steelyard.control.control import Control
from steelyard.control.proofs import readiness
from steelyard.control.proofs.readiness import TaskVerdict
from steelyard.domain.errors import InvalidRequest
from steelyard.domain.readiness import Candidate
from steelyard.domain.tasks import Task
from steelyard.weigh.catalog import nearest
from steelyard.weigh.comparison import Pair, Paper, Papers, compare, papers_of
from steelyard.weigh.datasets import load_set
from steelyard.weigh.judged import GRADER, fits_of
from steelyard.weigh.lanes import make_course
from steelyard.weigh.runfile import paths_of, readable_records


class BaseIs(StrEnum):
    """Why the others are compared with this offer."""

    NAMED = "named"
    CHEAPEST = "cheapest"
    """The cheapest proven one."""
    BEST = "best"
    """The best one; none is proven."""
    LONGEST = "longest"
    """The one that answered most items; none has a verdict that counts."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Offers of a task against one of them."""

    task: str
    base: str
    """Empty where no offer has answers that count."""
    base_is: BaseIs
    papers: Mapping[str, Paper]
    """Of all that are compared, the base first."""
    pairs: Sequence[Pair]
    standings: Mapping[str, Candidate]
    """What is known of them besides, where somebody weighed them to the end."""
    currency: str
    """The home currency: of all costs here."""
    outdated: Sequence[str]
    """Offers left out: they answered another test set, prompt or grader than today's."""
    problems: Sequence[str]
    """Run files that could not be read."""


async def look(control: Control, task_name: str, offers: Sequence[str] = ()) -> Comparison:
    """The offers of a task against one of them.

    Args:
        control: whose task it is.
        task_name: of one that programs grade.
        offers: those to compare, the base first; one alone is the base of all others, none means
            all against the cheapest proven one, or else the best.

    Raises:
        ConfigError: no such task, or its set cannot be read.
        InvalidRequest: a judge grades it, or an offer has no answers that count.
        StoreError: the database cannot be used.
    """
    task = taskbook.task_of(control.config, task_name)
    _demand_program(task)
    problems: list[str] = []
    folder = control.places.home / "weighings"
    papers = await asyncio.to_thread(_papers, task, folder, problems)
    verdicts = await control.read(lambda c: readiness.load(c, time.time_ns(), task.name))
    known = next(iter(verdicts), None)
    _demand_papers(task.name, papers, offers)
    base, base_is = _base(papers, known, offers)
    chosen = {base: papers.current[base]} if base else {}
    others = offers if len(offers) > 1 else papers.current
    chosen |= {name: papers.current[name] for name in others}
    pairs = await asyncio.to_thread(_pairs, task, chosen, base)
    return Comparison(
        task=task.name,
        base=base,
        base_is=base_is,
        papers=chosen,
        pairs=pairs,
        standings={each.offer: each for each in known.candidates if each.verdict} if known else {},
        currency=known.currency if known else "",
        outdated=papers.outdated,
        problems=problems,
    )


def _demand_program(task: Task) -> None:
    """Refuses a judged task.

    Its grades say how often an answer was preferred to the baseline's, which orders no two others:
    preferences go round in circles. And a judge that does not read grades all offers alike, so "no
    difference" would be its word; a weighing has a gate against that. Against a baseline the
    verdict *is* the comparison, with both orders and that gate.
    """
    if task.grader == GRADER:
        raise InvalidRequest(
            f"{task.name} is graded by a judge against a baseline or references, which does not say"
            " how two offers compare with each other; name one of them in its parameter `baseline`"
            " and weigh the other: a grade above a half is the better one's"
        )


def _papers(task: Task, folder: Path, problems: list[str]) -> Papers:
    files = (readable_records(path, problems) for path in paths_of(folder, task.name))
    return papers_of(files, taskbook.digests(task))


def _pairs(task: Task, papers: Mapping[str, Paper], base: str) -> list[Pair]:
    if len(papers) < 2:
        return []
    fits = fits_of(task.grader, task.grader_parameters)
    return compare(make_course(task, load_set(task.set_name), fits), papers, base)


def _demand_papers(task: str, papers: Papers, offers: Sequence[str]) -> None:
    for name in offers:
        if name in papers.outdated:
            raise InvalidRequest(
                f"{name} answered another test set, prompt or grader than today's;"
                f" weigh it again: steelyard weigh {task} --offer {name}",
                param="offers",
            )
        if name not in papers.current:
            hint = nearest(name[:128], papers.current) if papers.current else "; nor has any other"
            told = f"{name[:128]!r} has no answers to {task}{hint}"
            raise InvalidRequest(told, param="offers")


def _base(papers: Papers, known: TaskVerdict | None, offers: Sequence[str]) -> tuple[str, BaseIs]:
    if offers:
        return offers[0], BaseIs.NAMED
    cheapest = known.verdict.cheapest if known else ""
    best = known.verdict.best.offer if known and known.verdict.best else ""
    for name, base_is in ((cheapest, BaseIs.CHEAPEST), (best, BaseIs.BEST)):
        if name in papers.current:
            return name, base_is
    longest = max(papers.current, key=lambda each: len(papers.current[each].grades), default="")
    return longest, BaseIs.LONGEST
