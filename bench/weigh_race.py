"""Simulated weighings from real outcomes: how often races are right, and what they save.

`measure()` gives the figures; `python -m bench.weigh_race` prints them. 2,000 weighings over all
tasks of `bench.outcomes`, 2 to 10 offers each, drawn with replacement from the task's queries, so
that the true means are known exactly. Nothing here was tuned to the outcomes: the bets, the errors
and the rule of whom to ask are those of `steelyard.weigh`, with their defaults.

**Floors.** Three weighings in five ask of every offer whether it reaches a floor, over at most 400
items. The floor lies at a distance of `DISTANCES` from the true mean of one of the offers, the
nearest of them a millionth above it, the worst case for a false selection.

**Margins, and what they are compared with.** The others ask of every offer whether it is within 3
points of a reference (drawn at random) or better, or not. Of an offer with a true difference d:

- *in*: claimed that d > -0.03; wrong if d < -0.03;
- *out*: claimed that d < -0.03; wrong if d >= -0.03;
- *undecided*: neither.

A race claims so by `Status.PROVEN` and `Status.FAILED`. The fixed-size comparison asks for each
pair (offer, reference), with pairs = offers - 1,

    n = ceil((z(1 - 0.05 / pairs / 2) + z(0.9))^2 * variance / 0.03^2)

items, `variance` being that of the paired difference over the whole population (which a real plan
would have to guess), and claims *in* or *out* when the interval mean +- z(1 - 0.05 / pairs / 2) * s
/ sqrt(n) lies on one side of -0.03: a two-sided test with Bonferroni's correction that tells a
difference of 3 points from none in nine cases of ten. Its calls are the sum of n over the pairs
and, for the reference, the largest n. Both see the same items in the same order; a race may ask as
many items as the largest n.

`calls_ratio` counts the weighings in which both decide about every offer: calls of the race over
calls of the comparison, median within a task, then over tasks. `meta` tells the same over all
weighings, with what the race asked in vain, and how often either is undecided or wrong.

`false_selection`: share of the 2,000 in which any offer is claimed good enough that is not; `meta`
tells the same over those alone whose floor lies a millionth above the true mean of an offer.
`coverage`: share of sequences at 95 % (2.5 % a side) that hold the truth after every single item up
to the end of their race.
"""

import argparse
import math
import random
import statistics
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console

from bench import weigh_cheapest, weigh_curves
from bench.outcomes import SHIPPED, Population, read
from steelyard.domain.tasks import Grade, Status
from steelyard.weigh.betting import Fortune
from steelyard.weigh.entrants import Entrant, Floor, Margin, Rules, Standing
from steelyard.weigh.race import Race

SEED = 1
WEIGHINGS = 2000
MARGIN_SHARE = 0.4
"""Of the weighings; the rest have floors."""
ERROR = 0.05
POWER = 0.9
MARGIN = Decimal("0.03")
OFFERS_MAX = 10
FLOOR_ITEMS = 400
WORST = 0.0001
DISTANCES = (-0.15, -0.1, -0.05, -0.02, 0.000001, 0.000001, 0.01, 0.02, 0.05, 0.1, 0.15)
"""Of the floor above the true mean of one of the offers."""
SEARCHES_PER_TASK = 2
"""Races for the cheapest offer, told in `meta` only; they come on top of the 2,000."""
_GRADES = (Grade(Fraction(0), "wrong"), Grade(Fraction(1)))
_normal = statistics.NormalDist().inv_cdf


@dataclass(slots=True)
class Weighing:
    """What came of one simulated weighing."""

    task: str
    kind: str
    n_offers: int
    is_worst: bool = False
    """Whether the floor lies a millionth above the true mean of one of the offers."""
    calls: int = 0
    claims: list[str] = field(default_factory=list)
    """In, out or undecided, an offer each; without the reference."""
    wrong: list[str] = field(default_factory=list)
    """The claims that are not true."""
    covered: list[bool] = field(default_factory=list)
    """A sequence each."""
    fixed_calls: int = 0
    fixed_calls_alike: int = 0
    """If every pair were given the largest n."""
    fixed_claims: list[str] = field(default_factory=list)
    fixed_wrong: list[str] = field(default_factory=list)

    @property
    def is_decided_by_both(self) -> bool:
        """Whether both methods claim something of every offer."""
        return "undecided" not in self.claims and "undecided" not in self.fixed_claims


class _Watch:
    """Two gamblers against the truth: rich ever, and the sequence has missed it."""

    def __init__(self, truth: float) -> None:
        """Watches a sequence on [0, 1]; the truth may be either end."""
        self._up = Fortune(truth, ERROR / 2) if truth > 0 else None
        self._down = Fortune(1 - truth, ERROR / 2) if truth < 1 else None

    def take(self, value: float) -> None:
        if self._up:
            self._up.take(value)
        if self._down:
            self._down.take(1 - value)

    @property
    def is_covered(self) -> bool:
        return not any(side and side.is_rich for side in (self._up, self._down))


def _claim(status: Status) -> str:
    return {Status.PROVEN: "in", Status.FAILED: "out"}.get(status, "undecided")


def _is_wrong(claim: str, truth: Fraction, boundary: Fraction) -> bool:
    return claim == ("out" if truth >= boundary else "in")


def floor_weighing(population: Population, seed: str) -> Weighing:
    """Every offer against a floor near or far."""
    chance = random.Random(seed)  # noqa: S311 -- a simulation that can be repeated
    models = _draw_models(population, chance)
    truths = {model: population.mean(model) for model in models}
    distance = chance.choice(DISTANCES)
    near = float(truths[chance.choice(models)]) + distance
    steps = math.ceil if distance > 0 else math.floor
    floor = Decimal(min(max(steps(near * 10**6), 1), 10**6)) / 10**6
    items = [chance.randrange(population.n_queries) for _ in range(FLOOR_ITEMS)]
    done = Weighing(population.task, "floor", len(models), is_worst=0 < distance < WORST)
    watches = {model: _Watch(float(truths[model])) for model in models}
    race = Race([Entrant(model) for model in models], Floor(floor), Rules(FLOOR_ITEMS))
    while (ask := race.next()) is not None:
        model, index = ask
        score = population.scores[model][items[index]]
        race.take(model, index, _GRADES[score], 0)
        watches[model].take(score)
        done.calls += 1
    done.covered = [watch.is_covered for watch in watches.values()]
    _judge(done, race.verdicts(), truths, Fraction(floor))
    return done


def margin_weighing(population: Population, seed: str) -> Weighing:
    """Every offer against a reference, by a race and by a fixed-size comparison."""
    chance = random.Random(seed)  # noqa: S311 -- a simulation that can be repeated
    models = _draw_models(population, chance)
    reference, others = models[0], models[1:]
    pairs = {model: population.pair(model, reference) for model in others}
    sizes = {model: _fixed_size(variance, len(others)) for model, (_, variance) in pairs.items()}
    n_items = max(sizes.values())
    items = [chance.randrange(population.n_queries) for _ in range(n_items)]
    done = Weighing(population.task, "margin", len(models))
    base = population.scores[reference]
    truths = {model: mean for model, (mean, _) in pairs.items()}
    watches = {model: _Watch(float((1 + mean) / 2)) for model, mean in truths.items()}
    target = Margin(reference, MARGIN)
    race = Race([Entrant(model) for model in models], target, Rules(n_items))
    while (ask := race.next()) is not None:
        model, index = ask
        score = population.scores[model][items[index]]
        race.take(model, index, _GRADES[score], 0)
        if model != reference:
            watches[model].take((1 + score - base[items[index]]) / 2)
        done.calls += 1
    done.covered = [watch.is_covered for watch in watches.values()]
    boundary = -Fraction(MARGIN)
    _judge(done, [s for s in race.verdicts() if s.offer != reference], truths, boundary)
    done.fixed_calls = sum(sizes.values()) + n_items
    done.fixed_calls_alike = n_items * len(models)
    for model in others:
        own = population.scores[model]
        differences = [own[item] - base[item] for item in items[: sizes[model]]]
        claim = _fixed_claim(differences, len(others))
        done.fixed_claims.append(claim)
        if _is_wrong(claim, truths[model], boundary):
            done.fixed_wrong.append(claim)
    return done


def _draw_models(population: Population, chance: random.Random) -> list[str]:
    most = min(OFFERS_MAX, len(population.scores))
    return chance.sample(sorted(population.scores), chance.randint(2, most))


def _judge(
    done: Weighing,
    standings: Iterable[Standing],
    truths: dict[str, Fraction],
    boundary: Fraction,
) -> None:
    for standing in standings:
        claim = _claim(standing.status)
        done.claims.append(claim)
        if _is_wrong(claim, truths[standing.offer], boundary):
            done.wrong.append(claim)


def _fixed_size(variance: Fraction, n_pairs: int) -> int:
    """Items of a pair that tell `MARGIN` from nothing with `POWER`; at least 2."""
    z = _normal(1 - ERROR / n_pairs / 2) + _normal(POWER)
    return max(2, math.ceil(z * z * float(variance) / float(MARGIN) ** 2))


def _fixed_claim(differences: Sequence[int], n_pairs: int) -> str:
    n = len(differences)
    half = _normal(1 - ERROR / n_pairs / 2) * statistics.stdev(differences) / math.sqrt(n)
    mean = sum(differences) / n
    if mean - half > -float(MARGIN):
        return "in"
    return "out" if mean + half < -float(MARGIN) else "undecided"


@cache
def _populations(path: Path) -> list[Population]:
    """Read once; processes that are forked after it have it already."""
    return read(path)


def _simulate(path: Path, weighings: int, places: range) -> list[Weighing]:
    """The weighings of some places in the whole; every place has its own seed."""
    populations = _populations(path)
    done = []
    for place in places:
        population = populations[place % len(populations)]
        is_margin = place // len(populations) % 5 < 5 * MARGIN_SHARE
        weigh = margin_weighing if is_margin else floor_weighing
        done.append(weigh(population, f"{SEED}-{place}-{weighings}"))
    return done


def _search(path: Path, place: int) -> weigh_cheapest.Search:
    populations = _populations(path)
    return weigh_cheapest.search(populations[place % len(populations)], f"{SEED}-{place}")


def measure(
    path: Path = SHIPPED, weighings: int = WEIGHINGS, processes: int = 2
) -> tuple[dict[str, float], dict[str, object]]:
    """Runs all weighings; the figures, and what stands behind them.

    Args:
        path: an extract of outcomes.
        weighings: how many; the seeds depend on it.
        processes: how many at a time.
    """
    size = max(1, weighings // (processes * 8))
    parts = [range(start, min(start + size, weighings)) for start in range(0, weighings, size)]
    work = partial(_simulate, path, weighings)
    n_searches = SEARCHES_PER_TASK * len(_populations(path))
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        curves = {
            f"{name}_{points}_points": pool.submit(weigh_curves.items_to_decide, points, is_paired)
            for name, is_paired in (("paired", True), ("floor", False))
            for points in weigh_curves.POINTS
        }
        done = [weighing for part in pool.map(work, parts) for weighing in part]
        searches = list(pool.map(partial(_search, path), range(min(weighings, n_searches))))
        curve = {name: future.result() for name, future in curves.items()}
    figures, meta = figures_of(done)
    return figures, {
        **meta,
        "items_to_decide": curve,
        "cheapest": weigh_cheapest.summary(searches),
    }


def figures_of(done: Sequence[Weighing]) -> tuple[dict[str, float], dict[str, object]]:
    """What weighings say together."""
    margins = [weighing for weighing in done if weighing.kind == "margin"]
    tasks = {
        task: _row([w for w in margins if w.task == task])
        for task in sorted({w.task for w in margins})
    }
    by_offers = {
        str(n): _row([w for w in margins if w.n_offers == n])
        for n in sorted({w.n_offers for w in margins})
    }
    medians = [ratio for row in tasks.values() if (ratio := row["calls_ratio"]) is not None]
    covered = [is_covered for weighing in done for is_covered in weighing.covered]
    figures = {
        "false_selection": _share("in" in weighing.wrong for weighing in done),
        "coverage": _share(covered),
        "calls_ratio": statistics.median(medians),
    }
    worst = [weighing for weighing in done if weighing.is_worst]
    meta: dict[str, object] = {
        "settings": {
            "weighings": len(done),
            "of_them_margins": len(margins),
            "sequences": len(covered),
            "seed": SEED,
            "error": ERROR,
            "margin": float(MARGIN),
            "floor_items": FLOOR_ITEMS,
        },
        "false_selection_at_worst_floors": _share("in" in w.wrong for w in worst),
        "weighings_at_worst_floors": len(worst),
        "false_dismissal": _share("out" in weighing.wrong for weighing in done),
        "any_wrong": _share(bool(weighing.wrong) for weighing in done),
        "race": _method([(w.claims, w.wrong) for w in margins]),
        "fixed_size": _method([(w.fixed_claims, w.fixed_wrong) for w in margins]),
        "floors": _method([(w.claims, w.wrong) for w in done if w.kind == "floor"]),
        "decided_by_both": _share(w.is_decided_by_both for w in margins),
        "calls_ratio_all": statistics.median(w.calls / w.fixed_calls for w in margins),
        "calls_ratio_all_sum": sum(w.calls for w in margins) / sum(w.fixed_calls for w in margins),
        "calls_ratio_alike": statistics.median(
            w.calls / w.fixed_calls_alike for w in margins if w.is_decided_by_both
        ),
        "by_offers": by_offers,
        "spread": tasks,
    }
    return figures, meta


def _share(facts: Iterable[bool]) -> float:
    found = list(facts)
    return sum(found) / max(1, len(found))


def _method(rows: Sequence[tuple[list[str], list[str]]]) -> dict[str, float]:
    """How one method did: by offer, and by weighing."""
    claims = [claim for row, _ in rows for claim in row]
    return {
        "offers": len(claims),
        "offers_undecided": _share(claim == "undecided" for claim in claims),
        "offers_wrong": sum(len(wrong) for _, wrong in rows) / max(1, len(claims)),
        "weighings_undecided": _share("undecided" in row for row, _ in rows),
        "weighings_wrong": _share(bool(wrong) for _, wrong in rows),
        "weighings_false_selection": _share("in" in wrong for _, wrong in rows),
    }


def _row(own: Sequence[Weighing]) -> dict[str, float | None]:
    """What the weighings of one task, or with one number of offers, needed."""
    both = [w.calls / w.fixed_calls for w in own if w.is_decided_by_both]
    return {
        "weighings": len(own),
        "decided_by_both": len(both),
        "calls_ratio": statistics.median(both) if both else None,
        "calls_ratio_all": statistics.median(w.calls / w.fixed_calls for w in own),
    }


def main() -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description="Simulated weighings from real outcomes.")
    parser.add_argument("--data", type=Path, default=SHIPPED, help="an extract of outcomes")
    parser.add_argument("--weighings", type=int, default=WEIGHINGS)
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    figures, meta = measure(chosen.data, chosen.weighings, chosen.processes)
    Console().print(figures)
    Console().print(meta)
    is_good = (
        figures["false_selection"] <= ERROR
        and figures["coverage"] >= 1 - ERROR
        and figures["calls_ratio"] <= 0.5
    )
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
