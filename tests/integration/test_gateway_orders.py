"""Ordered work: booked when it is ordered, asked after by any worker, ended once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import httpx
import msgspec
import pytest
from gateway_rig import BUDGET, CREDENTIAL, HEADERS, PATH, Rig

from steelyard.domain.usage import ESTIMATED
from steelyard.gateway import snapshot
from steelyard.gateway.snapshot import Core, SpokenEntry
from steelyard.testing.replies import Raw, json_response
from steelyard.testing.worker import StandInControl

VIDEO = {"model": "model-a", "prompt": "a cat", "seconds": "8"}
SECOND_PICO = 10**11
"""0.1 CNY a second of video, and a picture."""


def _sells_videos(core: Core) -> Core:
    """The snapshot with an offer that makes videos, priced by the second."""
    [packed] = core.models.values()
    offers = []
    for offer in snapshot.decode_offers(packed):
        periods = []
        for period in offer.periods:
            price = Fraction(SECOND_PICO)
            extras = {item: (price.numerator, price.denominator) for item in ("video", "image")}
            cards = tuple(card._replace(extras=extras) for card in period.cards)
            periods.append(period._replace(cards=cards))
        features = frozenset(("video", "image_generation"))
        offers.append(msgspec.structs.replace(offer, periods=tuple(periods), features=features))
    [channel] = core.channels.values()
    speaks = {
        "midjourney": SpokenEntry(
            channel.base_url.removesuffix("/v1"),
            credential_header="mj-api-secret",
            credential_prefix="",
        )
    }
    channels = {channel.name: msgspec.structs.replace(channel, speaks=speaks)}
    models = {name: snapshot.raw(tuple(offers)) for name in core.models}
    return msgspec.structs.replace(core, models=models, channels=channels)


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig(change=_sells_videos) as made:
        yield made


def base(rig: Rig) -> str:
    return rig.url.removesuffix(PATH)


def order(rig: Rig, **answer: Any) -> httpx.Response:
    told = {"id": "video_1", "object": "video", "model": "sora-2", "status": "queued", **answer}
    rig.script(Raw((json_response(200, told),)))
    return httpx.post(f"{base(rig)}/v1/videos", json=VIDEO, headers=HEADERS, timeout=10)


def fetch(rig: Rig, path: str, told: object, status: int = 200) -> httpx.Response:
    rig.script(Raw((json_response(status, told),)))
    return httpx.get(base(rig) + path, headers=HEADERS, timeout=10)


def ends(rig: Rig) -> list[Any]:
    return [heard for heard in rig.control.heard if heard[0] == "order"]


def test_an_order_is_booked_for_what_was_ordered(rig: Rig) -> None:
    answer = order(rig)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["id"].startswith("order_") and "video_1" not in answer.text
    [booked] = rig.booked(answer)
    settled = booked.settled
    assert (settled.outcome, settled.usage_source, settled.detail) == (
        "completed",
        ESTIMATED,
        "ordered",
    )
    assert settled.usage.extras == (("video", 8),)
    # The prompt's few tokens have a price here, too.
    assert 8 * SECOND_PICO <= settled.cost_pico < 8 * SECOND_PICO + 10**9
    assert settled.vendor_call_id == "video_1"
    received = rig.vendor.received[-1]
    assert json.loads(received.body)["model"] == "served"


def test_how_far_it_is_comes_from_the_vendor_under_our_id(rig: Rig) -> None:
    ours = order(rig).json()["id"]
    before = len(ends(rig))
    answer = fetch(rig, f"/v1/videos/{ours}", {"id": "video_1", "status": "in_progress"})
    assert answer.json() == {"id": ours, "status": "in_progress"}
    received = rig.vendor.received[-1]
    assert (received.method, received.target) == ("GET", "/v1/videos/video_1")
    assert received.header("authorization") == f"Bearer {CREDENTIAL}"
    assert len(ends(rig)) == before


def test_its_end_is_told_to_control_with_the_attempt_that_was_booked(rig: Rig) -> None:
    answer = order(rig)
    [booked] = rig.booked(answer)
    path = f"/v1/videos/{answer.json()['id']}"
    done = {"id": "video_1", "status": "completed", "seconds": "8"}
    before = len(ends(rig))
    assert fetch(rig, path, done).status_code == 200
    rig.until(lambda: len(ends(rig)) > before)
    _, key, is_done, usage = ends(rig)[-1]
    intent = booked.intent
    assert key == [intent.incarnation, intent.sequence, intent.attempt, intent.called_at_ns]
    assert (is_done, usage[-1]) == (True, [["video", 8]])
    failed = {"id": "video_1", "status": "failed", "error": {"message": "unsafe"}}
    fetch(rig, path, failed)
    rig.until(lambda: len(ends(rig)) > before + 1)
    assert ends(rig)[-1][2:] == [False, None]  # and nothing of what the vendor said


def test_what_was_made_goes_through_as_it_comes(rig: Rig) -> None:
    ours = order(rig).json()["id"]
    body = bytes(range(256)) * 4096
    head = b"HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: %d\r\n\r\n" % len(body)
    rig.script(Raw((head + body,)))
    answer = httpx.get(f"{base(rig)}/v1/videos/{ours}/content", headers=HEADERS, timeout=10)
    assert (answer.content, answer.headers["content-type"]) == (body, "video/mp4")


def test_nobody_asks_after_what_is_not_his(rig: Rig) -> None:
    ours = order(rig).json()["id"]
    path = f"{base(rig)}/v1/videos/{ours}"
    assert httpx.get(path, timeout=10).status_code == 401
    other = {"authorization": "Bearer sk-other-0"}
    assert httpx.get(path, headers=other, timeout=10).status_code in (401, 404)
    for wrong in (ours[:-2] + "AA", "video_1", "order_", "order_" + "A" * 2000):
        answer = httpx.get(f"{base(rig)}/v1/videos/{wrong}", headers=HEADERS, timeout=10)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "order_not_found")
    answer = httpx.post(path, headers=HEADERS, timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")


def test_a_vendor_that_cannot_tell_is_a_clear_error(rig: Rig) -> None:
    ours = order(rig).json()["id"]
    gone = {"error": {"message": "no such video", "type": "invalid_request_error"}}
    answer = fetch(rig, f"/v1/videos/{ours}", gone, status=404)
    assert answer.status_code in (400, 404, 502) and "error" in answer.json()
    # An answer that is none says nothing, and is handed on.
    assert fetch(rig, f"/v1/videos/{ours}", ["what"]).json() == ["what"]


def test_another_vendors_shape_at_an_address_of_its_own(rig: Rig) -> None:
    rig.script(Raw((json_response(200, {"code": 1, "description": "ok", "result": "1320"}),)))
    body = {"prompt": "a cat", "model": "model-a"}
    answer = httpx.post(f"{base(rig)}/mj/submit/imagine", json=body, headers=HEADERS, timeout=10)
    ours = answer.json()["result"]
    received = rig.vendor.received[-1]
    assert (received.target, json.loads(received.body)) == (
        "/mj/submit/imagine",
        {"prompt": "a cat"},
    )
    assert received.header("mj-api-secret") == CREDENTIAL
    [booked] = rig.booked(answer)
    assert booked.settled.usage.extras == (("image", 1),)
    told = fetch(rig, f"/mj/task/{ours}/fetch", {"id": "1320", "status": "SUCCESS"})
    assert told.json() == {"id": ours, "status": "SUCCESS"}
    assert rig.vendor.received[-1].target == "/mj/task/1320/fetch"
    refused = {"code": 24, "description": "banned prompt"}
    rig.script(Raw((json_response(200, refused),)))
    answer = httpx.post(f"{base(rig)}/mj/submit/imagine", json=body, headers=HEADERS, timeout=10)
    assert answer.status_code == 502 and "banned prompt" in answer.text


def test_an_order_that_does_not_fit_the_budget_is_refused() -> None:
    control = StandInControl(limits={BUDGET.scope: 5 * SECOND_PICO}, step=1)
    with Rig(change=_sells_videos, control=control, meters=(BUDGET,)) as rig:
        began_s = time.monotonic()
        answer = httpx.post(f"{base(rig)}/v1/videos", json=VIDEO, headers=HEADERS, timeout=10)
        assert answer.status_code in (402, 403, 429), answer.text
        assert not rig.vendor.received and time.monotonic() - began_s < 5
