"""Measures other gateways alike and relates them to ours; `make bench-peers` runs it.

All stand before the same static upstreams, take the same load and are measured by the CPU time of
their own processes. What features each has on stands in `peer_subjects` and in `meta`.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console

from bench import load, peer_subjects, results, subjects, upstreams
from bench.processes import BenchError
from bench.subjects import Running
from bench.upstreams import Upstream

Start = Callable[[Upstream, Path], AbstractContextManager[Running]]

STARTS: Mapping[str, Start] = {
    "nginx": subjects.nginx,
    "litellm": peer_subjects.litellm,
    "portkey": peer_subjects.portkey,
    "steelyard": subjects.steelyard,
}
FEATURES: Mapping[str, str] = {
    "steelyard": "keys, limits, money leases, choice over 8 offers, prices, both journal records",
    "litellm": "master key, router, prices; no database: no virtual keys, budgets, cost log",
    "portkey": "none of these: a target named in headers",
    "nginx": "none of these: a plain reverse proxy",
}
STREAMS_BROKEN: Final = frozenset({"portkey"})
"""Portkey 1.15.2 on Node 20 answers every stream with 500 ("TypeError: immutable", it appends to
the headers of what fetch returned), so only its plain calls are measured."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How long and how often is measured."""

    rounds: int = 5
    plain_s: float = 5.0
    connections: int = 16
    """LiteLLM answers about a hundred calls a second: with more, calls would only wait longer."""
    streams: int = 20
    stream_events: int = 200


@dataclass(slots=True)
class Measured:
    """CPU microseconds of every round, by subject."""

    plain: dict[str, list[float]] = field(default_factory=dict)
    stream: dict[str, list[float]] = field(default_factory=dict)


def measure(names: list[str], asked: Settings, folder: Path) -> Measured:
    """Return what every subject costs, the subjects taking turns."""
    found = Measured()
    console = Console(stderr=True)
    with ExitStack() as stack:
        plain, _ = stack.enter_context(upstreams.static(folder))
        streaming = stack.enter_context(upstreams.streaming(folder, asked.stream_events))
        plain_cost = partial(load.plain, seconds=asked.plain_s, connections=asked.connections)
        stream_cost = partial(load.streams, count=asked.streams)
        streamed = [name for name in names if name not in STREAMS_BROKEN]
        for chosen, upstream, into, first, cost in (
            (names, plain, found.plain, load.first, plain_cost),
            (streamed, streaming, found.stream, partial(load.streams, count=1), stream_cost),
        ):
            running = _started(chosen, upstream, folder, stack)
            for subject in running:
                first(subject)  # LiteLLM loads half of itself at its first call
                cost(subject)
            for _ in range(asked.rounds):
                for subject in running:
                    into.setdefault(subject.name, []).append(cost(subject).each_us)
            for name in chosen:
                console.print(f"{name}: {statistics.median(into[name]):.1f} µs")
    return found


def _started(names: list[str], upstream: Upstream, folder: Path, stack: ExitStack) -> list[Running]:
    """Return the subjects, each before the upstream and in a folder of its own."""
    places = {name: Path(tempfile.mkdtemp(dir=folder)) for name in names}
    return [stack.enter_context(STARTS[name](upstream, places[name])) for name in names]


def figures(found: Measured) -> dict[str, float]:
    """Return what a peer costs ÷ what ours costs, the median over the rounds."""
    wanted = {
        "litellm_cpu_over_plain": ("litellm", found.plain),
        "litellm_cpu_over_stream": ("litellm", found.stream),
        "portkey_cpu_over_plain": ("portkey", found.plain),
    }
    return {
        figure: statistics.median(
            theirs / ours for theirs, ours in zip(costs[peer], costs["steelyard"], strict=True)
        )
        for figure, (peer, costs) in wanted.items()
        if peer in costs and "steelyard" in costs
    }


def main() -> int:
    """Install the peers, measure, write and show; 1 when a must is missed."""
    parser = argparse.ArgumentParser(description="Measure other gateways beside ours.")
    parser.add_argument("--only", action="append", choices=list(STARTS), help="just this subject")
    parser.add_argument("--quick", action="store_true", help="short rounds; writes no result")
    options = parser.parse_args()
    asked = Settings(2, 2.0, 16, 10, 100) if options.quick else Settings()
    names = options.only or list(STARTS)
    try:
        peer_subjects.install()
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            found = measure(names, asked, Path(folder))
    except BenchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    made = figures(found)
    meta = {
        "settings": {name: getattr(asked, name) for name in Settings.__slots__},
        "features": FEATURES,
        "versions": peer_subjects.versions(),
        "spread": {
            "plain_us": {name: [round(v, 2) for v in each] for name, each in found.plain.items()},
            "stream_us": {name: [round(v, 2) for v in each] for name, each in found.stream.items()},
        },
    }
    if not options.quick and names == list(STARTS):
        results.write("peers", made, meta)
    return 0 if results.show("Peers", results.PEERS, made) else 1


if __name__ == "__main__":
    sys.exit(main())
