"""What weighing may cost: bounds as the gateway reserves, currencies, judges."""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from control.weighing_rig import BAD, GOOD
from steelyard.control.control import Control
from steelyard.control.prices.exchange import Worth
from steelyard.control.weighing.prices import (
    Known,
    OfTask,
    demand_somebody,
    known,
    priced,
    task_size,
)
from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import PromptForm, Sample, Task
from steelyard.weigh.asking import Contender

TASK = Task("mood", "Mood", "en", "mine", "label", Decimal("0.6"), PromptForm("p"))
SAMPLES = [Sample(f"i{n}", "x" * 10 * n or "x", "yes", ("yes", "no")) for n in range(5)]
FREE = "shop/free"


def test_the_size_of_a_task_is_that_of_its_longest_request() -> None:
    size = task_size(TASK, SAMPLES)
    assert size.output_tokens == TASK.form.output_tokens_max
    assert size.input_tokens - task_size(TASK, SAMPLES[:1]).input_tokens == 39
    assert 0 < size.bytes_mean < size.input_tokens
    with pytest.raises(ConfigError, match="no item"):
        task_size(TASK, [])


def test_a_call_is_held_for_at_the_most_that_it_may_cost(control: Control) -> None:
    size = task_size(TASK, SAMPLES)
    with control.database.read() as connection:
        found = priced(
            connection,
            [Contender(GOOD), Contender(BAD), Contender(FREE)],
            size,
            "CNY",
            time.time_ns(),
        )
    good, bad, free = found
    assert good.price is not None
    assert bad.price is not None
    # 2 CNY and 1 CNY for a million tokens, in pico-units.
    assert good.price.call_pico_max == 2 * 10**6 * (size.input_tokens + size.output_tokens)
    assert good.price.call_pico_max == 2 * bad.price.call_pico_max
    assert 0 < good.price.call_pico <= good.price.call_pico_max
    assert good.price.worth == 1
    assert good.model == "good"
    assert free.price is None
    assert not free.refusal


def test_another_currency_has_its_rate_or_a_reason(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = task_size(TASK, SAMPLES)

    def find(worth: Fraction | None) -> Contender:
        monkeypatch.setattr(Worth, "find", lambda *_: worth)
        with control.database.read() as connection:
            return priced(connection, [Contender(GOOD)], size, "USD", time.time_ns())[0]

    found = find(Fraction(1, 7))
    assert found.price is not None
    assert found.price.worth == Fraction(1, 7)
    assert find(None).refusal == "there is no exchange rate of CNY in USD"


def test_judge_and_baseline_are_found_with_prices_of_their_own(control: Control) -> None:
    parameters = {"judge": GOOD, "baseline": BAD}
    task = replace(TASK, grader="judge", grader_parameters=parameters)
    of_task = OfTask(task, SAMPLES, "CNY")
    sizes = of_task.sizes()
    with control.database.read() as connection:
        found = known(connection, of_task, [Contender(FREE)], sizes, time.time_ns())
    judge, baseline = found.others
    assert (judge.offer, baseline.offer) == (GOOD, BAD)
    assert judge.price is not None
    assert baseline.price is not None
    assert sizes[1] is not None
    assert judge.price.call_pico_max > 2 * baseline.price.call_pico_max  # it reads two answers
    assert found.since == {}
    with control.database.read() as connection, pytest.raises(ConfigError, match="No offer"):
        nobody = OfTask(replace(task, grader_parameters={"judge": "no/one"}), SAMPLES, "CNY")
        known(connection, nobody, [], sizes, time.time_ns())


def test_who_has_nobody_to_weigh_hears_why_before_it_begins() -> None:
    task = replace(TASK, grader="judge", grader_parameters={"judge": "shop/gpt-4o"})
    judge = Contender("shop/gpt-4o", model="gpt-4o")
    stranger = Contender("shop/x", model="nobody-knows-it")
    with pytest.raises(ConfigError, match="nobody-knows-it is not known; say it in the task"):
        demand_somebody(OfTask(task, SAMPLES, "CNY"), Known([stranger], [judge], {}))
    known_one = Contender("shop/q", model="qwen-plus")
    demand_somebody(OfTask(task, SAMPLES, "CNY"), Known([stranger, known_one], [judge], {}))
    poor = replace(known_one, refusal="there is no exchange rate of CNY in XYZ")
    with pytest.raises(ConfigError, match="No offer can be weighed: there is no exchange rate"):
        demand_somebody(OfTask(TASK, SAMPLES, "XYZ"), Known([poor, poor], [], {}))
