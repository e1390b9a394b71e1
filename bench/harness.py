"""What weighing adds to the time that a vendor takes: 10,000 items at 50 ms each.

`measure()` runs a real steelyard (supervisor, control, one worker) before a scripted vendor that
answers after 50 ms, and has control weigh 10,000 items over it, as `steelyard weigh` does: through
the gateway, booked in the ledger, graded, written to the run file, stored by content, fed to the
race. Half of the references are right and the floor is a half, so that nothing is decided early.

    harness_overhead = time of the weighing / (items * 0.05 s / concurrency) - 1

The vendor's delay is set so that a call straight to it takes 50 ms (`direct_ms`).
The concurrency is the one that a weighing has if nobody says otherwise. Two cores are shared by
all, vendor, worker and control, so that more at a time costs more: `overhead_busy` in `meta` is
that of twice as many. `python -m bench.harness --items 1000` is quicker.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from bench.processes import CORES, cpu_s, rss_mb
from steelyard.control.own_calls.asking import GatewayAsk
from steelyard.control.weighing.orders import CONCURRENCY
from steelyard.supervisor.api import Api
from steelyard.testing.system import CONTROL, System, scripted_vendor

ITEMS: Final = 10_000
DELAY_S: Final = 0.05
TIMER_S: Final = 0.001
"""What the vendor's timer and a direct call add by themselves; `direct_ms` in `meta` is the sum."""
_BUSY: Final = 2
"""So many times the usual concurrency, for `meta`."""
_BUSY_SHARE: Final = 4
"""One item in so many is asked a second time, at that."""
WORKER: Final = "worker-0"
_LOOK_S: Final = 0.5
_WARM_ITEMS: Final = 200
_REST_S: Final = 3.0
_DIRECT_CALLS: Final = 40
_WARM: Final = 0.2
"""Share of the items after which memory counts: everything has been in use by then."""
CONFIG: Final = """
channels: {{vendor: {{base_url: "{url}"}}}}
offers:
  - {{model: m, channel: vendor, context: 4096, output_max: 16,
     rates: {{input: 3 CNY/mtok, output: 3 CNY/mtok}}}}
tasks:
  harness: {{set: harness.jsonl, grader: exact, floor: 0.5,
     form: {{id: plain, output_tokens_max: 8}}}}
"""


def measure(items: int = ITEMS) -> tuple[dict[str, float], dict[str, object]]:
    """Weigh; the figures and what they rest on."""
    with tempfile.TemporaryDirectory(prefix="harness-") as name:
        folder = Path(name)
        options = ("--delay", str(DELAY_S - TIMER_S), "--events", "1")
        with scripted_vendor(folder / "vendor.log", *options) as url:
            system = System(folder, CONFIG.format(url=url), {})
            _write_set(system.home / "harness.jsonl", items)
            try:
                system.start(workers=1)
                system.until_up(workers=1)
                direct_ms = asyncio.run(_direct_ms(url))
                figures, meta = _weigh(system, items)
                return figures, {**meta, "direct_ms": direct_ms}
            finally:
                system.close()


def _weigh(system: System, items: int) -> tuple[dict[str, float], dict[str, object]]:
    api = Api(system.home, system.runtime)
    pids = system.processes()
    # A start has its own work: what is imported when first needed, the first lines booked.
    _run(api, _WARM_ITEMS, lambda row: None)
    time.sleep(_REST_S)
    used_s = {name: cpu_s([pids[name]]) for name in (CONTROL, WORKER)}
    memory_mb: list[float] = []

    def look(row: Mapping[str, Any]) -> None:
        if row["items_done"] >= _WARM * items:
            memory_mb.append(rss_mb([pids[CONTROL]]))

    row = _run(api, items, look)
    used_s = {name: cpu_s([pids[name]]) - before_s for name, before_s in used_s.items()}
    n_busy = items // _BUSY_SHARE
    busy = _run(api, n_busy, lambda row: None, _BUSY * CONCURRENCY)
    figures = {"harness_overhead": _overhead(row, items, CONCURRENCY)}
    meta: dict[str, object] = {
        "items": items,
        "concurrency": CONCURRENCY,
        "delay_s": DELAY_S,
        "cores": len(CORES),
        "overhead_busy": round(_overhead(busy, n_busy, _BUSY * CONCURRENCY), 4),
        "cpu_ms_per_item": {name: round(s / items * 1000, 3) for name, s in used_s.items()},
        "memory_growth_mb": round(memory_mb[-1] - memory_mb[0], 1) if memory_mb else None,
        "run_file_bytes_per_item": _run_file(system).stat().st_size // items,
    }
    return figures, meta


def _overhead(row: Mapping[str, Any], items: int, concurrency: int) -> float:
    wall_s = (row["ended_at_ns"] - row["started_at_ns"]) / 1e9
    return float(wall_s / (items * DELAY_S / concurrency) - 1)


async def _direct_ms(url: str) -> float:
    """Median time of a call straight to the vendor, milliseconds."""
    ask = GatewayAsk(url.removesuffix("/v1"), "sk-none")
    request: dict[str, object] = {"messages": [{"role": "user", "content": "Item?"}]}
    times = []
    for _ in range(_DIRECT_CALLS):
        began_s = time.perf_counter()
        await ask("vendor/m", request, task="harness")
        times.append(time.perf_counter() - began_s)
    await ask.close()
    return round(1000 * statistics.median(times), 2)


def _run(
    api: Api,
    limit: int,
    look: Callable[[Mapping[str, Any]], None],
    concurrency: int = CONCURRENCY,
) -> dict[str, Any]:
    """Weigh; the row of the weighing at its end. Nothing that was answered before counts.

    Raises:
        RuntimeError: not all items were asked.
    """
    body = {"task": "harness", "concurrency": concurrency, "limit": limit, "fresh": True}
    (number,) = api.post("/api/weighings", body)["weighings"]
    while True:
        time.sleep(_LOOK_S)
        row = next(r for r in _rows(api) if r["weighing_number"] == number)
        look(row)
        if row["ended_at_ns"]:
            break
    if row["detail"] or row["items_done"] != limit:
        raise RuntimeError(f"the weighing did not ask all items: {row}")
    return row


def _rows(api: Api) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = api.get("/api/weighings")["data"]
    return rows


def _run_file(system: System) -> Path:
    found = (system.home / "weighings").glob("harness-*.jsonl")
    return max(found, key=lambda path: path.stat().st_size)


def _write_set(path: Path, items: int) -> None:
    rows = (
        {"id": f"i{n:05d}", "input": f"Item {n}?", "reference": "word0" if n % 2 else "other"}
        for n in range(items)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=ITEMS)
    figures, meta = measure(parser.parse_args().items)
    print(json.dumps({**figures, **meta}, indent=2))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
