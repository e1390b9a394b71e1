"""Pairs of offers: which items count, what the bounds share, what is said."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from steelyard.domain.tasks import Grade, PromptForm, Sample, Task
from steelyard.weigh.comparison import Finding, Pair, Paper, compare, papers_of
from steelyard.weigh.halting import by_hand
from steelyard.weigh.lanes import Course
from steelyard.weigh.paired import PairedDifference, paired_difference
from steelyard.weigh.runfile import Record

AT = datetime(2026, 11, 22, 6, tzinfo=UTC)
TASK = Task("mood", "Mood", "en", "mine", "label", Decimal("0.5"), PromptForm("f"))
FORM, OTHER = "f" * 16, "e" * 16
A, B, C = "shop/a", "shop/b", "shop/c"
ONE, ZERO = Fraction(1), Fraction(0)
Marks = Iterable[Fraction | None]


def course(size: int, *clusters: int) -> Course:
    samples = tuple(Sample(f"i{n}", "Good?", "yes") for n in range(size))
    return Course(TASK, samples, clusters, ())


def paper(marks: Marks, first: int = 0) -> Paper:
    grades = {f"i{n}": mark for n, mark in enumerate(marks, start=first)}
    return Paper(FORM, AT, grades)


def alone(left: Marks, right: Marks, of: Course | None = None) -> Pair:
    papers = {A: paper(right), B: paper(left)}
    (pair,) = compare(of or course(max(len(each.grades) for each in papers.values())), papers, A)
    return pair


def record(sample: str, offer: str = A, mark: Fraction | None = ONE, later: int = 0) -> Record:
    grade = Grade(mark, "" if mark is not None else "nothing came")
    return Record(offer, FORM, sample, grade, AT + timedelta(hours=later), answer="yes")


def test_wins_losses_and_the_difference_on_the_same_items() -> None:
    left = [Fraction(n % 20 < 13) for n in range(300)]
    right = [Fraction(n % 20 < 12) for n in range(300)]
    pair = alone(left, right)
    assert (pair.offer, pair.base, pair.wins, pair.losses) == (B, A, 15, 0)
    assert pair.difference == paired_difference(left, right)
    assert pair.finding is Finding.BETTER
    turned = alone(right, left)
    assert (turned.wins, turned.losses, turned.finding) == (0, 15, Finding.WORSE)
    assert turned.text.startswith(f"{A} is better than {B} by")


def test_the_bounds_of_all_pairs_hold_together_whichever_is_the_base() -> None:
    rng = random.Random(4)
    papers = {name: paper([Fraction(rng.random() < 0.7) for _ in range(90)]) for name in (A, B, C)}
    (narrow,) = compare(course(90), {A: papers[A], B: papers[B]}, A)
    b, c = compare(course(90), papers, A)
    assert (b.offer, c.offer) == (B, C)
    assert b.difference.lower < narrow.difference.lower
    (turned, _) = compare(course(90), papers, B)
    # The same pair, read from its other side: no base is surer than another.
    assert turned.offer == A
    assert turned.difference.lower == -b.difference.upper
    held = 1 - Decimal("0.05") / 3
    grades = [list(papers[name].grades.values()) for name in (B, A)]
    assert b.difference == paired_difference(*grades, held)


def test_pairs_end_at_the_first_item_that_either_has_not_finished() -> None:
    whole, of = paper([ONE] * 40), course(40)
    short = Paper(FORM, AT, {f"i{n}": ZERO for n in range(40) if n not in {30, 33}})
    (pair,) = compare(of, {A: short, B: whole}, A)
    assert (pair.difference.n, pair.wins, pair.n_beyond) == (30, 30, 8)
    (turned,) = compare(of, {A: whole, B: short}, A)
    assert (turned.difference.n, turned.losses, turned.n_beyond) == (30, 30, 8)


def test_the_order_of_pairs_is_the_run_s_and_not_that_of_answers() -> None:
    marks = [Fraction(n % 3 > 0) for n in range(60)]
    backwards = dict(reversed(paper(marks).grades.items()))
    straight, turned = (
        compare(course(60), {A: paper([ZERO] * 60), B: each}, A)
        for each in (paper(marks), Paper(FORM, AT, backwards))
    )
    assert straight == turned


def test_items_without_a_grade_are_left_out_and_counted() -> None:
    left, right = [ONE] * 100, [ZERO] * 100
    pair = alone([None, *left], [*right[:50], None, *right[50:]])
    assert (pair.difference.n, pair.n_unscored, pair.wins) == (99, 2, 99)
    many = alone([None] * 6 + left, right + [ZERO] * 6)
    assert many.finding is Finding.UNSCORED
    assert many.text.endswith("too many of the items in common have no grade (6 of 106)")


def test_clusters_count_whole_or_not_at_all() -> None:
    of = course(40, *[4] * 10)
    marks = [Fraction(n // 4 % 2) for n in range(40)]
    pair = alone(marks[:38], [ZERO] * 40, of)
    assert (pair.difference.n, pair.n_beyond) == (36, 2)
    apart = alone(marks[:36], [ZERO] * 36)
    assert apart.difference.mean == pair.difference.mean
    assert pair.difference.lower < apart.difference.lower


def test_the_largest_cluster_of_the_set_sets_the_stakes_reached_or_not() -> None:
    # Were it that of the pairs so far, where one stops would choose the bet.
    reached, marks = course(20, *[1] * 20), [ONE] * 20
    beyond = course(24, *[1] * 20, 4)
    assert alone(marks, [ZERO] * 20, reached).difference.lower > 0
    small, large = (alone(marks, [ZERO] * 20, of).difference for of in (reached, beyond))
    assert large.n == small.n and large.lower < small.lower


@pytest.mark.parametrize(
    ("lower", "upper", "said"),
    [
        ("0.031", "0.1071", "b is better than a by 3 to 11 points"),
        ("0.004", "0.11", "b is better than a by at most 11 points"),
        ("-0.1071", "-0.031", "a is better than b by 3 to 11 points"),
        ("-0.031", "0.04", "no difference from a is shown; b is at most 4 points better or worse"),
        ("-0.01", "0.081", "b is at most 9 points better, at most 1 point worse"),
        ("0", "0.02", "b is at most 2 points better, at most 0 points worse"),
    ],
)
def test_the_finding_in_a_sentence_is_rounded_outward(lower: str, upper: str, said: str) -> None:
    difference = PairedDifference(Fraction(0), Decimal(lower), Decimal(upper), 100)
    pair = Pair("b", "a", difference, wins=0, losses=0, n_unscored=0, n_beyond=0)
    assert pair.text.endswith(said)


def test_few_pairs_say_nothing_however_plain() -> None:
    pair = alone([ONE] * 9, [ZERO] * 7)
    assert pair.finding is Finding.TOO_FEW
    assert pair.text == f"{B} and {A}: too few items in common (7)"
    assert alone([], []).text.endswith("(0)")


def test_of_each_offer_the_weighing_with_the_newest_answer_counts() -> None:
    old = [record("i0", mark=ZERO), record("i1", mark=ZERO), record("i0", B)]
    new = [record("i0", mark=ZERO, later=1), record("i0", mark=ONE, later=1)]
    for files in ([old, new], [new, old]):
        found = papers_of(files, {FORM})
        assert list(found.current) == [A, B] and not found.outdated
        assert found.current[A].grades == {"i0": ONE}  # nothing of the older one is mixed in
        assert found.current[B].grades == {"i0": ONE}


def test_of_two_weighings_over_the_same_stored_answers_the_longer_one_counts() -> None:
    longer = [record("i1"), record("i0", later=1)]
    for files in ([longer, longer[1:]], [longer[1:], longer]):
        assert len(papers_of(files, {FORM}).current[A].grades) == 2


def test_answers_in_a_form_of_before_are_left_out_and_told() -> None:
    stale = replace(record("i0", B, later=5), form_digest=OTHER)
    both = replace(record("i0", later=5), form_digest=OTHER)
    found = papers_of([[record("i0"), both, stale]], {FORM})
    assert list(found.current) == [A] and found.outdated == (B,)


def test_an_item_that_somebody_cut_off_is_not_finished() -> None:
    cut = replace(record("i1"), grade=Grade.unscored(by_hand("admin")), answer="")
    failed = replace(record("i2"), grade=Grade.unscored("HTTP 500"), answer="")
    assert papers_of([[record("i0"), cut, failed]], {FORM}).current[A].grades == {
        **{"i0": ONE, "i2": None},
    }
