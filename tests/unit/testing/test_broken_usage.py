"""Faults in what is said to have been consumed."""

import math

import pytest

from steelyard.testing.broken_usage import ABSURD
from steelyard.testing.faults import reply
from steelyard.testing.replies import Answer, Fault
from testing.turns import body_of, payloads, received, streamed, written


def usages(name: str, argument: str = "") -> list[object]:
    steps = reply(streamed(), Fault(name, argument), Answer(events=3))
    return [event["usage"] for event in payloads(written(steps)) if "usage" in event]


def plain_usage(name: str, argument: str = "") -> object:
    return body_of(written(reply(received(), Fault(name, argument), Answer(events=3)))).get("usage")


def test_usage_faults_in_streams():
    [true] = [found for found in usages("usage-on-final-choice") if found]
    assert usages("usage-missing") == []
    assert set(map(str, usages("usage-null"))) == {"None"}
    assert usages("usage-twice")[1] == true != usages("usage-twice")[0]
    assert [found["completion_tokens"] for found in usages("usage-zero-after")] == [3, 0]
    assert [found["completion_tokens"] for found in usages("usage-zero-first")] == [0, 3]
    assert usages("usage-negative")[0]["completion_tokens"] < 0
    cumulative = [found["completion_tokens"] for found in usages("usage-in-every-chunk")]
    assert cumulative == [0, 1, 2, 3, 3]
    [over] = usages("usage-parts-over-total")
    assert over["prompt_tokens_details"]["cached_tokens"] > over["prompt_tokens"]


def test_usage_faults_in_plain_answers():
    assert plain_usage("usage-missing") is None
    assert plain_usage("usage-null") is None
    assert plain_usage("usage-negative")["prompt_tokens"] < 0
    assert plain_usage("usage-zero-after")["completion_tokens"] == 0


@pytest.mark.parametrize("kind", ABSURD)
def test_absurd_usage_comes_in_every_kind(kind):
    found = plain_usage("usage-absurd", kind)["completion_tokens"]
    assert found == ABSURD[kind] or (kind == "nan" and math.isnan(found))
    assert type(found) is type(ABSURD[kind])
