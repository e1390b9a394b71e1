"""When a verdict is proof, and when no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from steelyard.domain.answering import Kind
from steelyard.domain.tasks import Status, Verdict
from steelyard.domain.verdict_life import (
    Answering,
    Cause,
    Demand,
    Facts,
    Oddity,
    Place,
    Rules,
    Standing,
    Supply,
    in_force,
    shortage,
    standing,
)

WEIGHED = datetime(2026, 3, 1, tzinfo=UTC)
LATER, NOW = WEIGHED + timedelta(days=1), WEIGHED + timedelta(days=2)
HERE = Place("shop", "m-1", "http://shop/v1")
RULES = Rules(Decimal("0.7"), frozenset({"d1", "d2"}))
FACTS = Facts(HERE, HERE)
VERDICT = Verdict(
    **{"task": "t", "offer": "shop/m", "form_digest": "d1", "floor": Decimal("0.7")},
    **{"total": Fraction(80), "n": 100, "n_unscored": 0},
    **{"lower": Decimal("0.72"), "upper": Decimal("0.86"), "confidence": Decimal("0.95")},
    **{"cost_pico": 1, "currency": "CNY", "time_s": 1.0},
    **{"decided_at": WEIGHED, "model_answered": "m-1"},
)


def judged(facts: Facts = FACTS, rules: Rules = RULES, now: datetime = NOW) -> Standing:
    return standing(VERDICT, rules, facts, now)


def test_what_nothing_speaks_against_is_what_its_bounds_say_until_it_is_old() -> None:
    assert judged() == Standing(Status.PROVEN, until=WEIGHED + timedelta(days=90))
    higher = replace(RULES, floor=Decimal("0.8"))
    assert judged(rules=higher).status is Status.NOT_PROVEN
    assert judged(rules=replace(RULES, floor=Decimal("0.9"))).status is Status.FAILED


def test_age_takes_effect_at_the_very_instant_that_was_told() -> None:
    rules = replace(RULES, stale_after=timedelta(days=30))
    until = judged(rules=rules).until
    assert until == WEIGHED + timedelta(days=30)
    before = judged(rules=rules, now=until - timedelta(microseconds=1))
    assert before.status is Status.PROVEN
    after = judged(rules=rules, now=until)
    assert (after.status, after.cause, after.until) == (Status.STALE, Cause.AGE, None)
    assert after.reason == "weighed on 2026-03-01, 30 days ago or more"


@pytest.mark.parametrize(
    ("facts", "cause", "said"),
    [
        (Facts(None, HERE), Cause.GONE, "no such offer"),
        (Facts(HERE._replace(channel="other"), HERE), Cause.PLACE, "channel other now, shop then"),
        (Facts(HERE._replace(upstream_model="m-2"), HERE), Cause.PLACE, "asks for m-2 now, m-1"),
        (Facts(HERE._replace(base_url="http://x"), HERE), Cause.PLACE, "another address"),
        (
            Facts(HERE, HERE, (Oddity(Kind.ALIAS_MOVED, "m-1-0301", LATER),)),
            Cause.MODEL,
            "the name stands for m-1-0301 since 2026-03-02",
        ),
        (Facts(HERE, HERE, (Oddity(Kind.SWAPPED, "z", LATER),)), Cause.MODEL, "another model, z"),
        (Facts(HERE, HERE, (Oddity(Kind.MIXED, "z", LATER),)), Cause.MODEL, "in turns"),
        (Facts(HERE, HERE, answering=Answering("m-2", LATER)), Cause.MODEL, "m-2 answers now, m-1"),
        (Facts(HERE, HERE, drifted_at=LATER), Cause.DRIFT, "drift alarm of 2026-03-02"),
    ],
)
def test_what_makes_a_verdict_stale(facts: Facts, cause: Cause, said: str) -> None:
    found = judged(facts)
    assert (found.status, found.cause, found.until) == (Status.STALE, cause, None)
    assert said in found.reason


@pytest.mark.parametrize(
    "facts",
    [
        Facts(HERE, None),
        Facts(HERE, HERE, (Oddity(Kind.SWAPPED, "z", WEIGHED),)),
        Facts(HERE, HERE, answering=Answering("m-2", WEIGHED)),
        Facts(HERE, HERE, answering=Answering("acme/M-1", LATER)),
        Facts(HERE, HERE, answering=Answering("", LATER)),
        Facts(HERE, HERE, drifted_at=WEIGHED),
    ],
)
def test_what_was_so_when_it_was_weighed_or_nobody_knows_makes_nothing_stale(facts: Facts) -> None:
    assert judged(facts).status is Status.PROVEN


def test_a_name_that_nobody_gave_then_accuses_nobody_now() -> None:
    nameless = replace(VERDICT, model_answered="")
    facts = Facts(HERE, HERE, answering=Answering("m-2", LATER))
    assert standing(nameless, RULES, facts, NOW).status is Status.PROVEN
    several = replace(VERDICT, model_answered="m-1,m-2")
    assert standing(several, RULES, facts, NOW).status is Status.PROVEN


def test_another_form_is_stale_and_not_forgotten() -> None:
    found = judged(rules=replace(RULES, digests=frozenset({"d9"})))
    assert (found.status, found.cause) == (Status.STALE, Cause.FORM)


def test_too_many_items_without_a_grade_are_named() -> None:
    holes = replace(VERDICT, n_unscored=20)
    found = standing(holes, RULES, FACTS, NOW)
    assert (found.status, found.cause) == (Status.NOT_PROVEN, Cause.UNSCORED)
    assert found.reason == "20 of 120 items have no grade"


def test_grades_that_bound_nothing_are_those_of_a_judge_that_says_nothing() -> None:
    blind = replace(VERDICT, lower=Decimal(0), upper=Decimal(1))
    found = standing(blind, RULES, FACTS, NOW)
    assert (found.status, found.cause) == (Status.NOT_PROVEN, Cause.JUDGE)
    assert found.reason == "nothing shows that its judge reads"
    few = replace(blind, n=9, total=Fraction(5))
    assert standing(few, RULES, FACTS, NOW).cause is Cause.NONE


def test_names_of_vendors_steer_no_terminal() -> None:
    found = judged(Facts(HERE, HERE, answering=Answering("m\x1b[2J", LATER)))
    assert "\x1b" not in found.reason


DEMAND = replace(RULES, demand=Demand(100, 20))
REQUIRED = replace(RULES, demand=Demand(100, 20, is_required=True))


@pytest.mark.parametrize(
    ("supply", "told"),
    [
        (Supply("ok", LATER, 120, None, 30), ""),
        (Supply("ok", LATER, 100, None, 20), ""),
        (Supply("limited", LATER, 60, None, 30), "60 requests a minute on 2026-03-02, 100"),
        (Supply("ok", LATER, 120, None, 15), "15 tokens a second"),
        (Supply("slow", LATER), "slowed down under load"),
        (Supply("unknown", LATER, 1), ""),
        (Supply("ok", LATER), ""),
        (None, ""),
    ],
)
def test_supply_that_is_demanded_and_was_found_too_small(supply: Supply | None, told: str) -> None:
    found = shortage(DEMAND, supply, NOW)
    assert (told in found) if told else not found
    status = judged(Facts(HERE, HERE, supply=supply), DEMAND)
    assert status.status is (Status.NOT_PROVEN if told else Status.PROVEN)
    assert status.cause is (Cause.SUPPLY if told else Cause.NONE)
    # Without a demand it is told and stops nobody.
    assert judged(Facts(HERE, HERE, supply=supply)).status is Status.PROVEN


@pytest.mark.parametrize(
    ("supply", "told"),
    [
        (None, "was not measured"),
        (Supply("unknown", LATER), "was not measured"),
        (Supply("ok", LATER, 120), "tokens a second were not measured"),
        (Supply("ok", WEIGHED - timedelta(days=99), 120, None, 30), "too long ago"),
        (Supply("ok", LATER, 120, None, 30), ""),
    ],
)
def test_where_supply_is_required_it_must_be_known(supply: Supply | None, told: str) -> None:
    found = judged(Facts(HERE, HERE, supply=supply), REQUIRED)
    assert told in found.reason
    assert found.status is (Status.NOT_PROVEN if told else Status.PROVEN)


def test_proof_by_an_old_measurement_of_supply_ends_with_it() -> None:
    supply = Supply("ok", WEIGHED - timedelta(days=10), 120, None, 30)
    until = judged(Facts(HERE, HERE, supply=supply), REQUIRED).until
    assert until == WEIGHED + timedelta(days=80)
    later = judged(Facts(HERE, HERE, supply=supply), REQUIRED, until)
    assert (later.status, later.cause) == (Status.NOT_PROVEN, Cause.SUPPLY)


def test_too_little_supply_does_not_heal_with_time() -> None:
    slow = Supply("limited", WEIGHED - timedelta(days=1000), 1)
    assert judged(Facts(HERE, HERE, supply=slow), DEMAND).status is Status.NOT_PROVEN


def test_supply_saves_nobody_who_is_not_good_enough() -> None:
    rules = replace(DEMAND, floor=Decimal("0.9"))
    supply = Supply("ok", LATER, 1000, None, 1000)
    assert judged(Facts(HERE, HERE, supply=supply), rules).status is Status.FAILED


def test_the_word_that_counts_is_todays_form_then_the_newest() -> None:
    old = replace(VERDICT, form_digest="d9", decided_at=LATER)
    newer = replace(VERDICT, form_digest="d2", decided_at=LATER)
    assert in_force([old, VERDICT], RULES.digests) is VERDICT
    assert in_force([newer, VERDICT, old], RULES.digests) is newer
    assert in_force([old], RULES.digests) is old
    assert in_force([], RULES.digests) is None
