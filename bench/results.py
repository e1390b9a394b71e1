"""The one form of all results: a flat map from a figure's name to its value, and `meta`.

Every bench writes `bench/results/<name>.json` through `write` and shows it through `show`.
"""

import json
import math
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should be."""

    name: str
    what: str
    must: float
    aim: float
    is_more_better: bool = False

    def reaches(self, value: float, limit: float) -> bool:
        """Tell whether a value is as good as the limit."""
        return value >= limit if self.is_more_better else value <= limit

    def sign(self) -> str:
        """Return the sign that stands before a limit."""
        return "≥" if self.is_more_better else "≤"


DATA_PLANE = (
    Target("plain_cpu_over_nginx", "CPU per plain chat request ÷ nginx", 3, 2),
    Target("stream_cpu_over_nginx", "CPU per SSE event ÷ nginx, unbuffered", 1.6, 1.3),
    Target("tls_plain_over_nginx", "the first, with a TLS upstream on both sides", 3, 2),
    Target("added_p99_ms_at_2000rps", "p99 through one worker − p99 direct, ms", 2, 0.8),
    Target("memory_growth_mb", "RSS after 2,000,000 requests − after 100,000, MB", 5, 1),
    Target("memory_idle_mb", "RSS of an idle worker, MB", 80, 50),
    Target("cpu_growth_with_scale", "CPU at 1,000,000 keys, 10,000 offers ÷ 10, 8", 1.3, 1.1),
    Target("swap_stall_ms", "longest pause of answers while 1,000,000 keys are swapped, ms", 10, 3),
    Target("kill_lost", "attempts the vendor received, not booked, after 100 × kill -9", 0, 0),
    Target("kill_doubled", "attempts booked twice, after the same", 0, 0),
    Target("kill_phantom", "attempts booked, killed before they were sent", math.inf, math.inf),
)
PEERS = (
    Target("litellm_cpu_over_plain", "LiteLLM proxy ÷ ours, plain", 150, 250, is_more_better=True),
    Target(
        "litellm_cpu_over_stream", "LiteLLM proxy ÷ ours, per event", 30, 45, is_more_better=True
    ),
    Target("portkey_cpu_over_plain", "Portkey ÷ ours, plain", 20, 30, is_more_better=True),
)
PRICES = (
    Target("differs_unexplained", "prices unlike genai-prices' that nothing explains", 0, 0),
    Target("seed_claims_unexplained", "claims of May 2024 that come out otherwise", 0, 0),
    Target("price_us", "pricing one usage in a worker, 10 rates in the book, µs", 3, 1),
    Target("price_us_100k_rates", "the same with 100,000 rates in the book, µs", 3, 1),
    Target("whatif_s", "what-if over 100 million ledger lines, s", 10, 7),
    Target("whatif_gb", "its peak resident memory, GB", 2, 1.5),
)
VENDORS = (
    Target(
        "bridge_event_us", "translating one streamed event, dearest pair of dialects, µs", 15, 6
    ),
    Target("image_cpu_over_nginx", "CPU per MB of pictures, made or shown, ÷ nginx", 2, 1.5),
    Target("image_made_cpu_over_nginx", "the same of pictures that a vendor made", 2, 1.5),
    Target("image_shown_cpu_over_nginx", "the same of pictures shown to a vendor", 2, 1.5),
    Target(
        "image_per_second", "pictures a second through one worker", 347, 700, is_more_better=True
    ),
    Target("image_memory_growth_mb", "memory that a run of pictures left behind, MB", 5, 2),
)


WEIGH = (
    Target("false_selection", "weighings that prove an offer which is not good enough", 0.05, 0.05),
    Target(
        "coverage",
        "sequences whose bounds hold the true mean at every moment",
        0.95,
        0.95,
        is_more_better=True,
    ),
    Target("calls_ratio", "calls to the same decision ÷ a comparison of fixed size", 0.5, 0.3),
    Target("harness_overhead", "10,000 items: time over what 50 ms answers need", 0.05, 0.02),
    Target("auth_false_alarm", "genuine channels accused, at a stated error of 1 %", 0.01, 0.005),
    Target("auth_power_swap", "swaps for a smaller model that are found", 0.95, 0.99, True),
    Target("auth_power_usage", "inflated usage that is found", 0.95, 0.99, True),
    Target("auth_power_cut", "cut context that is found", 0.95, 0.99, True),
    Target("auth_power_quant", "the same weights quantised anew that are found", 0, 0.5, True),
    Target("auth_power_quant_blind", "the same, where no log-probabilities are told", 0, 0.5, True),
    Target("auth_power_mixture", "a quarter of the traffic swapped that is found", 0, 0.95, True),
    Target("auth_mixture_prompts_95", "questions that find 95 % of those", math.inf, 300),
    Target("limit_error", "unstated limits of requests a minute, largest error", 0.05, 0.03),
    Target("slow_alarm_calls", "calls from 80 to 15 tokens/s until the alarm, 95 in 100", 50, 30),
    Target("slow_false_alarms", "steady streams of 10,000 calls with an alarm", 0.01, 0.005),
    Target("drift_false_alarm", "steady watches of 200 looks with an alarm", 0.01, 0.005),
    Target("drift_alarm_looks", "looks of 20 items until a fall of 10 points is told", 60, 30),
)

LOCAL = (
    Target("local_tasks", "shipped tasks on which the local models were weighed", 6, 10, True),
    Target("local_cheaper_proven", "of these, tasks on which the 0.5B is proven", 1, 2, True),
    Target("local_only_dearer_proven", "tasks on which only the 1.5B is proven", 1, 2, True),
    Target("judge_05b_unscored", "pairs on which the 0.5B as judge gave no opinion", 1, 0),
    Target("judge_05b_first_favoured", "0.5B as judge: pairs by place alone, to the first", 1, 0.6),
    Target("judge_05b_disagreement", "its opinions that turned with the order", 1, 0.2),
    Target("judge_05b_kept", "pairs with a better one in both orders: the same one", 0, 0.8, True),
    Target("judge_05b_order_changed", "its verdicts that changed when pairs were turned", 0, 0),
    Target("judge_15b_unscored", "pairs on which the 1.5B as judge gave no opinion", 1, 0),
    Target("judge_15b_first_favoured", "1.5B as judge: pairs by place alone, to the first", 1, 0.6),
    Target("judge_15b_disagreement", "its opinions that turned with the order", 1, 0.2),
    Target("judge_15b_kept", "pairs with a better one in both orders: the same one", 0, 0.8, True),
    Target("judge_15b_order_changed", "its verdicts that changed when pairs were turned", 0, 0),
)


def write(name: str, figures: Mapping[str, float], meta: Mapping[str, object]) -> Path:
    """Write the figures, rounded to 4 digits behind the point, and return the file.

    Args:
        name: The file's name without `.json`.
        figures: From name to value.
        meta: At least `settings` and `spread`; commit, machine and time are added.
    """
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    found = {key: round(value, 4) for key, value in figures.items()}
    measured_at = datetime.now(UTC).isoformat(timespec="seconds")
    known = {"commit": _commit(), "machine": _machine(), "measured_at": measured_at}
    text = json.dumps({**found, "meta": {**known, **meta}}, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", "utf-8")
    return path


def show(title: str, targets: tuple[Target, ...], figures: Mapping[str, float]) -> bool:
    """Print the table for people; return whether every measured figure reaches its must."""
    table = Table(title=title)
    for heading in ("figure", "what"):
        table.add_column(heading)
    for heading in ("value", "must", "aim"):
        table.add_column(heading, justify="right")
    is_reached = True
    for target in targets:
        if target.name not in figures:
            continue
        value = figures[target.name]
        has_must = target.reaches(value, target.must)
        is_reached &= has_must
        colour = "green" if target.reaches(value, target.aim) else "yellow" if has_must else "red"
        limits = [
            f"{target.sign()} {limit:g}" if math.isfinite(limit) else "–"
            for limit in (target.must, target.aim)
        ]
        table.add_row(target.name, target.what, f"[{colour}]{value:.3f}[/]", *limits)
    Console().print(table)
    return is_reached


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return done.stdout.strip() or "unknown"


def _machine() -> dict[str, object]:
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
