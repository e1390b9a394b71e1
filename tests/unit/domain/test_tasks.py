from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from steelyard.domain.tasks import (
    Constraint,
    Grade,
    PromptForm,
    Sample,
    Status,
    Task,
    Verdict,
    decide,
    form_digest,
)

FORM = PromptForm("plain-1")
TASK = Task(
    name="shop/review-sentiment",
    title="Reviews",
    language="en",
    set_name="reviews-en",
    grader="label",
    floor=Decimal("0.75"),
    form=FORM,
)
VERDICT = Verdict(
    task=TASK.name,
    offer="local/small",
    form_digest="0" * 16,
    floor=TASK.floor,
    total=Fraction(85),
    n=100,
    n_unscored=0,
    lower=Decimal("0.76"),
    upper=Decimal("0.92"),
    confidence=Decimal("0.95"),
    cost_pico=1_700_000,
    currency="USD",
    time_s=20.0,
    decided_at=datetime(2026, 11, 21, tzinfo=UTC),
    model_answered="small",
)


@pytest.mark.parametrize(
    ("lower", "upper", "unscored", "status"),
    [
        ("0.75", "0.9", (0, 1), Status.PROVEN),  # the floor itself is good enough
        ("0.749999", "0.9", (0, 1), Status.NOT_PROVEN),
        ("0.5", "0.75", (0, 1), Status.NOT_PROVEN),  # could still be at the floor
        ("0.5", "0.749999", (0, 1), Status.FAILED),
        ("0.8", "0.9", (1, 20), Status.PROVEN),
        ("0.8", "0.9", (2, 20), Status.NOT_PROVEN),
        ("0.1", "0.2", (2, 20), Status.NOT_PROVEN),
    ],
)
def test_the_rule_of_a_verdict(
    lower: str, upper: str, unscored: tuple[int, int], status: Status
) -> None:
    share = Fraction(*unscored)
    assert decide(Decimal(lower), Decimal(upper), Decimal("0.75"), share) is status


def test_quality_is_an_exact_share_of_the_graded_items() -> None:
    verdict = replace(VERDICT, total=Fraction(1, 3), n=7, n_unscored=3)
    assert verdict.quality == Fraction(1, 21)
    assert verdict.unscored_share == Fraction(3, 10)


def test_nothing_graded_has_no_quality_and_no_cost_per_answer() -> None:
    verdict = replace(
        VERDICT, total=Fraction(0), n=0, n_unscored=5, lower=Decimal(0), upper=Decimal(1)
    )
    assert verdict.quality is None
    assert verdict.cost_per_accepted_pico is None
    assert verdict.status is Status.NOT_PROVEN


def test_cost_per_accepted_answer_counts_the_wrong_ones() -> None:
    assert VERDICT.cost_per_accepted_pico == Fraction(1_700_000, 85)


@pytest.mark.parametrize(
    "change",
    [
        {"decided_at": datetime(2026, 11, 21)},  # noqa: DTZ001 - that is the point
        {"total": Fraction(101)},
        {"total": Fraction(-1)},
        {"n": -1},
        {"lower": Decimal("0.95")},
        {"upper": Decimal("1.01")},
    ],
)
def test_an_impossible_verdict_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        replace(VERDICT, **change)  # type: ignore[arg-type]


def test_the_digest_knows_all_that_shapes_a_measurement() -> None:
    base = form_digest(TASK, FORM, "aa")
    others = [
        form_digest(TASK, replace(FORM, user="{input}!"), "aa"),
        form_digest(TASK, replace(FORM, system="Be brief."), "aa"),
        form_digest(TASK, replace(FORM, temperature=Decimal("0.2")), "aa"),
        form_digest(TASK, replace(FORM, output_tokens_max=17), "aa"),
        form_digest(TASK, replace(FORM, constraint=Constraint.GRAMMAR), "aa"),
        form_digest(replace(TASK, grader="choice"), FORM, "aa"),
        form_digest(replace(TASK, grader_parameters={"x": 1}), FORM, "aa"),
        form_digest(replace(TASK, seed=2), FORM, "aa"),
        form_digest(TASK, FORM, "ab"),
        form_digest(TASK, FORM, "aa", Constraint.GRAMMAR),
        form_digest(TASK, FORM, "aa", Constraint.JSON_SCHEMA),
    ]
    assert len({base, *others}) == 1 + len(others)


def test_the_digest_is_blind_to_floor_names_and_spelling_of_numbers() -> None:
    base = form_digest(TASK, FORM, "aa")
    assert form_digest(replace(TASK, floor=Decimal("0.9"), title="x"), FORM, "aa") == base
    assert form_digest(TASK, replace(FORM, temperature=Decimal("0.00")), "aa") == base
    assert form_digest(TASK, replace(FORM, id="plain-2"), "aa") == base


def test_the_digest_never_changes_between_versions() -> None:
    # Stored verdicts are found by it; a new value here throws every proof away.
    assert form_digest(TASK, FORM, "aa") == "6f5f15b1e41405fd"
    assert form_digest(TASK, FORM, "aa", Constraint.NONE) == "6f5f15b1e41405fd"


def test_an_offer_without_the_constraint_has_another_form() -> None:
    held = replace(FORM, constraint=Constraint.GRAMMAR)
    assert held.unconstrained() == FORM
    assert FORM.unconstrained() == FORM


@pytest.mark.parametrize(
    "name", ["", "Shop/x", "shop/", "/x", "a//b", "a--b", "a b", "任务", "a/" + "b" * 200]
)
def test_a_task_needs_a_proper_name(name: str) -> None:
    with pytest.raises(ValueError, match="lower case"):
        replace(TASK, name=name)


@pytest.mark.parametrize("name", ["support-intent", "shop/review-sentiment", "a/b/c", "7"])
def test_a_task_may_lie_in_folders_or_not(name: str) -> None:
    assert replace(TASK, name=name).name == name


@pytest.mark.parametrize("floor", ["0", "-0.1", "1.01", "NaN", "Infinity", "0.1234567"])
def test_a_floor_is_a_share_in_millionths(floor: str) -> None:
    with pytest.raises(ValueError, match="floor"):
        replace(TASK, floor=Decimal(floor))


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"user": "no place for the sample"},
        {"temperature": Decimal("2.1")},
        {"temperature": Decimal("NaN")},
        {"output_tokens_max": 0},
    ],
)
def test_a_bad_form_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        replace(FORM, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (("", "x", "y"), "id"),
        (("a", " \n", "y"), "input"),
        (("a", "x", ""), "reference"),
        (("a", "x", ()), "reference"),
    ],
)
def test_a_sample_lacks_nothing(fields: tuple[str, str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Sample(*fields)


def test_unscored_is_not_zero_and_says_why() -> None:
    assert Grade.unscored("empty").value is None
    assert Grade.unscored("empty") != Grade(Fraction(0), "empty")
    with pytest.raises(ValueError, match="why"):
        Grade(None)
    with pytest.raises(ValueError, match="between"):
        Grade(Fraction(3, 2))
