"""Measures the data plane against nginx, and the ledger against SIGKILL; `make bench` runs it.

Subjects take turns within one run, every figure is the median over the rounds, and CPU is the time
that the subject's own processes used, user and system. `--only NAME` measures one figure,
`--quick` takes few and short rounds, for trying things out.
"""

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from rich.console import Console

from bench import kill, kill_books, load, results, subjects, upstreams
from bench.processes import CORE_LOAD, CORE_SUBJECT, BenchError
from bench.subjects import Running
from bench.upstreams import Upstream

SEED = 1


@dataclass(frozen=True, slots=True)
class Settings:
    """How long and how often is measured."""

    rounds: int = 5
    plain_s: float = 3.0
    """One round of plain calls, in seconds."""
    streams: int = 200
    stream_events: int = 600
    """Content events of one stream, 5 ms apart."""
    rate_per_second: int = 2000
    rate_s: int = 5
    requests_warm: int = 100_000
    requests_many: int = 2_000_000
    keys_many: int = 1_000_000
    offers_many: int = 10_000
    kills: int = 100


QUICK = Settings(2, 1.0, 200, 200, 2000, 2, 20_000, 60_000, 100_000, 1000, 10)


class Ours(Protocol):
    """Starts the subject that is not nginx."""

    def __call__(
        self, upstream: Upstream, folder: Path, *, keys: int = 10, offers: int = 8
    ) -> AbstractContextManager[Running]:
        """Run it until the block ends."""


@dataclass(slots=True)
class Bench:
    """One run: its upstreams, and what was measured besides the figures."""

    settings: Settings
    folder: Path
    plain: Upstream
    plain_tls: Upstream
    streaming: Upstream
    ours: Ours
    """Starts ours: `subjects.steelyard`, or a stand-in in the bench's own tests."""
    spread: dict[str, list[float]] = field(default_factory=dict)
    """Every round's value, by figure."""
    absolute: dict[str, float] = field(default_factory=dict)
    """Medians that the figures were made of."""
    killed: kill.Report | None = None
    """The kill test, once it has run."""

    @contextmanager
    def start(self, upstream: Upstream, **size: int) -> Iterator[Running]:
        """Run ours before an upstream, in a folder of its own."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        with self.ours(upstream, folder, **size) as found:
            yield found

    @contextmanager
    def reference(self, upstream: Upstream) -> Iterator[Running]:
        """Run nginx before an upstream."""
        with subjects.nginx(upstream, self.folder) as found:
            yield found

    def median_of_quotients(
        self, figure: str, measure: Callable[[Running], load.Cost], pair: tuple[Running, Running]
    ) -> float:
        """Return the median over the rounds of what the second costs ÷ the first.

        One round measures both, one right after the other, so that a slow minute of the machine
        weighs on both; the first of them changes from round to round.
        """
        each: dict[str, list[float]] = {running.url: [] for running in pair}
        for running in pair:
            measure(running)  # connections, caches and lazy set-up are no part of the cost
        for turn in range(self.settings.rounds):
            for running in pair if turn % 2 == 0 else pair[::-1]:
                each[running.url].append(measure(running).each_us)
        base, ours = (each[running.url] for running in pair)
        self.absolute[f"{figure}:base_us"] = statistics.median(base)
        self.absolute[f"{figure}:ours_us"] = statistics.median(ours)
        quotients = [mine / other for mine, other in zip(ours, base, strict=True)]
        return self.median(figure, quotients)

    def median(self, figure: str, values: Sequence[float]) -> float:
        """Keep every round's value and return the median."""
        self.spread[figure] = [round(value, 4) for value in values]
        return statistics.median(values)

    def books_after_kills(self) -> kill_books.Audit:
        """Return what the kill test found; it runs once for all of its figures.

        Raises:
            BenchError: something else than a figure went wrong in it.
        """
        if self.killed is None:
            folder = Path(tempfile.mkdtemp(dir=self.folder))
            try:
                self.killed = kill.run(self.settings.kills, SEED, folder)
            except TimeoutError as error:
                raise BenchError(str(error)) from error
            found = self.killed
            if found.wrong:
                raise BenchError("the kill test: " + "; ".join(found.wrong[:20]))
            self.absolute |= {f"kill:{name}": value for name, value in found.counts().items()}
        return self.killed.audit

    def plain_cost(self, running: Running) -> load.Cost:
        """Return what one round of plain calls costs."""
        return load.plain(running, self.settings.plain_s)

    def stream_cost(self, running: Running) -> load.Cost:
        """Return what one round of streams costs."""
        return load.streams(running, self.settings.streams)


def plain_cpu_over_nginx(bench: Bench) -> float:
    """CPU per plain chat request ÷ nginx."""
    with bench.reference(bench.plain) as base, bench.start(bench.plain) as ours:
        return bench.median_of_quotients("plain_cpu_over_nginx", bench.plain_cost, (base, ours))


def tls_plain_over_nginx(bench: Bench) -> float:
    """The same with a TLS upstream on both sides."""
    with bench.reference(bench.plain_tls) as base, bench.start(bench.plain_tls) as ours:
        return bench.median_of_quotients("tls_plain_over_nginx", bench.plain_cost, (base, ours))


def stream_cpu_over_nginx(bench: Bench) -> float:
    """CPU per SSE event ÷ nginx."""
    with bench.reference(bench.streaming) as base, bench.start(bench.streaming) as ours:
        return bench.median_of_quotients("stream_cpu_over_nginx", bench.stream_cost, (base, ours))


def added_p99_ms_at_2000rps(bench: Bench) -> float:
    """The 99th percentile of latency through one worker − direct, in ms."""
    name = "added_p99_ms_at_2000rps"
    added = []
    with bench.start(bench.plain) as ours:
        _p99_ms(bench, ours.url, ours.key)
        for _ in range(bench.settings.rounds):
            direct = _p99_ms(bench, bench.plain.url, ours.key)
            added.append(_p99_ms(bench, ours.url, ours.key) - direct)
            bench.absolute[f"{name}:last_direct_ms"] = direct
    return bench.median(name, added)


def _p99_ms(bench: Bench, url: str, key: str) -> float:
    asked = bench.settings
    answers = load.held_rate(
        url, key, bench.folder, per_second=asked.rate_per_second, seconds=asked.rate_s
    )
    return load.percentile([answer.latency_ms for answer in answers], 0.99)


def memory_idle_mb(bench: Bench) -> float:
    """Resident memory (RSS) of a worker that answered nothing yet, in MB of 10^6 bytes."""
    with bench.start(bench.plain) as ours:
        time.sleep(1)
        return bench.median("memory_idle_mb", [load.memory_mb(ours)])


def memory_growth_mb(bench: Bench) -> float:
    """Resident memory after 2 million requests − after 100 thousand, in MB of 10^6 bytes."""
    asked = bench.settings
    with bench.start(bench.plain) as ours:
        done = _send(ours, asked.requests_warm)
        before = load.memory_mb(ours)
        _send(ours, asked.requests_many - done)
        return bench.median("memory_growth_mb", [load.memory_mb(ours) - before])


def _send(running: Running, count: int) -> int:
    """Send at least so many plain calls; return how many it were."""
    done = 0
    while done < count:
        done += load.plain(running, 5.0 if count - done > 100_000 else 1.0).count
    return done


def cpu_growth_with_scale(bench: Bench) -> float:
    """CPU per request with very many keys and offers ÷ with few, all of them used in turn."""
    many = {"keys": bench.settings.keys_many, "offers": bench.settings.offers_many}
    with ExitStack() as stack:
        few = stack.enter_context(bench.start(bench.plain, keys=10, offers=8))
        large = stack.enter_context(bench.start(bench.plain, **many))
        _send(large, 2 * load.VARIANTS_MAX)  # every key's first call waits for its lease
        return bench.median_of_quotients("cpu_growth_with_scale", bench.plain_cost, (few, large))


def swap_stall_ms(bench: Bench) -> float:
    """The longest time without an answer while snapshots with very many keys are swapped, in ms.

    Answers come at 2,000 a second, so 0.5 ms is nothing; the same without a swap stands in `meta`.
    """
    asked = bench.settings
    with bench.start(bench.plain, keys=asked.keys_many) as ours:
        if ours.swap is None or ours.prepare is None:
            raise BenchError(f"{ours.name} cannot swap its snapshot")
        _longest_pause_ms(bench, ours, None)
        quiet = [_longest_pause_ms(bench, ours, None) for _ in range(asked.rounds)]
        bench.absolute["swap_stall_ms:without_swap"] = bench.median("no_swap_pause_ms", quiet)
        swapped = []
        for _ in range(asked.rounds):
            ours.prepare()  # control's work, done before
            swapped.append(_longest_pause_ms(bench, ours, ours.swap))
        return bench.median("swap_stall_ms", swapped)


def _longest_pause_ms(bench: Bench, ours: Running, swap: Callable[[], None] | None) -> float:
    asked = bench.settings
    timer = threading.Timer(1 + asked.rate_s / 2, swap) if swap else None
    if timer:
        timer.start()
    answers = load.held_rate(
        ours.url, ours.key, bench.folder, per_second=asked.rate_per_second, seconds=asked.rate_s
    )
    if timer:
        timer.join()
    return max(later.done_at_s - answer.done_at_s for answer, later in pairwise(answers)) * 1000


def kill_lost(bench: Bench) -> float:
    """Attempts that the vendor received and the ledger lacks, after 100 times SIGKILL."""
    return float(len(bench.books_after_kills().lost))


def kill_doubled(bench: Bench) -> float:
    """Attempts that the ledger has twice, after the same."""
    return float(len(bench.books_after_kills().doubled))


def kill_phantom(bench: Bench) -> float:
    """Attempts booked as uncertain that were never sent: killed between intent and sending."""
    return float(len(bench.books_after_kills().phantom))


FIGURES: Mapping[str, Callable[[Bench], float]] = {
    found.__name__: found
    for found in (
        kill_lost,  # first, since books that do not hold end the run
        kill_doubled,
        kill_phantom,
        plain_cpu_over_nginx,
        stream_cpu_over_nginx,
        tls_plain_over_nginx,
        added_p99_ms_at_2000rps,
        memory_idle_mb,
        memory_growth_mb,
        cpu_growth_with_scale,
        swap_stall_ms,
    )
}


def measure(names: Sequence[str], settings: Settings, ours: Ours = subjects.steelyard) -> int:
    """Measure the figures, write and show them; return the exit code: 1 when a must is missed."""
    console = Console(stderr=True)
    figures: dict[str, float] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        plain, plain_tls = stack.enter_context(upstreams.static(folder))
        streaming = stack.enter_context(upstreams.streaming(folder, settings.stream_events))
        bench = Bench(settings, folder, plain, plain_tls, streaming, ours)
        for name in names:
            console.print(f"measuring {name} …")
            figures[name] = FIGURES[name](bench)
            console.print(f"  {figures[name]:.3f}")
    meta = {
        "settings": {**_plain_settings(settings), "core_subject": CORE_SUBJECT},
        "spread": bench.spread,
        "absolute": {key: round(value, 3) for key, value in bench.absolute.items()},
    }
    if len(names) == len(FIGURES) and settings == Settings():
        results.write("data-plane", figures, meta)
    return 0 if results.show("Data plane", results.DATA_PLANE, figures) else 1


def _plain_settings(settings: Settings) -> dict[str, object]:
    tools = {
        "nginx": [upstreams.nginx_binary(), "-v"],
        "h2load": ["h2load", "--version"],
        "wrk": ["wrk", "--version"],
    }
    said = {}
    for name, command in tools.items():
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said[name] = (done.stdout + done.stderr).strip().splitlines()[0]
    fields = {name: getattr(settings, name) for name in Settings.__slots__}
    return {**fields, "wrk_connections": load.CONNECTIONS, "core_load": CORE_LOAD, **said}


def main() -> int:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description="Measure the data plane against nginx.")
    parser.add_argument("--only", action="append", choices=list(FIGURES), help="just this figure")
    parser.add_argument("--quick", action="store_true", help="short rounds; writes no result")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers started are stopped
    try:
        return measure(options.only or list(FIGURES), QUICK if options.quick else Settings())
    except BenchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
