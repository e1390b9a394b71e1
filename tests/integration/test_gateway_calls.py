"""What a client asks for and gets: models, offers, tasks, keys, headers, usage, errors in shape."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from gateway_rig import BODY, HEADERS, PATH, Rig, cost_of

from steelyard.domain.accounts import hash_secret
from steelyard.gateway import keytable, snapshot
from steelyard.gateway.snapshot import Core, KeyRecord, TaskEntry, VerdictEntry
from steelyard.testing.replies import Answer
from steelyard.testing.worker import ACCOUNT, KEY, StandInControl

CHEAP, DEAR = "channel-0/model-a", "channel-1/model-a"
TASKS = {
    "shop/intent": TaskEntry(
        "shop/intent",
        0.9,
        verdicts=(
            VerdictEntry(CHEAP, "failed", 0.1, 0.2, 100),
            VerdictEntry(DEAR, "proven", 0.93, 0.99, 100),
        ),
        settings={"temperature": 0.0, "max_tokens": 3},
    ),
    "shop/new": TaskEntry(
        "shop/new", 0.8, verdicts=(VerdictEntry(CHEAP, "not_proven", 0.5, 1, 9),)
    ),
    "shop/empty": TaskEntry("shop/empty", 0.8),
}


def _with_unpriced(core: Core) -> Core:
    """The core with a model whose only offer has no price."""
    [offer, *_] = snapshot.decode_offers(core.models["model-a"])
    free = msgspec.structs.replace(offer, name="channel-0/unpriced", model="unpriced", periods=())
    index = snapshot.decode_offer_index(core.offers) | {free.name: "unpriced"}
    models = {**core.models, "unpriced": snapshot.raw((free,))}
    return msgspec.structs.replace(core, models=models, offers=snapshot.raw(index))


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with Rig(vendors=2, tasks=TASKS, change=_with_unpriced, features=frozenset({"tools"})) as rig:
        yield rig


def _received(rig: Rig) -> int:
    return sum(vendor.requests_received for vendor in rig.vendors)


def _refused(rig: Rig, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    """The error of a call that must be refused with nothing sent and nothing written down."""
    before = _received(rig), len(rig.journal())
    answer = rig.post(body, **headers)
    assert (_received(rig), len(rig.journal())) == before
    assert answer.status_code >= 400, answer.text
    return answer.json()["error"] | {"status": answer.status_code}


def test_a_plain_call_is_answered_priced_and_booked(rig: Rig) -> None:
    answer = rig.post(BODY)
    assert answer.json()["choices"][0]["message"]["content"].startswith("word0")
    [attempt] = rig.booked(answer)
    intent, settled = attempt.intent, attempt.settled
    assert answer.headers["x-steelyard-offer"] == intent.offer == CHEAP
    assert answer.headers["x-steelyard-attempts"] == "1"
    assert answer.headers["x-steelyard-cost"] == "0.0000144 CNY"
    assert settled.cost_pico == 14_400_000
    assert settled.cost_pico == cost_of(settled.usage) > 0
    assert (intent.key_id, intent.account_path, intent.why) == ("key_1", ACCOUNT, "first")
    assert (settled.model_answered, settled.finish) == ("served", "stop")
    assert settled.vendor_call_id.startswith("chatcmpl-")
    assert 0 < settled.first_byte_us <= settled.total_us
    assert intent.called_at_ns < settled.settled_at_ns
    assert intent.input_tokens_expected > 0


def test_the_vendor_gets_its_own_credential_and_model_and_nothing_of_the_caller(rig: Rig) -> None:
    answer = rig.post(BODY | {"private": {"深": [1, 2.50]}}, cookie="c=1", x_secret="mine")
    sent = rig.vendor.received[-1]
    assert sent.header("authorization") == "Bearer sk-vendor-credential-0123456789"
    assert sent.header("accept-encoding") == "identity"
    assert sent.header("cookie") is sent.header("x-secret") is None
    assert sent.header("x-steelyard-attempt") == answer.headers["x-steelyard-call"] + "-1"
    assert KEY.encode() not in sent.body
    body = json.loads(sent.body)
    assert body == BODY | {"model": "served", "private": {"深": [1, 2.5]}}


def test_a_stream_ends_with_its_cost_and_hides_usage_nobody_asked_for(rig: Rig) -> None:
    answer = rig.stream()
    [attempt] = rig.booked(answer)
    assert answer.content == "word0 word1 word2 word3 "
    assert answer.is_done
    assert "usage" not in answer.text
    comment = answer.text.rstrip().rpartition("\n")[2]
    call = answer.response.headers["x-steelyard-call"]
    assert comment.startswith(f": steelyard call={call} cost=0.0000")
    assert comment.endswith(" CNY")
    assert json.loads(rig.vendor.received[-1].body)["stream_options"] == {"include_usage": True}
    assert attempt.settled.usage_source == "reported"
    assert attempt.intent.is_stream


def test_usage_is_shown_to_a_client_that_asked(rig: Rig) -> None:
    answer = rig.stream(BODY | {"stream_options": {"include_usage": True}})
    assert answer.events[-1]["usage"]["completion_tokens"] == 4
    refused = rig.stream(BODY | {"stream_options": {"include_usage": False, "x": 1}})
    assert "usage" not in refused.text
    asked = json.loads(rig.vendor.received[-1].body)["stream_options"]
    assert asked == {"include_usage": True, "x": 1}


def test_the_cheapest_offer_is_taken_and_an_offer_can_be_pinned(rig: Rig) -> None:
    assert rig.post(BODY).headers["x-steelyard-offer"] == CHEAP
    assert rig.post(BODY | {"model": "alias-a"}).headers["x-steelyard-offer"] == CHEAP
    pinned = rig.post(BODY | {"model": f"offer:{DEAR}"})
    assert pinned.headers["x-steelyard-offer"] == DEAR
    [attempt] = rig.booked(pinned)
    assert attempt.settled.cost_pico == cost_of(attempt.settled.usage, "channel-1")
    assert attempt.intent.model_asked == f"offer:{DEAR}"


def test_an_unknown_model_names_the_nearest(rig: Rig) -> None:
    error = _refused(rig, BODY | {"model": "model-b"})
    assert (error["status"], error["code"], error["param"]) == (404, "model_not_found", "model")
    assert "model-a" in error["message"]
    assert _refused(rig, BODY | {"model": "offer:channel-0/model-x"})["status"] == 404
    wild = _refused(rig, BODY | {"model": "zzz" * 1000})
    assert "/v1/models" in wild["message"]
    assert len(wild["message"]) < 300


def test_a_task_goes_to_the_cheapest_proven_offer_with_its_settings(rig: Rig) -> None:
    for body, headers in (
        (BODY | {"model": "task:shop/intent"}, {}),
        (BODY | {"model": "auto"}, {"x_steelyard_task": "shop/intent"}),
    ):
        answer = rig.post(body, **headers)
        assert answer.headers["x-steelyard-offer"] == DEAR, answer.text
        [attempt] = rig.booked(answer)
        assert attempt.intent.task == "shop/intent"
        assert json.loads(rig.vendors[1].received[-1].body)["temperature"] == 0.0
    own = rig.post(BODY | {"model": "task:shop/intent", "temperature": 0.7})
    assert own.status_code == 200
    assert json.loads(rig.vendors[1].received[-1].body)["temperature"] == 0.7


def test_nothing_proven_says_why_and_what_to_do(rig: Rig) -> None:
    error = _refused(rig, BODY | {"model": "task:shop/new"})
    assert (error["status"], error["code"]) == (503, "nothing_proven")
    assert "not proven, 0.50 to 1.00 against 0.80" in error["message"]
    assert "steelyard weigh shop/new" in error["message"]
    assert "nothing was weighed" in _refused(rig, BODY | {"model": "task:shop/empty"})["message"]
    assert _refused(rig, BODY | {"model": "auto"})["code"] == "task_missing"
    wrong = _refused(rig, BODY | {"model": "task:shop/intend"})
    assert (wrong["code"], wrong["status"]) == ("task_not_found", 404)
    assert "task:shop/intent" in wrong["message"]


def test_an_unpriced_offer_is_refused_and_never_free(rig: Rig) -> None:
    error = _refused(rig, BODY | {"model": "unpriced"})
    assert (error["status"], error["code"]) == (503, "unpriced_offer")


def test_what_no_offer_can_do_is_refused(rig: Rig) -> None:
    picture = [{"type": "image_url", "image_url": {"url": "data:,"}}]
    error = _refused(rig, BODY | {"messages": [{"role": "user", "content": picture}]})
    assert (error["status"], error["code"]) == (400, "unsupported")
    assert "images" in error["message"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"authorization": "Bearer"}, "missing_api_key"),
        ({"authorization": "Bearer sk-wrong"}, "invalid_api_key"),
        ({"authorization": "Basic abc"}, "invalid_api_key"),
        ({"authorization": f"Bearer {KEY}x"}, "invalid_api_key"),
    ],
)
def test_a_wrong_key_is_refused(rig: Rig, headers: dict[str, str], code: str) -> None:
    error = _refused(rig, BODY, **headers)
    assert (error["status"], error["code"]) == (401, code)


def test_a_key_may_come_as_api_key(rig: Rig) -> None:
    answer = httpx.post(rig.url, json=BODY, headers={"api-key": KEY})
    assert answer.status_code == 200


def test_models_are_listed_for_those_with_a_key(rig: Rig) -> None:
    listed = rig.client.get(f"{rig.worker.url}/v1/models").json()
    assert [model["id"] for model in listed["data"]] == ["model-a"]
    one = rig.client.get(f"{rig.worker.url}/v1/models/model-a")
    assert one.json()["object"] == "model"
    assert rig.client.get(f"{rig.worker.url}/v1/models/model-x").status_code == 404
    assert httpx.get(f"{rig.worker.url}/v1/models").status_code == 401


def test_other_paths_say_what_they_are(rig: Rig) -> None:
    def code(method: str, path: str) -> tuple[int, str]:
        answer = rig.client.request(method, rig.worker.url + path)
        return answer.status_code, answer.json()["error"]["code"]

    assert code("GET", PATH) == (405, "method_not_allowed")
    assert code("POST", "/v1/models") == (405, "method_not_allowed")
    assert code("POST", "/v1/moderations") == (404, "not_found")
    assert code("GET", "/console") == (503, "control_unavailable")
    assert rig.client.get(f"{rig.worker.url}/healthz").text == "ok\n"
    assert rig.client.get(f"{rig.worker.url}/readyz").text == "ready\n"
    assert rig.client.get(f"{rig.worker.url}/metrics/local").status_code == 503


def test_expired_and_revoked_keys_stop_working_and_a_swap_is_not_felt() -> None:
    rows = [
        (hash_secret(b"sk-old"), KeyRecord("key_2", ACCOUNT, expires_at_ns=time.time_ns() - 1)),
        (hash_secret(b"sk-new"), KeyRecord("key_3", ACCOUNT, task="shop/intent")),
        (hash_secret(KEY.encode()), KeyRecord("key_1", ACCOUNT)),
    ]
    control = StandInControl(step=10**15)
    with Rig(vendors=2, control=control, tasks=TASKS) as rig:
        folder = rig.worker.home / "snapshot"
        rig.script(Answer(events=20, gap_s=0.02))
        with rig.client.stream("POST", rig.url, json=BODY | {"stream": True}) as under_way:
            keytable.write(folder / snapshot.KEYS_FILE, sorted(rows), len(rows))
            core = msgspec.structs.replace(
                snapshot.load(folder), revision=2, models={}, public_ids=()
            )
            snapshot.write(
                folder, msgspec.structs.replace(core, models=snapshot.load(folder).models)
            )
            rig.call(lambda: control.tell("snapshot", 2))
            rig.until(lambda: ["loaded", 2] in control.heard)
            assert "word19" in under_way.read().decode()
        old = rig.post(BODY, authorization="Bearer sk-old")
        assert (old.status_code, old.json()["error"]["code"]) == (401, "expired_api_key")
        auto = rig.post(BODY | {"model": "auto"}, authorization="Bearer sk-new")
        assert auto.headers["x-steelyard-offer"] == DEAR
        assert rig.booked(auto)[0].intent.revision == 2
        assert rig.journal()[0].intent.revision == 1
        rig.call(lambda: control.tell("revoked", [hash_secret(b"sk-new")]))
        rig.until(lambda: rig.post(BODY, authorization="Bearer sk-new").status_code == 401)
        # A damaged snapshot leaves the old one in place.
        (folder / snapshot.CORE_FILE).write_bytes(b"\x93torn")
        rig.call(lambda: control.tell("snapshot", 3))
        time.sleep(0.1)
        assert rig.post(BODY).status_code == 200
        assert rig.metric("steelyard_snapshot_revision") == 2


def test_readiness_waits_for_default_channels_and_calls_avoid_what_is_down() -> None:
    def with_default(core: Core) -> Core:
        channel = msgspec.structs.replace(core.channels["channel-0"], is_default=True)
        return msgspec.structs.replace(core, channels={**core.channels, "channel-0": channel})

    control = StandInControl(step=10**15)
    with Rig(vendors=2, control=control, change=with_default) as rig:
        ready = f"{rig.worker.url}/readyz"
        rig.call(lambda: control.tell("channels", {"channel-0": ["loading", "model.gguf 40 %"]}))
        rig.until(lambda: rig.client.get(ready).status_code == 503)
        assert rig.client.get(ready).text == "channel-0: loading\n"
        assert rig.post(BODY).headers["x-steelyard-offer"] == DEAR
        pinned = rig.post(BODY | {"model": f"offer:{CHEAP}"})
        assert (pinned.status_code, pinned.json()["error"]["code"]) == (503, "no_offer")
        assert "loading: model.gguf 40 %" in pinned.json()["error"]["message"]
        rig.call(lambda: control.tell("channels", {}))
        rig.until(lambda: rig.client.get(ready).status_code == 200)
        assert rig.post(BODY).headers["x-steelyard-offer"] == CHEAP
        rig.call(lambda: control.tell("background", True))
        rig.until(lambda: bool(rig.post(BODY)) and ["busy"] in control.heard)


def test_pages_are_carried_to_control() -> None:
    with Rig() as rig:
        path = rig.worker.runtime / "control.http"

        async def serve() -> object:
            async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(head) + head)
                await writer.drain()
                writer.close()

            return await asyncio.start_unix_server(page, str(path))

        server = rig.run(serve())
        told = rig.client.get(f"{rig.worker.url}/console?x=1", headers=HEADERS).text
        assert told.startswith("GET /console?x=1 HTTP/1.1\r\n")
        assert "x-forwarded-for: 127.0.0.1" in told
        rig.call(server.close)  # type: ignore[attr-defined]


def test_only_our_own_calls_say_why_they_are_made(rig: Rig) -> None:
    for why in ("weigh", "probe"):
        answer = rig.post({**BODY, "model": "offer:channel-0/model-a"}, **{"x-steelyard-why": why})
        [booked] = rig.booked(answer)
        assert booked.intent.why == "first"
