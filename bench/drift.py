"""Simulated watches from real outcomes: how often a steady offer alarms, how soon a fall is seen.

`measure()` gives the figures; `python -m bench.drift` prints them. Every watch draws a task and a
model of `bench.outcomes` and a pool of 300 of the task's queries.

**Noise.** The outcomes hold one answer a query, so how much an answer varies from one day to the
next is assumed, for each watch one of `REDRAWN`: that share of the items is decided anew at every
visit, right with the chance of the model's mean on the task; all others come out as they did. So
0 is a model that never varies, and at 0.3 two visits differ in up to 15 % of the items.

**Verdict.** References are those of a weighing that stopped as soon as the offer was proven, at a
floor 2 to 20 points below the mean; the rest of the pool gets its references from the watch. Offers
that are not proven within the pool are drawn again: nobody watches them.

`drift_false_alarm`: share of `STEADY` watches over offers that never change which alarm at any of
200 looks of 20 items; stated: 1 %.

`drift_alarm_looks`: looks from the one at which the mean falls by 10 points (each right answer is
wrong from then on with the same chance, anew at every visit) to the alarm, median over `FALLEN`
watches; the fall comes at a look drawn from 16 to 45. Those that do not alarm within 200 looks
count as never.

`meta` also tells

- the median over the tasks on which the method was not tuned (every other one);
- what gamblers that leave are for: how often the same bets alarm over steady offers, at the same
  error, if one fortune goes on from pass to pass with the references that it began with;
- the same fall seen with a pool of only `POOL_SMALL` items;
- what becomes of `CHANGED` offers that are not worse by more than is borne: of as many right
  answers that turned wrong as wrong ones that turned right (`swapped`: ten points each way), and of
  a fall of just the tolerance (`borne`; stated: 5 %).
"""

import argparse
import random
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from bench.outcomes import Population, read
from steelyard.domain.tasks import Grade, Status
from steelyard.weigh.drift import BORNE_ERROR, QUALITY_SHARE, Rules, Seen, Watch
from steelyard.weigh.gamblers import Bet
from steelyard.weigh.stats import Decision

SEED = 1
STEADY, FALLEN, CHANGED = 500, 100, 100
LOOKS, ITEMS, POOL, POOL_SMALL = 200, 20, 300, 100
FALL = 0.1
MEAN_MIN = 0.3
"""Models below it cannot fall by ten points and still be of use to anybody."""
REDRAWN = (0.0, 0.05, 0.1, 0.3)
FLOOR_BELOW = (0.02, 0.05, 0.1, 0.2)
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_SEEN = (Seen(Fraction(0), 20, _AT), Seen(Fraction(1), 20, _AT))


class Offer:
    """One model on the pool of one watch."""

    def __init__(
        self, populations: Sequence[Population], chance: random.Random, size: int = POOL
    ) -> None:
        self._chance = chance
        while True:
            population = chance.choice(populations)
            model = chance.choice(sorted(population.scores))
            self.mean = float(population.mean(model))
            self.task = population.task
            if self.mean >= MEAN_MIN:
                break
        self.redrawn = chance.choice(REDRAWN)
        self._scores = [
            population.scores[model][chance.randrange(population.n_queries)] for _ in range(size)
        ]
        self._varies = [chance.random() < self.redrawn for _ in range(size)]
        self.fall = 0.0
        """Chance that a right answer is wrong now."""

    def turn(self, count: int, *, is_swap: bool) -> None:
        """Turns items that came out right to wrong for good; in a swap as many wrong ones, too."""
        right = [index for index, score in enumerate(self._scores) if score]
        wrong = [index for index, score in enumerate(self._scores) if not score]
        if is_swap:
            count = min(count, len(right), len(wrong))
            for index in self._chance.sample(wrong, count):
                self._scores[index] = 1
        for index in self._chance.sample(right, count):
            self._scores[index] = 0

    def visit(self, index: int) -> Seen:
        """One answer to an item."""
        if self._varies[index]:
            right = self._chance.random() < self.mean
        else:
            right = bool(self._scores[index])
        return _SEEN[right and not (self.fall and self._chance.random() < self.fall)]


def proven(populations: Sequence[Population], seed: str, size: int = POOL) -> tuple[Offer, Watch]:
    """An offer that a weighing has proven, and the watch that begins then."""
    for number in range(10_000):
        chance = random.Random(f"{seed} {number}")  # noqa: S311 -- a simulation, repeatable
        offer = Offer(populations, chance, size)
        floor = Decimal(f"{max(0.01, offer.mean - chance.choice(FLOOR_BELOW)):.6f}")
        decision, references = Decision(floor), {}
        for index in range(size):
            references[str(index)] = seen = offer.visit(index)
            decision.take(Grade(seen.grade, "wrong"))
            if decision.is_settled:
                break
        if decision.status is Status.PROVEN:
            return offer, Watch([str(index) for index in range(size)], references, Rules())
    raise RuntimeError("nothing was ever proven")


def looks_to_alarm(
    offer: Offer, watch: Watch, changes_at: int | None, looks: int = LOOKS
) -> int | None:
    """The look at which a watch alarms, from 0; None if it never does."""
    for look in range(looks):
        if look == changes_at:
            offer.fall = FALL / offer.mean
        for _ in range(ITEMS):
            watch.take(offer.visit(int(watch.next[1])))
            if watch.is_drifted:
                return look
    return None


def alarms_without_passes(populations: Sequence[Population], pool: int) -> float:
    """Share of steady watches that alarm if one fortune adds up visit after visit."""
    rules, alarms = Rules(), 0
    borne = float(rules.tolerance)
    for number in range(FALLEN):
        offer, _ = proven(populations, f"{SEED} one fortune {number}")
        same, bears = Bet(1 / (rules.error * QUALITY_SHARE)), Bet(1 / BORNE_ERROR)
        references: dict[int, Seen] = {}
        for visit in range(LOOKS * ITEMS):
            seen = offer.visit(visit % pool)
            first = references.setdefault(visit % pool, seen)
            if visit >= pool:
                fall = float((first.grade or 0) - (seen.grade or 0))
                same.take(fall)
                bears.take((fall - borne) / (1 + borne))
        alarms += same.is_won and bears.is_won
    return alarms / FALLEN


def alarms_of_changed(populations: Sequence[Population], count: int, *, is_swap: bool) -> float:
    """Share of watches that alarm over offers of which so many items turned after 25 looks."""
    alarms = 0
    for number in range(CHANGED):
        offer, watch = proven(populations, f"{SEED} changed {number}")
        if looks_to_alarm(offer, watch, None, LOOKS // 8) is None:
            offer.turn(count, is_swap=is_swap)
            alarms += looks_to_alarm(offer, watch, None) is not None
    return alarms / CHANGED


class Wait(NamedTuple):
    """How long one watch took to find its fall."""

    redrawn: float
    task: str
    looks: float
    """Infinite if it was never found; 0 or less for an alarm before the fall."""


def find_falls(populations: Sequence[Population], size: int = POOL) -> list[Wait]:
    """`FALLEN` watches over a pool of so many items, shortest wait first."""
    waits = []
    for number in range(FALLEN):
        offer, watch = proven(populations, f"{SEED} fallen {number}", size)
        changes_at = random.Random(f"{SEED} at {number}").randint(16, 45)  # noqa: S311
        found = looks_to_alarm(offer, watch, changes_at)
        looks = float("inf") if found is None else found - changes_at + 1
        waits.append(Wait(offer.redrawn, offer.task, looks))
    return sorted(waits, key=lambda each: each.looks)


def measure() -> tuple[dict[str, float], dict[str, object]]:
    """The figures of `bench/results/weigh.json`, and what stands beside them."""
    populations = read()
    alarms = 0
    for number in range(STEADY):
        offer, watch = proven(populations, f"{SEED} steady {number}")
        alarms += looks_to_alarm(offer, watch, None) is not None
    found = find_falls(populations)
    waits = [each for each in found if each.looks > 0]
    held_out = {population.task for population in populations[1::2]}
    new = [each for each in waits if each.task in held_out]
    small = [each for each in find_falls(populations, POOL_SMALL) if each.looks > 0]
    figures = {
        "drift_false_alarm": alarms / STEADY,
        "drift_alarm_looks": statistics.median_low(each.looks for each in waits),
    }
    meta: dict[str, object] = {
        "watches_steady": STEADY,
        "watches_fallen": len(waits),
        "alarms_before_the_fall": len(found) - len(waits),
        "false_alarm_without_passes": {
            str(pool): alarms_without_passes(populations, pool) for pool in (60, POOL)
        },
        "watches_changed": CHANGED,
        "alarms_swapped": alarms_of_changed(populations, POOL // 10, is_swap=True),
        "alarms_borne": alarms_of_changed(
            populations, int(POOL * Rules().tolerance), is_swap=False
        ),
        "alarm_looks_tasks_not_tuned_on": _median(new),
        "watches_of_these": len(new),
        "looks": LOOKS,
        "items_per_look": ITEMS,
        "pool": POOL,
        "alpha": Rules().error,
        "tolerance": str(Rules().tolerance),
        "alarm_looks_nine_in_ten": _told(waits[int(0.9 * len(waits))].looks),
        "never_within_200_looks": sum(each.looks == float("inf") for each in waits),
        "alarm_looks_by_share_redrawn": {
            str(share): _median([each for each in waits if each.redrawn == share])
            for share in REDRAWN
        },
        "pool_small": POOL_SMALL,
        "alarm_looks_pool_small": _median(small),
        "alarm_looks_pool_small_nine_in_ten": _told(small[int(0.9 * len(small))].looks),
    }
    return figures, meta


def _median(waits: Sequence[Wait]) -> float | None:
    return _told(statistics.median_low(each.looks for each in waits)) if waits else None


def _told(looks: float) -> float | None:
    return None if looks == float("inf") else looks


def main() -> int:
    """Measure and print."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    figures, meta = measure()
    for name, value in {**figures, **meta}.items():
        sys.stdout.write(f"{name}: {value}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
