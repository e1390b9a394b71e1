"""Offers compared from run files: the base, what is left out, what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from weigh.cases.case_rig import right

from control.case_home import ONE, TWO, write_runs
from control.compared_home import NAMES, give_verdict, make_compared, write_answers
from steelyard.control import comparison
from steelyard.control.comparison import BaseIs, Comparison
from steelyard.control.control import Control
from steelyard.domain.errors import ConfigError, InvalidRequest
from steelyard.weigh.comparison import Finding


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    made = make_compared(tmp_path)
    yield made
    made.close()


def look(control: Control, *offers: str, task: str = "mood") -> Comparison:
    return asyncio.run(comparison.look(control, task, offers))


def test_two_offers_on_the_same_items(control: Control) -> None:
    write_answers(control)
    found = look(control, ONE)
    (pair,) = found.pairs
    assert (found.base, found.base_is) == (ONE, BaseIs.NAMED)
    assert (pair.offer, pair.difference.n, pair.wins, pair.losses) == (TWO, 60, 30, 0)
    assert pair.finding is Finding.BETTER
    (turned,) = look(control, TWO, ONE).pairs
    assert (turned.base, turned.losses, turned.finding) == (TWO, 30, Finding.WORSE)


@pytest.mark.parametrize(
    ("lowers", "base", "base_is"),
    [
        (("0.61", "0.62"), ONE, BaseIs.CHEAPEST),  # though the other is better
        (("0.51", "0.62"), TWO, BaseIs.CHEAPEST),
        (("0.41", "0.42"), TWO, BaseIs.BEST),
        ((), TWO, BaseIs.LONGEST),
    ],
)
def test_the_base_is_the_cheapest_proven_or_else_the_best(
    control: Control, lowers: tuple[str, ...], base: str, base_is: BaseIs
) -> None:
    write_answers(control)
    write_runs(control, "mood-18ea4760483163a1.jsonl", *(right(name) for name in NAMES[:50]))
    for offer, lower, cost_pico in zip((ONE, TWO), lowers, (7_000, 9_000), strict=False):
        give_verdict(control, offer, lower, cost_pico)
    found = look(control)
    assert (found.base, found.base_is) == (base, base_is)
    assert list(found.papers)[0] == base
    assert len(found.standings) == len(lowers) and found.currency == "CNY"


def test_offers_that_answered_another_set_are_left_out_and_told(control: Control) -> None:
    found = look(control)
    assert (found.base, found.pairs, found.outdated) == ("", [], (ONE, TWO))
    write_runs(control, "mood-18ea4760483163a1.jsonl", right(NAMES[0]))
    found = look(control)
    assert (found.base, found.pairs, found.outdated) == (ONE, [], (TWO,))
    with pytest.raises(InvalidRequest, match=f"another test set.*steelyard weigh mood .*{TWO}"):
        look(control, ONE, TWO)


def test_offers_without_answers_are_refused_with_the_nearest(control: Control) -> None:
    with pytest.raises(InvalidRequest, match="nor has any other"):
        look(control, "shop/three")
    write_answers(control)
    with pytest.raises(InvalidRequest, match="no answers to mood; did you mean shop/one"):
        look(control, TWO, "shop/ome")


def test_a_judged_task_is_refused_with_what_to_do_instead(control: Control) -> None:
    with pytest.raises(InvalidRequest, match="baseline"):
        look(control, task="taste")


def test_unknown_tasks_and_unreadable_files(control: Control) -> None:
    with pytest.raises(ConfigError, match="did you mean"):
        look(control, task="moot")
    path = write_answers(control)
    (path.parent / "mood-18ea4760483163a2.jsonl").write_text('{"v":7}\n')
    found = look(control)
    assert len(found.pairs) == 1 and "mood-18ea4760483163a2" in found.problems[0]
    control.config = None
    with pytest.raises(ConfigError, match="could not be read"):
        look(control)
