"""Who is weighed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from steelyard.control.proofs.proving import Proof
from steelyard.control.weighing import contenders
from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Constraint, PromptForm, Status, Task, Verdict
from steelyard.domain.verdict_life import Cause, Standing
from steelyard.store.database import Database
from steelyard.weigh.asking import Contender

TEXT = """
channels: {shop: {base_url: "http://x/v1"}}
offers:
  - {model: b, channel: shop, context: 9, features: [grammar, tools],
     rates: {input: 1 CNY/mtok, output: 1 CNY/mtok}}
  - {model: a, channel: shop, context: 9, rates: {input: 1 CNY/mtok, output: 1 CNY/mtok}}
  - {model: off, channel: shop, context: 9, enabled: false, rates: {input: 1 CNY/mtok}}
  - {model: unpriced, channel: shop, context: 9}
local: {models: {smollm2-135m-instruct: {rates: {input: 1 CNY/mtok, output: 1 CNY/mtok}}}}
"""
LOCAL = "local/smollm2-135m-instruct"
TASK = Task("mood", "Mood", "en", "s", "label", Decimal("0.7"), PromptForm("f"))


def verdict(**more: object) -> Verdict:
    values: dict[str, object] = {
        **{"task": "mood", "offer": "shop/a", "form_digest": "d1", "floor": Decimal("0.5")},
        **{"total": Fraction(6), "n": 10, "n_unscored": 0},
        **{"lower": Decimal("0.55"), "upper": Decimal("0.8"), "confidence": Decimal("0.95")},
        **{"cost_pico": 1, "currency": "CNY", "time_s": 1.0, "model_answered": ""},
        "decided_at": datetime(2026, 3, 1, tzinfo=UTC),
    }
    return Verdict(**{**values, **more})  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def applied(put: Callable[..., list[str]]) -> None:
    put(TEXT)


def test_without_names_all_that_are_enabled_and_priced(database: Database) -> None:
    with database.read() as connection:
        found = contenders.named(connection, [])
    assert [one.offer for one in found] == [LOCAL, "shop/a", "shop/b"]
    assert found[2].constraints == {Constraint.GRAMMAR}


def test_by_name_each_once_and_also_what_is_not_for_sale(database: Database) -> None:
    with database.read() as connection:
        found = contenders.named(connection, ["shop/off", "shop/a", "shop/off"])
        assert [one.offer for one in found] == ["shop/off", "shop/a"]
        with pytest.raises(ConfigError, match="No offer 'shop/c'"):
            contenders.named(connection, ["shop/c"])


def test_the_background_takes_only_engines_that_are_up(database: Database) -> None:
    with database.read() as connection:
        assert [one.offer for one in contenders.embedded(connection, ())] == [LOCAL]
        assert contenders.embedded(connection, {LOCAL: ("loading", "")}) == []


@pytest.mark.parametrize(
    ("more", "is_weighed"),
    [
        ({}, False),  # cut short at 0.5, and 0.7 lies between the bounds
        ({"floor": Decimal("0.7")}, True),  # undecided though all was asked
        ({"lower": Decimal("0.7")}, True),
        ({"upper": Decimal("0.6")}, True),
        ({"lower": Decimal("0.7"), "form_digest": "old"}, False),
        ({"lower": Decimal("0.7"), "task": "other"}, False),
    ],
)
def test_what_is_decided_is_left_alone(more: dict[str, object], is_weighed: bool) -> None:
    found = contenders.weighed(TASK, ["d1", "d2"], [verdict(**more)])
    assert found == ({"shop/a"} if is_weighed else set())


def test_answers_of_before_a_verdict_went_stale_are_in_another_file() -> None:
    def proof(day: int, status: Status, cause: Cause = Cause.AGE) -> Proof:
        won = verdict(decided_at=datetime(2026, 3, day, tzinfo=UTC))
        return Proof(won, Standing(status, cause))

    found = [Contender("a"), Contender("b"), Contender("new")]
    assert contenders.mark(found, {}) == ""
    held = {"a": proof(1, Status.NOT_PROVEN), "b": proof(2, Status.STALE, Cause.FORM)}
    assert contenders.mark(found, held) == ""
    stale = {"a": proof(1, Status.STALE), "b": proof(2, Status.STALE), "z": proof(3, Status.STALE)}
    first = contenders.mark(found, stale)
    assert first and first == contenders.mark([found[1]], stale)
    assert first != contenders.mark([found[0]], stale)


def test_who_may_not_see_a_task_s_items_is_refused(
    put: Callable[..., list[str]], database: Database
) -> None:
    put(
        """
channels:
  shop: {base_url: "http://x/v1", residency: cn}
  far: {base_url: "http://y/v1", residency: us}
offers:
  - {model: a, channel: shop, context: 9, rates: {input: 1 CNY/mtok, output: 1 CNY/mtok}}
  - {model: a, channel: far, context: 9, rates: {input: 1 CNY/mtok, output: 1 CNY/mtok}}
policies: {home: {residency: [cn]}, near: {channels: [shop]}}
tasks: {bank/intent: {policy: home}, shop/review-sentiment: {policy: near}}
"""
    )
    both = [Contender("shop/a"), Contender("far/a")]
    with database.read() as connection:
        for name in ("bank/intent", "shop/review-sentiment"):
            task = replace(TASK, name=name)
            near, far = contenders.within_policy(connection, task, both)
            assert not near.refusal
            assert "does not allow" in far.refusal
        assert contenders.within_policy(connection, TASK, both) == both
