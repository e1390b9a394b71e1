"""Every fault that the scripted vendor knows: what the client gets and what the books say.

One worker for all of them; each fault has a channel of its own, so that the rest which one earns
does not keep another from being tried.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from gateway_rig import BODY, CREDENTIAL, Rig, cost_of

from steelyard.testing.faults import FAULTS
from steelyard.testing.replies import Answer, Fault

SAID = "word0 word1 word2 word3 "
OUTPUT_MAX = 50


@dataclass(frozen=True)
class Case:
    """What a fault must come to. An ``error`` in a stream that has begun stands in an event."""

    fault: str
    status: int = 200
    error: str = ""
    outcome: str = "completed"
    source: str = "reported"
    output: int | None = 4
    """Output tokens booked; None where an estimate may differ."""
    in_stream: bool = False
    """Whether the error comes as an event, after the stream began with status 200."""
    detail: str = ""
    """What the ledger's remark must say."""


def fine(fault: str, output: int = 4) -> Case:
    return Case(fault, output=output)


def broken(fault: str, error: str, status: int = 502, in_stream: bool = False) -> Case:
    return Case(fault, status, error, "cut", "estimated", None, in_stream)


def unsure(fault: str, error: str, status: int = 502) -> Case:
    return Case(fault, status, error, "uncertain", "estimated", OUTPUT_MAX)


def refused(fault: str, status: int, error: str) -> Case:
    return Case(fault, status, error, "refused", "none", 0)


def estimated(fault: str, detail: str) -> Case:
    return Case(fault, source="estimated", output=None, detail=detail)


BOTH = [
    fine("slow-first-byte:0.1"),
    fine("slow-body:0.1"),
    fine("big-line"),
    fine("one-byte"),
    fine("slow-trickle:0.001"),
    fine("connection-close"),
    fine("close-delimited"),
    fine("silent-close"),
    fine("interim"),
    fine("overrun", OUTPUT_MAX + 4),
    unsure("hang", "upstream_timeout", 504),
    unsure("early-close", "upstream_unavailable"),
    unsure("reset", "upstream_unavailable"),
    unsure("garbage", "upstream_protocol_error"),
    refused("429", 429, "upstream_rate_limited"),
    refused("balance-exhausted", 502, "upstream_out_of_money"),
    refused("503", 502, "upstream_unavailable"),
    refused("400", 400, "rejected_by_vendor"),
    refused("401", 502, "upstream_credential_rejected"),
    broken("500", "upstream_error"),
    fine("usage-twice"),
    fine("usage-zero-after", 0),
    fine("usage-zero-first"),
    fine("usage-on-final-choice"),
    fine("usage-in-every-chunk"),
    estimated("usage-missing", "usage missing"),
    estimated("usage-null", "usage missing"),
    estimated("usage-negative", "usage not believed"),
    estimated("usage-parts-over-total", "usage not believed"),
    *(
        estimated(f"usage-absurd:{kind}", "usage")
        for kind in ("1e300", "float", "string", "bool", "list", "huge")
    ),
    broken("error-in-200", "vendor_error"),
    broken("empty-200", "upstream_protocol_error"),
    broken("wrong-content-type", "upstream_protocol_error"),
    broken("gzip", "upstream_protocol_error"),
]
PLAIN = [
    *BOTH,
    fine("two-responses"),
    fine("late-response"),
    broken("invalid-utf8", "upstream_protocol_error"),
    broken("invalid-json", "upstream_protocol_error"),
    broken("short-length", "upstream_protocol_error"),
    broken("endless-line", "upstream_protocol_error"),
    broken("cut-mid-event", "upstream_unavailable"),
    broken("cut-before-usage", "upstream_unavailable"),
    unsure("huge-header", "upstream_protocol_error"),
    unsure("two-lengths", "upstream_protocol_error"),
    broken("usage-absurd:nan", "upstream_protocol_error"),
    broken("usage-absurd:infinity", "upstream_protocol_error"),
]
STREAMED = [
    *(case for case in BOTH if case.fault != "error-in-200"),
    broken("error-in-200", "upstream_protocol_error"),
    fine("two-responses"),
    fine("late-response"),
    fine("crlf"),
    fine("comments"),
    fine("no-done"),
    fine("invalid-utf8"),
    fine("invalid-json"),
    fine("cut-before-terminator"),
    broken("hang-mid-stream", "upstream_timeout", 200, in_stream=True),
    broken("error-event", "vendor_error", 200, in_stream=True),
    broken("cut-mid-event", "upstream_unavailable", 200, in_stream=True),
    broken("cut-before-usage", "upstream_unavailable", 200, in_stream=True),
    broken("reset-mid-stream", "upstream_unavailable", 200, in_stream=True),
    broken("bad-chunk", "upstream_protocol_error", 200, in_stream=True),
    estimated("usage-absurd:nan", "usage unreadable"),
    estimated("usage-absurd:infinity", "usage unreadable"),
    broken("endless-line", "upstream_protocol_error"),
    broken("short-length", "upstream_protocol_error"),
    unsure("huge-header", "upstream_protocol_error"),
    unsure("two-lengths", "upstream_protocol_error"),
]
WRONG_FORM = {"crlf", "comments", "no-done", "hang-mid-stream", "error-event", "bad-chunk"} | {
    "reset-mid-stream",
    "cut-before-terminator",
}
"""These speak in events whatever was asked: to a plain call each is a broken answer."""


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    channels = len(PLAIN) + len(STREAMED) + len(WRONG_FORM)
    with Rig(channels_each=channels) as rig:
        yield rig


def _offer(number: int) -> str:
    return f"offer:channel-{number}/model-a"


def _body(number: int) -> dict[str, object]:
    return BODY | {"model": _offer(number), "max_tokens": OUTPUT_MAX}


def _script(rig: Rig, case: Case) -> None:
    name, _, argument = case.fault.partition(":")
    # A gap between events lets the stream begin before it breaks.
    rig.script(Fault(name, argument, Answer(4, gap_s=0.02 if case.in_stream else 0.0)))


def _hold_books(rig: Rig, case: Case, response: object, number: int) -> None:
    """The books say the same thing as the case, once, and to the last digit."""
    [attempt] = rig.booked(response)  # type: ignore[arg-type]
    settled = attempt.settled
    assert (settled.outcome, settled.usage_source) == (case.outcome, case.source), settled
    if case.output is not None:
        assert settled.usage.output_tokens == case.output
    if case.source == "none":
        assert (settled.cost_pico, settled.rate_ids) == (0, ())
    else:
        assert settled.usage.input_tokens > 0
        assert settled.cost_pico == cost_of(settled.usage, f"channel-{number}") > 0
        assert settled.rate_ids == (f"r-channel-{number}-0-in", f"r-channel-{number}-0-out")
    assert settled.charge_pico == settled.cost_pico
    assert case.detail in settled.detail
    if case.outcome != "completed":
        assert settled.detail.startswith(f"{case.error}: ")
    assert settled.cost_pico <= attempt.intent.reserved_pico or "overrun" in case.fault


def _hold_error(shape: dict[str, object], case: Case) -> None:
    assert shape["code"] == case.error, shape
    assert shape["message"]
    assert shape["type"]
    assert CREDENTIAL not in json.dumps(shape)


@pytest.mark.parametrize("number", range(len(PLAIN)), ids=[case.fault for case in PLAIN])
def test_a_plain_call_survives(rig: Rig, number: int) -> None:
    case = PLAIN[number]
    _script(rig, case)
    answer = rig.post(_body(number))
    assert answer.status_code == case.status, answer.text
    if case.error:
        _hold_error(answer.json()["error"], case)
    else:
        assert answer.json()["choices"][0]["message"]["content"] == SAID
        assert "stolen" not in answer.text
    _hold_books(rig, case, answer, number)


@pytest.mark.parametrize("number", range(len(STREAMED)), ids=[case.fault for case in STREAMED])
def test_a_streamed_call_survives(rig: Rig, number: int) -> None:
    case, channel = STREAMED[number], number + len(PLAIN)
    _script(rig, case)
    answer = rig.stream(_body(channel))
    assert answer.response.status_code == case.status, answer.text
    if case.in_stream:
        assert answer.error is not None, answer.text
        _hold_error(answer.error, case)
        assert answer.is_done is (case.fault == "error-event")
        assert answer.text.rstrip().rpartition("\n")[2].startswith(": steelyard call=c-")
    elif case.error:
        _hold_error(answer.response.json()["error"], case)
    else:
        assert "stolen" not in answer.text
        if not case.fault.startswith("invalid-"):
            assert answer.content == SAID
            assert answer.is_done is (case.fault != "no-done")
            assert not any("usage" in event for event in answer.events)
    _hold_books(rig, case, answer, channel)


@pytest.mark.parametrize("fault", sorted(WRONG_FORM))
def test_events_in_answer_to_a_plain_call_are_no_answer(rig: Rig, fault: str) -> None:
    number = len(PLAIN) + len(STREAMED) + sorted(WRONG_FORM).index(fault)
    rig.script(Fault(fault))
    answer = rig.post(_body(number))
    assert answer.status_code in {502, 504}
    [attempt] = rig.booked(answer)
    assert (attempt.settled.outcome, attempt.settled.usage_source) == ("cut", "estimated")
    assert attempt.settled.cost_pico > 0


def test_every_fault_is_covered() -> None:
    covered = {case.fault.partition(":")[0] for case in PLAIN + STREAMED} | WRONG_FORM
    assert covered == set(FAULTS)


def test_both_forms_of_one_answer_cost_the_same(rig: Rig) -> None:
    plain = rig.post(_body(0) | {"max_tokens": 3})
    streamed = rig.stream(_body(0) | {"max_tokens": 3})
    [one], [other] = rig.booked(plain), rig.booked(streamed)
    assert one.settled.usage == other.settled.usage
    assert one.settled.cost_pico == other.settled.cost_pico > 0
    assert one.settled.finish == other.settled.finish == "length"


def test_an_estimate_counts_the_text_that_was_seen(rig: Rig) -> None:
    long = Answer(parts=tuple("a rather long piece of text, " * 4 for _ in range(10)))
    found = []
    for stream in (False, True):
        rig.script(Fault("usage-missing", answer=long))
        body = _body(0) | {"stream": stream}
        [attempt] = rig.booked(rig.post(body))
        found.append(attempt.settled.usage.output_tokens)
    text_bytes = len("".join(long.parts or ()))
    for count in found:
        assert 0.7 * 0.3 * text_bytes < count < 1.2 * 0.3 * text_bytes, found
