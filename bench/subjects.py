"""The subjects: what stands between load and upstream, each started alike on the subject's core."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from bench import payloads
from bench.processes import CORE_LOAD, CORE_SUBJECT, BenchError, free_port, listens, started
from bench.upstreams import Upstream, fill, nginx_command


@dataclass(frozen=True, slots=True)
class Running:
    """A subject that answers."""

    name: str
    url: str
    """Without a path."""
    pid: int
    """Its CPU and memory are those of this process and all its descendants."""
    key: str = payloads.KEY
    headers: Mapping[str, str] = field(default_factory=dict)
    """What its calls carry besides the key."""
    key_count: int = 1
    """Calls use as many keys, `sk-bench-0000000` first."""
    model_count: int = 1
    """Calls use as many models, `bench-model-00000` first."""
    prepare: Callable[[], None] | None = None
    """Writes a new snapshot of the same size, which is not used yet; None: it has none."""
    swap: Callable[[], None] | None = None
    """Has the snapshot written last taken into use."""


SWAP_S_MAX: Final = 60

Start = Callable[[Upstream, Path], AbstractContextManager[Running]]
"""Starts a subject before an upstream; the folder is for its files."""


@contextmanager
def nginx(upstream: Upstream, folder: Path) -> Iterator[Running]:
    """Run nginx as a plain reverse proxy, one worker, streams unbuffered."""
    port = free_port()
    configuration = fill(
        "proxy.conf",
        folder / f"proxy-{port}.conf",
        port=port,
        buffering="off",
        upstream_scheme=upstream.scheme,
        upstream_address=f"127.0.0.1:{upstream.port}",
        authority=upstream.authority or "/etc/ssl/certs/ca-certificates.crt",
    )
    log = folder / f"proxy-{port}.out"
    command = nginx_command(configuration)
    with started(command, core=CORE_SUBJECT, is_ready=listens(port), log=log) as process:
        yield Running("nginx", f"http://127.0.0.1:{port}", process.pid)


@contextmanager
def steelyard(
    upstream: Upstream, folder: Path, *, keys: int = 10, offers: int = 8
) -> Iterator[Running]:
    """Run one worker with all features on: keys, limits, leases, choice, prices, journal.

    Args:
        upstream: Where all offers' channels point.
        folder: For its state.
        keys: Keys in the key table, `sk-bench-0000000` first; none of them limited.
        offers: Offers in the snapshot, 8 for each of the models `bench-model-00000`, …

    Raises:
        BenchError: It does not start.
    """
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "bench.steelyard_worker", "--upstream", upstream.url]
    command += ["--folder", str(folder), "--keys", str(keys), "--offers", str(offers)]
    if upstream.authority:
        command += ["--authority", str(upstream.authority)]
    log = folder / "steelyard.out"
    # Only the worker is the subject: what stands in for control shares the load's core.
    with started(command, core=CORE_LOAD, is_ready=ready.exists, log=log) as process:
        said = json.loads(ready.read_text("utf-8"))
        yield Running(
            "steelyard",
            said["url"],
            said["pid"],
            key_count=keys,
            model_count=offers // 8,
            prepare=partial(_signal, process.pid, signal.SIGUSR1, ready, "written"),
            swap=partial(_signal, process.pid, signal.SIGHUP, ready, "revision"),
        )


def _signal(pid: int, number: signal.Signals, ready: Path, name: str) -> None:
    """Signal the stand-in and return when the named number in its `ready.json` has changed."""
    before = json.loads(ready.read_text("utf-8"))[name]
    os.kill(pid, number)
    until = time.monotonic() + SWAP_S_MAX
    while json.loads(ready.read_text("utf-8"))[name] == before:
        if time.monotonic() > until:
            raise BenchError(f"{name} of {ready} did not change within {SWAP_S_MAX} s")
        time.sleep(0.02)
