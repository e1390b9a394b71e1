"""The worker as a process: drained, killed, on a full disk, behind TLS, under the official SDK."""

from __future__ import annotations

import resource
import signal
import ssl
from pathlib import Path

import openai
import pytest
import trustme
from gateway_rig import Rig

from steelyard.testing.replies import Answer, Fault
from steelyard.testing.upstream import Settings
from steelyard.testing.worker import KEY

PATIENT = (2.0, 20.0, 20.0, 60.0)


def test_sigterm_lets_a_short_stream_end_and_settles_a_long_one() -> None:
    with Rig(timeouts=PATIENT) as rig:
        rig.script(Answer(events=20, gap_s=0.03), Fault("hang-mid-stream", "3"))
        short, long = rig.open_stream(), rig.open_stream()
        rig.until(lambda: len(rig.vendor.received) == 2)
        assert short.recv(10)
        assert long.recv(10)
        assert rig.run(rig.worker.stop(signal.SIGTERM)) == 0
        told = b""
        with short, long:
            while data := short.recv(65536):
                told += data
        assert b"word19" in told
        assert b"[DONE]" in told
        first, second = rig.journal()
        assert first.settled.outcome == "completed"
        assert first.settled.usage.output_tokens == 20
        assert second.settled.outcome in {"client_gone", "cut"}
        assert second.settled.usage_source == "estimated"


def test_a_killed_worker_leaves_the_intent_and_its_successor_serves() -> None:
    with Rig(timeouts=PATIENT) as rig:
        rig.script(Fault("hang"))
        sock = rig.open_stream()
        rig.until(lambda: len(rig.vendor.received) == 1)
        rig.run(rig.worker.stop(signal.SIGKILL))
        sock.close()
        [orphan] = rig.journal()
        assert orphan.settlement is None
        rig.run(rig.worker.launch())
        answer = rig.post()
        assert answer.headers["x-steelyard-call"] == "c-2-1"
        [attempt] = rig.booked(answer)
        assert attempt.settled.outcome == "completed"


def test_a_full_disk_refuses_new_calls_and_still_writes_what_is_due() -> None:
    with Rig(timeouts=PATIENT) as rig:
        assert rig.post().status_code == 200
        rig.script(Answer(events=10, gap_s=0.02))
        under_way = rig.open_stream()
        told = under_way.recv(10)
        _limit_file_size(rig, 512)
        for _ in range(3):
            answer = rig.post()
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "journal_full")
        with under_way:
            while b"cost=" not in told:
                told += under_way.recv(65536)
        assert b"word9" in told
        _limit_file_size(rig, resource.RLIM_INFINITY)
        rig.until(lambda: rig.post().status_code == 200)
        found = rig.until_settled(3)
        assert found[1].settled.usage.output_tokens == 10
        assert rig.vendor.requests_received == len(found)


def test_a_worker_that_starts_on_a_full_disk_refuses_calls_clearly() -> None:
    with Rig() as rig:
        rig.run(rig.worker.stop())
        rig.run(rig.worker.launch(["prlimit", "--fsize=65536"]))
        for answer in (rig.post(), rig.stream().response):
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "journal_full")
        assert rig.vendor.requests_received == 0
        assert rig.client.get(f"{rig.worker.url}/healthz").status_code == 200


def _limit_file_size(rig: Rig, size: int) -> None:
    """What a full disk does: no write past ``size`` bytes of any file."""
    assert rig.worker.process is not None
    resource.prlimit(rig.worker.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def _served_by(issuer: trustme.CA, name: str = "127.0.0.1") -> Settings:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(name).configure_cert(context)
    return Settings(tls=context, answer=Answer(events=4))


def test_a_tls_vendor_is_verified(authority: trustme.CA, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with Rig(settings=_served_by(authority), ca_file=str(ca_file)) as rig:
        assert rig.vendor.base_url.startswith("https://")
        answer = rig.post()
        assert answer.status_code == 200, answer.text
        assert rig.stream().is_done
        assert [b.settled.outcome for b in rig.journal()] == ["completed"] * 2


@pytest.mark.parametrize("wrong", ["issuer", "name"])
def test_a_wrong_certificate_gets_no_byte_of_the_call(
    authority: trustme.CA, tmp_path: Path, wrong: str
) -> None:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    if wrong == "issuer":
        settings = _served_by(trustme.CA())
    else:
        settings = _served_by(authority, "vendor.example")
    with Rig(settings=settings, ca_file=str(ca_file)) as rig:
        answer = rig.post()
        assert answer.status_code == 502
        error = answer.json()["error"]
        assert error["code"] == "upstream_unavailable"
        assert "tls" in error["message"]
        [attempt] = rig.booked(answer)
        assert (attempt.settled.outcome, attempt.settled.cost_pico) == ("not_sent", 0)
        assert rig.vendor.requests_received == 0


def _client(rig: Rig, key: str = KEY) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{rig.worker.url}/v1", api_key=key, max_retries=0)


MESSAGES = [{"role": "user", "content": "hello"}]


def test_the_official_client_understands_us() -> None:
    with Rig(channels_each=5) as rig, _client(rig) as client:
        create = client.chat.completions.create
        plain = create(model="model-a", messages=MESSAGES)
        assert plain.choices[0].message.content == "word0 word1 word2 word3 "
        assert plain.usage.completion_tokens == 4
        chunks = list(create(model="model-a", messages=MESSAGES, stream=True))
        text = "".join(c.choices[0].delta.content or "" for c in chunks)
        assert text == plain.choices[0].message.content
        shown = create(
            model="model-a", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        assert [c.usage.completion_tokens for c in shown if c.usage] == [4]
        assert [model.id for model in client.models.list()] == ["model-a"]
        with pytest.raises(openai.NotFoundError, match="model-a"):
            create(model="model-b", messages=MESSAGES)
        with pytest.raises(openai.BadRequestError):
            create(model="model-a", messages=[])
        with _client(rig, "sk-wrong") as stranger, pytest.raises(openai.AuthenticationError):
            stranger.chat.completions.create(model="model-a", messages=MESSAGES)
        rig.script(Fault("429", "1"))
        with pytest.raises(openai.RateLimitError):
            create(model="offer:channel-1/model-a", messages=MESSAGES)
        rig.script(Fault("500"))
        with pytest.raises(openai.InternalServerError):
            create(model="offer:channel-2/model-a", messages=MESSAGES)
        rig.script(Fault("reset-mid-stream", answer=Answer(4, gap_s=0.02)))
        with pytest.raises(openai.APIError, match="broke off"):
            list(create(model="offer:channel-3/model-a", messages=MESSAGES, stream=True))
        assert all(b.settlement for b in rig.journal())
