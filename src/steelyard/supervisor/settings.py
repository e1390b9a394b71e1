"""What one run of the supervisor is told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

CONTROL_MODULE = "steelyard.console"
"""The control process: control's API with the console's pages."""
WORKER_MODULE = "steelyard.gateway.worker"


def cores() -> int:
    """Processor cores this process may run on: one worker each."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Settings:
    """One run of the supervisor."""

    home: Path
    runtime: Path
    host: str = "127.0.0.1"
    port: int = 8080
    """0 takes a free one, for tests."""
    workers: int = 1
    drain_s: float = 30.0
    """How long calls in flight may take to end after a stop was asked for."""
    control_module: str = CONTROL_MODULE
    worker_module: str = WORKER_MODULE
    has_demo_key: bool = True
    """Whether a demo account and key are made and shown."""

    @property
    def address(self) -> str:
        """The address as people write it; an any-address is shown as this machine's loopback."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - shown, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
