"""One local model behind one port: ``python -m steelyard.local.engine --model FILE ...``.

Started by ``steelyard.local.process``, one process per model, so that a crash in native code or a
damaged file takes nothing else along. It serves llama.cpp's OpenAI-compatible answers on loopback
to the holder of the key only, so that nobody goes round the ledger. On stdout it writes one JSON
line when it can answer; on failure one line on stderr and an exit code of ``EXIT_CODES``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.domain.errors import ModelError
from steelyard.local.front import Front, FrontLimits
from steelyard.local.machine import die_with_parent, memory_available_bytes, threads_default
from steelyard.local.sources import GGUF_MAGIC

if TYPE_CHECKING:
    import xllamacpp

EXIT_CODES = {
    "model_missing": 2,
    "model_damaged": 2,
    "engine_key": 2,
    "engine_not_installed": 2,
    "engine_port_taken": 3,
    "engine_memory_short": 3,
    "engine_orphaned": 3,
}
"""2: starting again will not help; 3: it may."""
_OVERHEAD_BYTES = 256 << 20
"""Memory beside the weights: KV cache, buffers, the interpreter; a floor, not a forecast."""
_PROMPT_CACHE_MIB = 256
"""Earlier prompts kept in memory; llama.cpp's own default of 8 GiB is too much by far."""
_BATCH_TOKENS = 128
"""Prompt tokens read between two looks at what was cancelled. llama.cpp's default of 2048 kept a
slot busy for 20 s after its client was gone; 128 costs a tenth of the reading speed (measured)."""
_SLOTS_MAX = 2


@dataclass(frozen=True, slots=True)
class Loaded:
    """llama.cpp's own server, in threads of this process, with a model in memory."""

    server: xllamacpp.Server
    """Lives as long as something refers to it."""
    port: int
    """Port on 127.0.0.1, known to this process only."""
    key: str
    """Key it demands, known to this process only."""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to stop; return the exit code."""
    options = _options(argv)
    try:
        die_with_parent(options.parent_pid)
        key = read_key(options.key_file)
        # The port is taken first: a model is not loaded for a door that cannot open.
        with _listen(options.port) as listener:
            began = time.monotonic()
            engine = load(options)
            load_s = round(time.monotonic() - began, 3)
            asyncio.run(_serve(options, key, listener, engine, load_s))
    except ModelError as error:
        sys.stderr.write(f"steelyard engine {options.name}: {error.message}\n")
        return EXIT_CODES.get(error.code, 1)
    return 0


def read_key(path: Path) -> str:
    """Return the key that callers must show.

    Raises:
        ModelError: code ``engine_key``: no such file, empty, or readable by others.
    """
    try:
        mode, key = path.stat().st_mode, path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"cannot read the key file {path}", code="engine_key") from error
    if mode & 0o077:
        raise ModelError(f"{path} is open to others; run: chmod 600 {path}", code="engine_key")
    if not key:
        raise ModelError(f"the key file {path} is empty", code="engine_key")
    return key


def load(options: argparse.Namespace) -> Loaded:
    """Return llama.cpp's server with the model loaded, on a loopback port behind a key of its own.

    Raises:
        ModelError: the file cannot be used, memory is short, or the engine is not installed.
    """
    _check_file(options.model)
    need, free = options.model.stat().st_size + _OVERHEAD_BYTES, memory_available_bytes()
    if free < need:
        raise ModelError(
            f"{options.name} needs about {need >> 20} MiB of memory, {free >> 20} MiB are free; "
            "stop something or take a smaller model",
            code="engine_memory_short",
        )
    try:
        import xllamacpp  # noqa: PLC0415 - heavy, optional, and only this process needs it
    except ImportError as error:
        raise ModelError(
            "the engine is not installed; run: pip install 'steelyard[local]'",
            code="engine_not_installed",
        ) from error
    params = xllamacpp.CommonParams()
    params.model.path = str(options.model)
    params.model_alias = {options.name}
    params.n_parallel = options.slots
    params.n_ctx = options.context * options.slots  # llama.cpp divides it among the slots
    params.n_batch = params.n_ubatch = _BATCH_TOKENS
    params.cpuparams.n_threads = options.threads
    params.cpuparams_batch.n_threads = options.threads
    params.n_threads_http = options.slots + 4  # one per generation, the rest for quick look-ups
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.hostnames, params.port = ["127.0.0.1"], 0
    key = secrets.token_urlsafe(32)
    params.api_keys = [key]
    params.endpoint_slots = params.endpoint_metrics = params.ui = False
    params.verbosity = 0
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        # Native code says no more than that it failed; the file is by far the likeliest cause.
        raise ModelError(
            f"{options.model} is damaged, or no model for this engine; "
            f"fetch it again with: steelyard models pull {options.name}",
            code="model_damaged",
        ) from error
    return Loaded(server, int(server.listening_address.rpartition(":")[2]), key)


async def _serve(
    options: argparse.Namespace,
    key: str,
    listener: socket.socket,
    engine: Loaded,
    load_s: float,
) -> None:
    """Answer on ``listener`` until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    front = Front(
        key=key,
        engine_port=engine.port,
        engine_key=engine.key,
        limits=FrontLimits(
            slots=options.slots, waiting_max=options.waiting_max, waiting_s=options.waiting_s
        ),
    )
    door = await asyncio.start_server(front.serve, sock=listener)
    ready = {"ready": True, "port": listener.getsockname()[1], "load_s": load_s}
    sys.stdout.write(json.dumps(ready | {"pid": os.getpid()}) + "\n")
    sys.stdout.flush()
    await stop.wait()
    # Connections still open are cancelled when the loop ends: whoever stops an engine has drained.
    door.close()


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise ModelError(f"there is no model file at {path}", code="model_missing")
    with path.open("rb") as reader:
        if reader.read(len(GGUF_MAGIC)) != GGUF_MAGIC:
            raise ModelError(f"{path} is not a GGUF model file", code="model_damaged")


def _listen(port: int) -> socket.socket:
    """Return a socket bound to ``port`` on loopback."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise ModelError(
            f"port {port} is taken; choose another", code="engine_port_taken"
        ) from error
    return listener


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="steelyard.local.engine", description=__doc__)
    add = parser.add_argument
    add("--model", type=Path, required=True, help="GGUF file")
    add("--name", required=True, help="name of the model in answers")
    add("--port", type=int, required=True, help="port on 127.0.0.1; 0 takes a free one")
    add("--key-file", type=Path, required=True, help="file of mode 0600 with the key to demand")
    add("--slots", type=int, choices=range(1, _SLOTS_MAX + 1), default=1)
    add("--threads", type=int, default=threads_default())
    add("--context", type=int, default=8192, help="tokens of context of each slot")
    add("--waiting-max", type=int, default=16, help="requests that may wait for a slot")
    add("--waiting-s", type=float, default=30.0, help="seconds a request may wait for a slot")
    add("--parent-pid", type=int, default=None, help="process without which this one ends")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
