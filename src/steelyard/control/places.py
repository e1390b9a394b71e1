"""Where control's files and sockets lie; the layout is in ``docs/design/interfaces.md``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """The state folder and the runtime folder of one steelyard."""

    home: Path
    runtime: Path
    port: int
    """Port on which the workers answer, on this machine."""

    @property
    def gateway_url(self) -> str:
        """Where this steelyard's own gateway answers control."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.home / "steelyard.yaml"

    @property
    def database(self) -> Path:
        """The control database."""
        return self.home / "control.db"

    @property
    def snapshot(self) -> Path:
        """Folder of what workers serve from."""
        return self.home / "snapshot"

    @property
    def admin_token(self) -> Path:
        """The API's admin token, mode 0600."""
        return self.home / "admin.token"

    @property
    def orders_key(self) -> Path:
        """What ids of orders are sealed with, mode 0600."""
        return self.home / "orders.key"

    @property
    def demo_key(self) -> Path:
        """The demo key, mode 0600; the supervisor writes it."""
        return self.home / "demo.key"

    @property
    def http(self) -> Path:
        """Unix socket of the API."""
        return self.runtime / "control.http"

    @property
    def link(self) -> Path:
        """Unix socket of the workers' link."""
        return self.runtime / "control.link"

    @property
    def engine_wishes(self) -> Path:
        """Which engines control wants."""
        return self.runtime / "engines.json"

    @property
    def engine_states(self) -> Path:
        """How far the supervisor is with them."""
        return self.runtime / "engines.state.json"

    def engine_key(self, engine: str) -> Path:
        """File of an engine's API key, mode 0600."""
        return self.runtime / f"engine-{engine.replace('/', '_')}.key"

    def worker_http(self) -> list[Path]:
        """Sockets on which workers show their counters."""
        return sorted(self.runtime.glob("worker-*.http"))
