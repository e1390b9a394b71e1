"""Which steelyard a command speaks of, and how it is reached."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.domain.errors import StoreUnavailable

if TYPE_CHECKING:
    from steelyard.supervisor.api import Api


def home() -> Path:
    """The state folder."""
    from steelyard.supervisor import home as places  # noqa: PLC0415 - keeps --help quick

    return places.default_home(os.environ)


def runtime() -> Path:
    """The folder of its sockets."""
    from steelyard.supervisor import home as places  # noqa: PLC0415

    return places.runtime_path(home(), os.environ)


def api() -> Api:
    """Control's API."""
    from steelyard.supervisor.api import Api  # noqa: PLC0415

    return Api(home(), runtime())


def address() -> str:
    """Where the running steelyard answers calls, such as ``http://127.0.0.1:8080``.

    Raises:
        StoreUnavailable: none runs.
    """
    from steelyard.supervisor.home import is_laid_by_another, read_state  # noqa: PLC0415

    state = None if is_laid_by_another(runtime()) else read_state(runtime() / "processes.json")
    if not isinstance(state, dict) or not state.get("address"):
        raise StoreUnavailable(f"no steelyard runs on {home()}; start one: steelyard serve")
    return str(state["address"])
