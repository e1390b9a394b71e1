"""When another attempt is made, when not, and that every one is booked."""

from __future__ import annotations

import socket

import pytest
from gateway_rig import BODY, Rig, Streamed

from steelyard.gateway.snapshot import PolicyEntry
from steelyard.testing.replies import Answer, Fault

CHEAP, DEAR = "channel-0/model-a", "channel-1/model-a"


def _outcomes(rig: Rig, answer: object) -> list[tuple[str, str, str]]:
    found = rig.booked(answer)  # type: ignore[arg-type]
    return [(b.intent.offer, b.intent.why, b.settled.outcome) for b in found]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize(
    ("fault", "outcome"),
    [("429:1", "refused"), ("503", "refused"), ("500", "cut"), ("401", "refused")],
)
def test_the_next_offer_is_tried(fault: str, outcome: str, stream: bool) -> None:
    with Rig(vendors=2, policy=PolicyEntry()) as rig:
        rig.script(Fault(*fault.split(":")))
        answer = rig.post(BODY | {"stream": stream})
        assert answer.status_code == 200
        assert answer.headers["x-steelyard-offer"] == DEAR
        assert answer.headers["x-steelyard-attempts"] == "2"
        assert _outcomes(rig, answer) == [
            (CHEAP, "first", outcome),
            (DEAR, "fallback", "completed"),
        ]
        first, second = rig.booked(answer)
        total = first.settled.cost_pico + second.settled.cost_pico
        shown = answer.headers.get("x-steelyard-cost") or answer.text.rpartition("cost=")[2]
        assert round(float(shown.split()[0]) * 10**12) == total
        # The one that asked for rest is let alone meanwhile.
        if outcome == "refused":
            assert rig.post().headers["x-steelyard-offer"] == DEAR


def test_a_refused_connection_costs_nothing_and_the_next_offer_answers() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        with Rig(more_upstreams=[nobody], policy=PolicyEntry()) as rig:
            alone = rig.post(BODY | {"model": f"offer:{DEAR}"})
            assert (alone.status_code, alone.json()["error"]["code"]) == (
                502,
                "upstream_unavailable",
            )
            assert [(b.settled.outcome, b.settled.cost_pico) for b in rig.booked(alone)] == [
                ("not_sent", 0),
                ("not_sent", 0),
            ]
            assert [b.intent.why for b in rig.booked(alone)] == ["first", "retry"]
            rig.script(Fault("429"))
            both = rig.post()
            assert both.status_code == 502
            assert both.json()["error"]["code"] == "all_offers_failed"
            assert {o for o, _, _ in _outcomes(rig, both)} == {CHEAP, DEAR}


def test_an_uncertain_attempt_is_not_repeated_unless_the_policy_says_so() -> None:
    with Rig(vendors=2, policy=PolicyEntry()) as rig:
        rig.script(Fault("reset"))
        answer = rig.post()
        assert answer.status_code == 502
        assert _outcomes(rig, answer) == [(CHEAP, "first", "uncertain")]
        assert rig.vendors[1].requests_received == 0
    with Rig(vendors=2, policy=PolicyEntry(replay_uncertain=True)) as rig:
        rig.script(Fault("reset"))
        answer = rig.post()
        assert answer.status_code == 200
        assert _outcomes(rig, answer) == [
            (CHEAP, "first", "uncertain"),
            (DEAR, "fallback", "completed"),
        ]
        first = rig.booked(answer)[0]
        assert first.settled.usage.output_tokens == first.intent.output_tokens_reserved
        assert first.settled.usage_source == "estimated"


def test_an_engine_of_ours_that_dies_with_a_call_is_replaced_by_the_next_offer() -> None:
    with Rig(vendors=2, kind="embedded", policy=PolicyEntry()) as rig:
        rig.script(Fault("reset"))
        answer = rig.post()
        assert answer.status_code == 200
        assert _outcomes(rig, answer) == [
            (CHEAP, "first", "uncertain"),
            (DEAR, "fallback", "completed"),
        ]


@pytest.mark.parametrize("fault", ["reset-mid-stream", "cut-mid-event", "error-event"])
def test_nothing_is_repeated_after_visible_output(fault: str) -> None:
    with Rig(vendors=2, policy=PolicyEntry(replay_uncertain=True)) as rig:
        rig.script(Fault(fault, answer=Answer(4, gap_s=0.02)))
        answer = rig.stream()
        assert answer.response.status_code == 200
        assert answer.error is not None
        assert _outcomes(rig, answer) == [(CHEAP, "first", "cut")]
        assert rig.vendors[1].requests_received == 0


def test_attempts_are_bounded_across_retries_and_fallbacks() -> None:
    with Rig(vendors=3, policy=PolicyEntry(attempts_max=2, retries_max=5)) as rig:
        for number in range(3):
            rig.script(*[Fault("500")] * 9, vendor=number)
        answer = rig.post()
        assert answer.json()["error"]["code"] == "all_offers_failed"
        assert [o for o, _, _ in _outcomes(rig, answer)] == [CHEAP, DEAR]
        assert answer.headers["x-steelyard-attempts"] == "2"


def test_one_offer_is_retried_after_a_pause_but_not_what_no_pause_heals() -> None:
    with Rig(channels_each=3, policy=PolicyEntry(retries_max=1)) as rig:
        rig.script(Fault("429"))
        answer = rig.post(BODY | {"model": f"offer:{CHEAP}"})
        assert answer.status_code == 200
        assert [why for _, why, _ in _outcomes(rig, answer)] == ["first", "retry"]
        rig.script(Fault("401"))
        answer = rig.post(BODY | {"model": f"offer:{DEAR}"})
        assert answer.status_code == 502
        assert [why for _, why, _ in _outcomes(rig, answer)] == ["first"]
        rig.script(Fault("429", "60"))
        answer = rig.post(BODY | {"model": "offer:channel-2/model-a"})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
        assert [why for _, why, _ in _outcomes(rig, answer)] == ["first"]


def test_a_kept_connection_that_died_is_no_attempt() -> None:
    with Rig() as rig:
        assert rig.post().status_code == 200
        rig.call(rig.vendor.close_idle)
        for stream in (True, False):
            answer = rig.post(BODY | {"stream": stream})
            assert answer.status_code == 200
            assert answer.headers["x-steelyard-attempts"] == "1"
            rig.call(rig.vendor.close_idle)
        assert len(rig.journal()) == rig.vendor.requests_received == 3


def test_the_retry_after_of_a_vendor_reaches_a_streaming_client_too() -> None:
    with Rig() as rig:
        rig.script(Fault("429", "7"))
        answer = rig.stream()
        assert isinstance(answer, Streamed)
        assert answer.response.status_code == 429
        assert answer.response.headers["retry-after"] in {"7", "8"}
