"""Laws of watching: the stated rate of false alarms, and playing back."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.tasks import Grade, Status
from steelyard.weigh.drift import Claim, Rules, Seen, Watch
from steelyard.weigh.stats import Decision

AT = datetime(2026, 11, 1, tzinfo=UTC)
GRADES = (Fraction(0), Fraction(1))
WATCHES, ERROR = 120, 0.2
ALARMS_MAX = 40
"""More of 120 at a true rate of 0.2 or less come in one run of a thousand."""
FALLEN_MAX = 14
"""The same at a true rate of 0.05."""


def draw(chance: random.Random, share: float) -> Seen:
    tokens = max(1, round(chance.gauss(40, 15)))
    return Seen(GRADES[chance.random() < share], tokens, AT)


@pytest.mark.parametrize("noise", ["coins", "mostly the same"])
def test_who_never_changes_alarms_no_more_often_than_stated(noise: str) -> None:
    """Five passes over a small pool, so that lucky references come round again and again.

    The claim that nothing changed alone is what keeps the rate: the other one is not asked.
    """
    ids = [f"i{n}" for n in range(60)]
    alarms = 0
    for number in range(WATCHES):
        chance = random.Random(f"{noise} {number}")
        if noise == "coins":
            shares = [0.5] * 60
        else:
            shares = [chance.choice((0.02, 0.97, 0.99, 0.6)) for _ in ids]
        references = {n: draw(chance, p) for n, p in zip(ids, shares, strict=True)}
        watch = Watch(ids, references, Rules(ERROR, Decimal(0), Decimal(0)))
        for visit in range(300):
            if Claim.SAME in watch._refuted() or watch.is_drifted:
                alarms += 1
                break
            watch.take(draw(chance, shares[visit % 60]))
    assert alarms <= ALARMS_MAX


def test_who_fell_by_what_is_borne_counts_as_fallen_further_no_oftener_than_stated() -> None:
    ids = [f"i{n}" for n in range(60)]
    fallen = 0
    for number in range(WATCHES):
        chance = random.Random(f"borne {number}")
        watch = Watch(ids, {n: draw(chance, 0.6) for n in ids}, Rules(1e-9, Decimal("0.2")))
        for _ in range(300):
            if Claim.BORNE in watch._refuted():
                fallen += 1
                break
            watch.take(draw(chance, 0.4))
    assert fallen <= FALLEN_MAX


def test_a_verdict_that_stopped_at_a_lucky_moment_makes_no_false_alarms() -> None:
    """References of proven offers are too good on the mean, by the rule that stopped the run."""
    ids = [f"i{n}" for n in range(100)]
    alarms = watched = 0
    luck = 0.0
    for number in range(400):
        chance = random.Random(f"lucky {number}")
        decision, references = Decision(Decimal("0.6")), {}
        for name in ids:
            if decision.is_settled:
                break
            references[name] = draw(chance, 0.7)
            decision.take(Grade(references[name].grade))
        if decision.status is not Status.PROVEN:
            continue
        watched += 1
        luck += sum(decision.grades) / len(decision.grades) - 0.7
        watch = Watch(ids, references, Rules(ERROR, Decimal(0)))
        for _ in range(400):
            if Claim.SAME in watch._refuted() or watch.is_drifted:
                alarms += 1
                break
            watch.take(draw(chance, 0.7))
    assert watched > 50
    assert luck / watched > 0.05  # so a comparison of means would be off by as much
    # The stated rate is over weighing and watch together.
    assert alarms <= ERROR * 400


visits = st.lists(
    st.tuples(st.sampled_from((None, *GRADES, Fraction(1, 3))), st.integers(0, 90)), max_size=120
)


@given(visits, st.integers(0, 120), st.integers(1, 45))
def test_going_on_from_a_playback_is_the_same_as_never_having_stopped(
    seen: list[tuple[Fraction | None, int]], stop: int, size: int
) -> None:
    ids = [f"i{n}" for n in range(size)]
    references = {name: Seen(Fraction(1), 30, AT) for name in ids[::2]}
    rules = Rules(0.1)

    def played(watch: Watch, some: list[tuple[Fraction | None, int]]) -> None:
        for grade, tokens in some:
            if watch.is_drifted:
                watch.begin_anew()
            watch.take(Seen(grade, tokens, AT))

    whole, parted = Watch(ids, references, rules), Watch(ids, references, rules)
    played(whole, seen)
    played(parted, seen[:stop])
    parted.finding()  # looking changes nothing
    played(parted, seen[stop:])
    assert whole.finding() == parted.finding()
    assert whole.next == parted.next
    assert whole.finding().n <= len(seen)
