"""The real engine with the smallest model, fetched once into the cache outside the tree."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from steelyard.local.files import ModelStore, default_folder
from steelyard.local.models import find
from steelyard.local.process import EngineProcess, EngineSpec, ensure_key
from steelyard.local.sources import SourceSettings

pytestmark = pytest.mark.models
NAME = "smollm2-135m-instruct"
CHAT = "/v1/chat/completions"
STORY = {"messages": [{"role": "user", "content": "Tell a long story."}], "ignore_eos": True}


@pytest.fixture(scope="session")
def model_path() -> Path:
    pytest.importorskip("xllamacpp")
    settings = SourceSettings.from_environment(os.environ)
    return ModelStore(default_folder(os.environ), settings).pull(find("small"))


@dataclass
class Running:
    engine: EngineProcess
    client: httpx.AsyncClient

    async def chat(self, max_tokens: int = 8, **fields: object) -> httpx.Response:
        body = STORY | {"max_tokens": max_tokens, "model": "anything"} | fields
        return await self.client.post(CHAT, json=body)


@asynccontextmanager
async def running(model_path: Path, folder: Path, **changes: object) -> AsyncIterator[Running]:
    key = ensure_key(folder / "key")
    is_ready = asyncio.Event()
    spec = EngineSpec(NAME, model_path, 0, folder / "key", threads=1, **changes)  # type: ignore[arg-type]
    engine = EngineProcess(spec, on_change=lambda ready, why: is_ready.set())
    task = asyncio.ensure_future(engine.run())
    try:
        await asyncio.wait_for(is_ready.wait(), 60)
        assert engine.ready is not None
        url = f"http://127.0.0.1:{engine.ready.port}"
        auth = {"authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=url, headers=auth, timeout=60) as client:
            yield Running(engine, client)
    finally:
        await engine.stop()
        await task


def run(
    model_path: Path,
    folder: Path,
    story: Callable[[Running], Awaitable[None]],
    **changes: object,
) -> None:
    async def main() -> None:
        async with running(model_path, folder, **changes) as at:
            await story(at)

    asyncio.run(main())


def test_it_answers_plain_and_streamed_with_usage(model_path: Path, tmp_path: Path) -> None:
    async def story(at: Running) -> None:
        plain = (await at.chat()).json()
        assert plain["model"] == NAME
        assert plain["choices"][0]["message"]["content"]
        assert plain["usage"]["completion_tokens"] == 8

        streamed = await at.chat(stream=True, stream_options={"include_usage": True})
        assert streamed.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in streamed.text.splitlines() if line]
        assert lines[-1] == "data: [DONE]"
        last = json.loads(lines[-2].removeprefix("data: "))
        assert last["model"] == NAME
        usage = last["usage"]
        assert usage["completion_tokens"] == 8
        assert usage["prompt_tokens"] == plain["usage"]["prompt_tokens"]

    run(model_path, tmp_path, story)


def test_it_demands_the_key(model_path: Path, tmp_path: Path) -> None:
    async def story(at: Running) -> None:
        for auth in ("Bearer sk-wrong", "Basic eDp5", ""):
            at.client.headers["authorization"] = auth
            for path in (CHAT, "/v1/completions", "/completion", "/v1/messages", "/v1/models"):
                answer = await at.client.post(path, json=STORY)
                assert answer.status_code == 401
                assert answer.json()["error"]["code"] == "invalid_api_key"
        assert (await at.client.get("/health")).json() == {"status": "ok"}

    run(model_path, tmp_path, story)


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_client_that_hangs_up_frees_the_slot(
    model_path: Path, tmp_path: Path, is_streamed: bool
) -> None:
    async def story(at: Running) -> None:
        # At some 100 tokens a second this would take most of a minute.
        long = asyncio.ensure_future(at.chat(max_tokens=4000, stream=is_streamed))
        await asyncio.sleep(0.5)
        assert not long.done()
        long.cancel()
        began = time.monotonic()
        assert (await at.chat(max_tokens=2)).status_code == 200
        assert time.monotonic() - began < 10

    run(model_path, tmp_path, story)


def test_a_client_that_hangs_up_while_its_prompt_is_read_frees_the_slot(
    model_path: Path, tmp_path: Path
) -> None:
    async def story(at: Running) -> None:
        prompt = [{"role": "user", "content": "word " * 7000}]
        long = asyncio.ensure_future(at.chat(messages=prompt))
        await asyncio.sleep(0.5)
        assert not long.done()
        long.cancel()
        began = time.monotonic()
        assert (await at.chat(max_tokens=2)).status_code == 200
        assert time.monotonic() - began < 10

    run(model_path, tmp_path, story)


def test_a_full_queue_is_told_at_once(model_path: Path, tmp_path: Path) -> None:
    async def story(at: Running) -> None:
        long = asyncio.ensure_future(at.chat(max_tokens=4000))
        await asyncio.sleep(0.3)
        refused = await at.chat(max_tokens=2)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "engine_busy")
        long.cancel()

    run(model_path, tmp_path, story, waiting_max=0)


def test_a_too_long_prompt_is_the_callers_fault(model_path: Path, tmp_path: Path) -> None:
    async def story(at: Running) -> None:
        answer = await at.chat(messages=[{"role": "user", "content": "word " * 600}])
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "exceed_context_size_error"

    run(model_path, tmp_path, story, context_tokens=512)


def test_it_comes_back_on_its_port_after_a_crash(model_path: Path, tmp_path: Path) -> None:
    async def story(at: Running) -> None:
        first = at.engine.ready
        assert first is not None
        os.kill(first.pid, 9)
        async with asyncio.timeout(30):
            while at.engine.ready in {None, first}:
                await asyncio.sleep(0.05)
        assert at.engine.ready is not None
        assert at.engine.ready.port == first.port
        assert (await at.chat(max_tokens=2)).status_code == 200

    run(model_path, tmp_path, story)


def test_a_damaged_file_is_one_clear_line(model_path: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    with model_path.open("rb") as reader:
        damaged.write_bytes(reader.read(10_000_000))
    ensure_key(tmp_path / "key")
    spec = EngineSpec(NAME, damaged, 0, tmp_path / "key")
    ended = subprocess.run(
        spec.command(0, sys.executable), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == (
        f"steelyard engine {NAME}: {damaged} is damaged, or no model for this engine; "
        f"fetch it again with: steelyard models pull {NAME}\n"
    )
