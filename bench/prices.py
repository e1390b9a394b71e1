"""Measures the price book: exactness, pricing in a worker, what-if; `make bench-prices` runs it.

`--only NAME` measures one figure, `--lines N` asks what-if over a smaller ledger, `--quick` does
both small; then no result is written.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench import differential, ledger_lines, results
from bench.processes import BenchError
from steelyard.control.prices.exchange import packaged
from steelyard.pricebook import facts, shipped
from steelyard.pricebook.claims import differences, judge_all, read_claims, unexplained
from steelyard.pricebook.exchange import Exchange
from steelyard.pricebook.market import Market
from steelyard.pricebook.sources import csv_file
from steelyard.pricebook.sources.base import Reading
from steelyard.supervisor.native import worker_environment

LINES = 100_000_000
RATES_FEW, RATES_MANY = 10, 100_000

QUESTIONS: Mapping[str, Sequence[str]] = {
    "as_of_by_model": ("--as-of", "2025-05-14", "--by", "model"),
    "as_of_by_account": ("--as-of", "2025-05-14", "--by", "account"),
    "no_cache_hits_by_task": ("--no-cache-hits", "--by", "task"),
}
"""What is asked of the ledger; the slowest makes the figure."""
BEYOND: Mapping[str, Sequence[str]] = {
    "as_of_by_all": ("--as-of", "2025-05-14", "--by", "account,task,model"),
    "swap_by_task": ("--swap", "model-1=DeepSeek/deepseek-chat@CNY", "--by", "task"),
}
"""Asked, too, and told beside the figure: every mix of account, task and model at once (30,000
rows), and prices that change with hours and dates, for which every call's instant is read."""


@dataclass(slots=True)
class Bench:
    """One run, and what was measured besides the figures."""

    lines: int = LINES
    usages: int = differential.USAGES
    repeats: int = 3
    """How often each question is asked of the ledger."""
    folder: Path = Path()
    absolute: dict[str, object] = field(default_factory=dict)
    spread: dict[str, list[float]] = field(default_factory=dict)
    gb: float | None = None
    """Peak memory of the what-if, once one ran."""


def differs_unexplained(bench: Bench) -> float:
    """Usages that genai-prices prices otherwise, for no known reason."""
    found = differential.run(bench.usages)
    bench.absolute["differential"] = {
        "usages": found.compared,
        "models": found.models,
        "rates": found.rates,
        "equal_but_told_as_unpriced": found.unpriced,
        "explained": {
            name: {"usages": found.explained[name], "why": why}
            for name, (why, _) in differential.EXPLAINED.items()
        },
        "unexplained": found.unexplained[:20],
    }
    return len(found.unexplained)


def seed_claims_unexplained(bench: Bench) -> float:
    """Figures of the shipped claims that come out otherwise than their file says."""
    reading = Reading("steelyard", shipped.phrases(), datetime.now(UTC))
    listed = csv_file.parse(shipped.read("prices.csv"), reading)
    market = Market(listed.rates, facts.parse(shipped.read("facts.yaml")).facts)
    claims = read_claims(shipped.read("claims.yaml"))
    verdicts = judge_all(claims, market, Exchange(packaged()).rate)
    bench.absolute["claims"] = {
        "statuses": {verdict.claim.claim_id: verdict.status for verdict in verdicts},
        "differences": [line for verdict in verdicts for line in differences(verdict)],
    }
    return unexplained(verdicts)


def price_us(bench: Bench) -> float:
    """Microseconds to price a usage with few rates in the book."""
    return _price_us(bench, "price_us", RATES_FEW)


def price_us_100k_rates(bench: Bench) -> float:
    """The same with many."""
    return _price_us(bench, "price_us_100k_rates", RATES_MANY)


def _price_us(bench: Bench, name: str, rates: int) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "bench.price_timing", str(rates)],
        env=worker_environment(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"price_timing: {done.stderr[-2000:]}")
    found = json.loads(done.stdout)
    rounds = [each / 1000 for each in found["rounds_ns"]]
    bench.spread[name] = [round(each, 4) for each in rounds]
    bench.absolute[f"{name}:is_compiled"] = found["is_compiled"]
    return statistics.median(rounds)


def whatif_s(bench: Bench) -> float:
    """Seconds of the slowest of `QUESTIONS`, each the median of its repeats, over the command line.

    The whole command counts: start of the interpreter, reading, pricing, printing. The ledger's
    files have been read before, as those of a ledger in use.
    """
    home = bench.folder / "home"
    home.mkdir()
    console = Console(stderr=True)
    began = time.monotonic()
    with console.status("") as status:
        size = ledger_lines.make(
            home, bench.lines, on_day=lambda done: status.update(f"{done:,} lines made")
        )
    bench.absolute |= {
        "whatif:ledger_gb": round(size / 1e9, 3),
        "whatif:lines": bench.lines,
        "whatif:made_in_s": round(time.monotonic() - began, 1),
    }
    _what_if(home, QUESTIONS["as_of_by_account"])  # its files into the system's memory
    slowest = peak_gb = 0.0
    for name, question in {**QUESTIONS, **BEYOND}.items():
        runs = [_what_if(home, question) for _ in range(bench.repeats)]
        bench.spread[f"whatif_s:{name}"] = [round(seconds, 3) for seconds, _ in runs]
        bench.spread[f"whatif_gb:{name}"] = [round(gb, 3) for _, gb in runs]
        console.print(f"  {name}: {bench.spread[f'whatif_s:{name}']}")
        peak_gb = max(peak_gb, *(gb for _, gb in runs))
        if name in BEYOND:
            continue
        slowest = max(slowest, statistics.median(seconds for seconds, _ in runs))
    bench.gb = peak_gb
    return slowest


def whatif_gb(bench: Bench) -> float:
    """Peak resident memory of the same commands, in GB of 10^9 bytes."""
    if bench.gb is None:
        whatif_s(bench)
    return bench.gb or 0.0


def _what_if(home: Path, question: Sequence[str]) -> tuple[float, float]:
    """Seconds and peak memory of one command."""
    environment = {**os.environ, "STEELYARD_HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
    command = [sys.executable, "-m", "steelyard", "what-if", *question, "--json"]
    began = time.monotonic()
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as wrong:
        process = subprocess.Popen(command, env=environment, stdout=told, stderr=wrong)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            wrong.seek(0)
            raise BenchError(f"what-if {' '.join(question)}: {wrong.read()[-2000:].decode()}")
        told.seek(0)
        _check(json.load(told))
    return seconds, _gb(used)


def _check(found: Mapping[str, object]) -> None:
    """Holds an answer to what must be so.

    Raises:
        BenchError: it lost lines, or cannot be right.
    """
    totals, unpriced = found["totals"], found["unpriced"]
    assert isinstance(totals, list) and isinstance(unpriced, list)  # noqa: S101 - our own answer
    counted = sum(row["lines"] for row in (*totals, *unpriced))
    if counted != found["lines"]:
        raise BenchError(f"what-if priced {counted} of {found['lines']} lines")


def _gb(used: resource.struct_rusage) -> float:
    return used.ru_maxrss * 1024 / 1e9


FIGURES: Mapping[str, Callable[[Bench], float]] = {
    found.__name__: found
    for found in (
        differs_unexplained,
        seed_claims_unexplained,
        price_us,
        price_us_100k_rates,
        whatif_s,
        whatif_gb,
    )
}


def measure(names: Sequence[str], bench: Bench) -> int:
    """Measure the figures, write and show them; return the exit code: 1 when a must is missed."""
    console = Console(stderr=True)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench.folder = Path(folder)
        for name in names:
            console.print(f"measuring {name} …")
            figures[name] = FIGURES[name](bench)
            console.print(f"  {figures[name]:.3f}")
    whole = Bench()
    is_whole = (bench.lines, bench.usages, bench.repeats) == (
        *(whole.lines, whole.usages, whole.repeats),
    )
    if len(names) == len(FIGURES) and is_whole:
        settings = {
            "lines": bench.lines,
            "usages_per_model": bench.usages,
            "repeats": bench.repeats,
            "questions": {name: " ".join(words) for name, words in {**QUESTIONS, **BEYOND}.items()},
        }
        meta = {"settings": settings, "spread": bench.spread, "absolute": bench.absolute}
        results.write("prices", figures, meta)
    return 0 if results.show("Price book", results.PRICES, figures) else 1


def main() -> int:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description="Measure the price book.")
    parser.add_argument("--only", action="append", choices=list(FIGURES), help="just this figure")
    parser.add_argument("--lines", type=int, default=LINES, help="lines of the ledger")
    parser.add_argument("--quick", action="store_true", help="small; writes no result")
    options = parser.parse_args()
    bench = Bench(lines=options.lines)
    if options.quick:
        bench = Bench(min(options.lines, 2_000_000), 5, 1)
    try:
        return measure(options.only or list(FIGURES), bench)
    except BenchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
