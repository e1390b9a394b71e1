from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steelyard.domain.errors import ModelError
from steelyard.local.files import ModelStore
from steelyard.local.models import LocalModel
from steelyard.local.process import EngineReady
from steelyard.supervisor import engines as engines_module
from steelyard.supervisor.engines import (
    STATE_FILE,
    WISHES_FILE,
    Engines,
    read_stopped,
    read_wishes,
    set_stopped,
)
from supervisor.conftest import Notes

SMALL, MEDIUM = "smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct"


class Store(ModelStore):
    """Brings files without a network, in the order asked."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.pulled: list[str] = []
        self.failures: dict[str, ModelError] = {}

    def is_present(self, model: LocalModel) -> bool:
        return model.name in self.pulled

    def pull(self, model: LocalModel, progress: Any = None, source: str | None = None) -> Path:
        if model.name in self.failures:
            raise self.failures.pop(model.name)
        progress(model.bytes_total, model.bytes_total, "download")
        self.pulled.append(model.name)
        return self.path(model)


class FakeEngine:
    """An engine that is ready at once and runs until it is cancelled."""

    running: list[str] = []

    def __init__(self, spec: Any, on_change: Any) -> None:
        self.spec, self._on_change = spec, on_change

    async def run(self) -> None:
        assert self.spec.key_file.stat().st_mode & 0o077 == 0
        FakeEngine.running.append(self.spec.name)
        self._on_change(EngineReady(port=4242, pid=7, load_s=0.5), "ready")
        try:
            await asyncio.Event().wait()
        finally:
            FakeEngine.running.remove(self.spec.name)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    FakeEngine.running = []
    monkeypatch.setattr(engines_module, "EngineProcess", FakeEngine)
    monkeypatch.setattr(engines_module, "_LOOK_S", 0.01)
    monkeypatch.setattr(engines_module, "_RETRY_FIRST_S", 0.02)
    return Store(tmp_path / "models")


def wish(folder: Path, *names: str) -> None:
    rows = [{"name": name, "model_file": "", "later_field": 1} for name in names]
    (folder / WISHES_FILE).write_text(json.dumps({"engines": rows}))


def states(folder: Path) -> dict[str, Any]:
    path = folder / STATE_FILE
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def run(tmp_path: Path, notes: Notes, store: Store, story: Callable[[Engines], Any]) -> None:
    async def main() -> None:
        engines = Engines(tmp_path, tmp_path, store, notes)
        following = asyncio.ensure_future(engines.run())
        await story(engines)
        following.cancel()
        await engines.stop()
        assert FakeEngine.running == []

    asyncio.run(main())


def test_smallest_is_fetched_first_and_each_starts_with_its_own_file(
    tmp_path: Path, notes: Notes, store: Store
) -> None:
    async def story(engines: Engines) -> None:
        wish(tmp_path, MEDIUM, SMALL)
        await until(lambda: sorted(FakeEngine.running) == sorted([SMALL, MEDIUM]))
        assert store.pulled == [SMALL, MEDIUM]
        await until(lambda: {s["state"] for s in states(tmp_path).values()} == {"up"})
        assert states(tmp_path)[SMALL]["port"] == 4242

    run(tmp_path, notes, store, story)
    assert notes.said[0].startswith("to fetch once, 590 MB in all: smollm2-135m-instruct 98 MB")
    assert f"{SMALL} answers (loaded in 0.5 s)" in notes.said


def test_engines_follow_the_wishes(tmp_path: Path, notes: Notes, store: Store) -> None:
    async def story(engines: Engines) -> None:
        wish(tmp_path, SMALL, MEDIUM)
        await until(lambda: len(FakeEngine.running) == 2)
        wish(tmp_path, MEDIUM)
        await until(lambda: FakeEngine.running == [MEDIUM])
        await until(lambda: list(states(tmp_path)) == [MEDIUM])

    run(tmp_path, notes, store, story)


def test_engine_that_a_person_stopped_stays_down_until_started(
    tmp_path: Path, notes: Notes, store: Store
) -> None:
    async def story(engines: Engines) -> None:
        wish(tmp_path, SMALL)
        await until(lambda: FakeEngine.running == [SMALL])
        set_stopped(tmp_path, SMALL, is_stopped=True)
        await until(lambda: states(tmp_path).get(SMALL, {}).get("state") == "down")
        assert FakeEngine.running == []
        set_stopped(tmp_path, SMALL, is_stopped=False)
        await until(lambda: FakeEngine.running == [SMALL])

    run(tmp_path, notes, store, story)


def test_fetching_that_fails_says_why_and_is_tried_again(
    tmp_path: Path, notes: Notes, store: Store
) -> None:
    store.failures[SMALL] = ModelError("no network", code="model_no_source")

    async def story(engines: Engines) -> None:
        wish(tmp_path, SMALL)
        await until(lambda: FakeEngine.running == [SMALL])

    run(tmp_path, notes, store, story)
    assert notes.warned == [f"{SMALL} is down: no network"]


def test_own_file_that_is_missing_takes_no_other_engine_along(
    tmp_path: Path, notes: Notes, store: Store
) -> None:
    async def story(engines: Engines) -> None:
        rows = [{"name": "mine", "model_file": str(tmp_path / "no.gguf")}, {"name": SMALL}]
        (tmp_path / WISHES_FILE).write_text(json.dumps({"engines": rows}))
        await until(lambda: FakeEngine.running == [SMALL])
        assert engines.states["mine"].state == "down"

    run(tmp_path, notes, store, story)


def test_half_written_wishes_are_no_wishes(tmp_path: Path) -> None:
    assert read_wishes(tmp_path / WISHES_FILE) is None
    (tmp_path / WISHES_FILE).write_text('{"engines": [')
    assert read_wishes(tmp_path / WISHES_FILE) is None


def test_stopping_one_leaves_the_others(tmp_path: Path) -> None:
    assert read_stopped(tmp_path) == frozenset()
    set_stopped(tmp_path, "a", is_stopped=True)
    set_stopped(tmp_path, "b", is_stopped=True)
    set_stopped(tmp_path, "a", is_stopped=False)
    assert read_stopped(tmp_path) == {"b"}
