"""A real engine in the maker's place, and a shop that sells something else in its name."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from authenticity_rig import System
from sold_models import Ways

from steelyard.local.files import ModelStore, default_folder
from steelyard.local.models import find
from steelyard.local.process import EngineProcess, EngineSpec, ensure_key
from steelyard.local.sources import SourceSettings

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]
NAME = "smollm2-135m-instruct"


@contextmanager
def engine(folder: Path) -> Iterator[tuple[str, str]]:
    """The smallest model; its address and its key."""
    pytest.importorskip("xllamacpp")
    settings = SourceSettings.from_environment(os.environ)
    path = ModelStore(default_folder(os.environ), settings).pull(find("small"))
    key = ensure_key(folder / "key")
    is_ready, ended = threading.Event(), threading.Event()
    spec = EngineSpec(NAME, path, 0, folder / "key", threads=1)
    process = EngineProcess(spec, on_change=lambda ready, why: is_ready.set())

    async def run() -> None:
        running = asyncio.ensure_future(process.run())
        await asyncio.to_thread(ended.wait)
        await process.stop()
        await running

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        assert is_ready.wait(120) and process.ready is not None
        yield f"http://127.0.0.1:{process.ready.port}/v1", key
    finally:
        ended.set()
        thread.join()


def test_another_model_in_a_real_ones_name_is_found(tmp_path: Path) -> None:
    with ExitStack() as stack:
        maker = stack.enter_context(engine(tmp_path))
        system = System(tmp_path / "system", stack, maker)
        system.shop.ways = Ways()
        found = system.test(calls=60)
        assert found["state"] == "not_genuine" and found["lost"] == 0
        assert found["quarantine"] == found["why"]
        # The engine gives log-probabilities, the shop none: nothing to compare, no alarm.
        assert "logprobs_differ" not in system.alarms(found)
