"""What control knows of the embedded engines: it wishes, the supervisor runs them and reports."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from steelyard.control.configuration.resolve import LOCAL
from steelyard.control.places import Places
from steelyard.local.process import ensure_key


class EngineState(NamedTuple):
    """How far one engine is."""

    state: str = "loading"
    """``fetching``, ``loading``, ``up`` or ``down``."""
    port: int = 0
    detail: str = ""
    done: int = 0
    """Bytes of the model fetched."""
    total: int = 0
    """Bytes to fetch; 0 when the file is there."""


class Engines:
    """The wishes written, the states read."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._seen: tuple[int, int] | None = None
        self.wishes: list[dict[str, Any]] = []
        self.states: dict[str, EngineState] = {}

    def wish(self, engines: list[dict[str, Any]]) -> None:
        """Writes which engines shall run; the supervisor follows."""
        self.wishes = engines
        text = json.dumps({"engines": engines}, indent=1) + "\n"
        beside = self._places.engine_wishes.with_suffix(".new")
        beside.write_text(text, "utf-8")
        beside.replace(self._places.engine_wishes)

    def keys(self) -> dict[str, str]:
        """Every wished engine's API key by its channel; made if there is none yet."""
        names = [engine["name"] for engine in self.wishes]
        return {f"{LOCAL}/{name}": ensure_key(self._places.engine_key(name)) for name in names}

    def look(self) -> bool:
        """Reads the supervisor's report if it is new; returns whether it was."""
        try:
            with self._places.engine_states.open("rb") as file:
                status = os.fstat(file.fileno())
                seen = (status.st_mtime_ns, status.st_ino)
                if seen == self._seen:
                    return False
                report = json.loads(file.read())
        except (OSError, ValueError):
            return False
        self._seen = seen
        fields = EngineState._fields
        before = self.states
        self.states = {
            name: EngineState(**{k: v for k, v in row.items() if k in fields})
            for name, row in report.items()
            if isinstance(row, Mapping)
        }
        return before != self.states

    def base_urls(self) -> dict[str, str]:
        """Addresses of the engines that are up, by channel."""
        return {
            f"{LOCAL}/{name}": f"http://127.0.0.1:{state.port}/v1"
            for name, state in self.states.items()
            if state.state == "up"
        }

    def channel_states(self) -> dict[str, tuple[str, str]]:
        """State and reason of every engine's channel that is not up."""
        found = {}
        for engine in self.wishes:
            state = self.states.get(engine["name"], EngineState())
            if state.state != "up":
                is_coming = state.state in ("loading", "fetching")
                reason = state.detail or _progress(state)
                found[f"{LOCAL}/{engine['name']}"] = ("loading" if is_coming else "down", reason)
        return found


def _progress(state: EngineState) -> str:
    if state.state == "fetching" and state.total:
        return f"its file is being fetched, {100 * state.done // state.total} %"
    return "it is being started"
