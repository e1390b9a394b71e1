"""What the file may say: bounds, and limits that make sense."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from steelyard.config.model import Channel, Config, Limit, Offer, Policy, PromptForm, Task
from steelyard.domain import policies, tasks


def test_defaults_of_policies_and_forms_are_the_domains() -> None:
    assert Policy().model_dump() == {
        name: getattr(policies.Policy(), name) for name in Policy.model_fields
    }
    own = tasks.PromptForm(id="x")
    assert PromptForm(id="x").model_dump() == {
        name: getattr(own, name) for name in PromptForm.model_fields
    }


@pytest.mark.parametrize(
    "values",
    [
        {"workers": 0},
        {"workers": 1000},
        {"home_currency": "yuan"},
        {"aliases": {"a b": "c"}},
        {"accounts": {"Upper": None}},
    ],
)
def test_values_out_of_bounds(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(values)


@pytest.mark.parametrize(
    "values",
    [
        {"timeout_total_s": 0},
        {"connections_max": 0},
        {"base_url": "ftp://x"},
        {"base_url": "http://"},
    ],
)
def test_channels_out_of_bounds(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Channel.model_validate(values)


def test_a_fraction_that_came_as_text_is_a_number_where_no_money_is_meant() -> None:
    assert Channel.model_validate({"timeout_idle_s": "2.5"}).timeout_idle_s == 2.5
    assert Offer.model_validate({"model": "m", "channel": "c", "tokens_per_byte": "0.5"})


def test_a_limit_is_one_thing() -> None:
    assert Limit(money="1 CNY", period="day").is_hard
    assert Limit(requests=5, period="minute").requests == 5
    for values in ({}, {"money": "1 CNY"}, {"money": "1 CNY", "period": "minute"}):
        with pytest.raises(ValidationError):
            Limit.model_validate(values)
    with pytest.raises(ValidationError, match="either money or requests"):
        Limit(money="1 CNY", requests=5, period="day")


def test_a_grader_stands_with_its_parameters_or_beside_them() -> None:
    together = Task.model_validate({"grader": {"name": "number", "tolerance": 0.01}})
    apart = Task.model_validate({"grader": "number", "grader_parameters": {"tolerance": 0.01}})
    assert together == apart
    assert (together.grader, together.grader_parameters) == ("number", {"tolerance": 0.01})
    with pytest.raises(ValidationError, match="a mapping needs name"):
        Task.model_validate({"grader": {"tolerance": 0.01}})
    with pytest.raises(ValidationError, match="not in both"):
        Task.model_validate({"grader": {"name": "number"}, "grader_parameters": {"tolerance": 1}})
