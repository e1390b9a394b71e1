"""Supply: are hidden limits found within 5 %, and is a slow vendor noticed within 50 calls?

- ``limit_error``: the largest relative error over shapes of limiters and seeds in virtual time, and
  of one run in wall time through a real gateway, against a vendor with an unstated 300 a minute.
- ``slow_alarm_calls``: calls from a drop from 80 to 15 tokens/s, which comes after a million
  tokens, to the alarm: the worst 95th percentile over models of noise.
- ``slow_false_alarms``: the share of stable streams of 10,000 calls, with the same noise and a
  daily rhythm, that raised one: the worst over models of noise.

The two figures are over noise whose calls are independent but for a daily rhythm and slow spells.
`DEPENDENT` noise hangs together: ``RESTLESS`` was made up by a referee without a look at the method
(speed wanders from call to call, falls by half for 5 to 60 calls at a time and again by half every
day, and one call in a hundred stalls), and a logarithm that keeps 0.95 of the last one's. There the
alarm asks for more calls, so that it stays as quiet; how many stands in ``meta``.
"""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any

from steelyard.supervisor.api import Api
from steelyard.testing.limiters import (
    Concurrency,
    FixedWindow,
    Limiter,
    SilentQueue,
    SlidingWindow,
    TokenBucket,
)
from steelyard.testing.system import System
from steelyard.testing.virtual_load import Network
from steelyard.testing.virtual_load import measure as measure_virtually
from steelyard.weigh.supply.alarm import SlowAlarm, speed_of
from steelyard.weigh.supply.finder import Terms
from steelyard.weigh.supply.record import Rate

LIMIT = 300
REQUESTS_MAX = 600
SEEDS = 10
STREAMS = 120
CALLS = 10_000
TOKENS_BEFORE = 1_000_000
LATE = 2_000
"""Calls after a fall at which nobody waits for the alarm any more."""
CONFIG = """
weigh_when_idle: false
channels: {{tight: {{base_url: "{url}"}}}}
offers:
  - {{model: chat, channel: tight, context: 8192, output_max: 512,
     rates: {{input: 1 CNY/mtok, output: 2 CNY/mtok}}}}
"""
_NETWORK = Network()
_LANES = 2
_AT_A_TIME = _LANES * 60 / (_NETWORK.mean_s + 2 * _NETWORK.way_s + 4 * _NETWORK.jitter_s / 2.5)
"""What two calls at a time come to, with the way there and back."""


def _phase(seed: int, span_s: float = 60.0) -> float:
    return random.Random(seed).uniform(0, span_s)  # noqa: S311 - noise, not a secret


SHAPES: dict[str, tuple[Callable[[int], Limiter], float]] = {
    "fixed window": (lambda seed: FixedWindow(LIMIT, phase_s=_phase(seed)), LIMIT),
    "fixed window, told": (
        lambda seed: FixedWindow(LIMIT, phase_s=_phase(seed), tells=True),
        LIMIT,
    ),
    "sliding window": (lambda _: SlidingWindow(LIMIT), LIMIT),
    "bucket of 20": (lambda _: TokenBucket(LIMIT, 20), LIMIT),
    "bucket of 300": (lambda _: TokenBucket(LIMIT, LIMIT), LIMIT),
    "per second": (
        lambda seed: FixedWindow(LIMIT // 60, span_s=1.0, phase_s=_phase(seed, 1.0)),
        LIMIT,
    ),
    "silent queue": (lambda _: SilentQueue(LIMIT), LIMIT),
    "two at a time": (lambda _: Concurrency(_LANES), _AT_A_TIME),
    "per ten seconds": (
        lambda seed: FixedWindow(LIMIT // 6, span_s=10.0, phase_s=_phase(seed, 10.0)),
        LIMIT,
    ),
    "per half minute": (
        lambda seed: FixedWindow(LIMIT // 2, span_s=30.0, phase_s=_phase(seed, 30.0)),
        LIMIT,
    ),
    "sliding ten seconds": (lambda _: SlidingWindow(LIMIT // 6, span_s=10.0), LIMIT),
    "bucket of one": (lambda _: TokenBucket(LIMIT, 1), LIMIT),
    "bucket of two": (lambda _: TokenBucket(LIMIT, 2), LIMIT),
}
"""Limiters by name, each made from a seed, with what it comes to per minute."""


def measure() -> tuple[dict[str, float], dict[str, Any]]:
    """The figures, and what they were taken from."""
    with tempfile.TemporaryDirectory(prefix="sy", dir="/tmp") as folder:  # noqa: S108 - short paths
        real = _Real(Path(folder))
        try:
            shapes = {name: _virtual(name) for name in SHAPES}
            alarms = {name: _alarms(name) for name in NOISES}
            found = real.result()
        finally:
            real.close()
    real_error = abs(found["requests_per_minute"] - LIMIT) / LIMIT
    promised = [row for name, row in alarms.items() if name not in DEPENDENT]
    figures = {
        "limit_error": round(max(real_error, *(row["error_max"] for row in shapes.values())), 4),
        "slow_alarm_calls": max(row["calls_95"] for row in promised),
        "slow_false_alarms": max(row["false_alarms"] for row in promised),
    }
    meta = {
        "limit": LIMIT,
        "requests_max": REQUESTS_MAX,
        "seeds": SEEDS,
        "shapes": shapes,
        "real": {
            name: found.get(name)
            for name in (
                *("requests_per_minute", "requests_lower", "requests_upper", "limiter", "calls"),
                *("refused", "seconds", "cost_pico", "currency", "tokens_per_s", "state"),
            )
        },
        "alarm": {"streams": STREAMS, "calls": CALLS, "noise": alarms},
    }
    return figures, meta


def _virtual(name: str) -> dict[str, Any]:
    make, truth = SHAPES[name]
    terms = Terms(requests_max=REQUESTS_MAX)
    found = [measure_virtually(make(seed), terms, seed) for seed in range(SEEDS)]
    errors = [abs(each.rate.estimate - truth) / truth for each in found]
    return {
        "error_max": round(max(errors), 4),
        "error_mean": round(fmean(errors), 4),
        "covered": round(fmean(_holds(each.rate, truth) for each in found), 4),
        "calls_mean": round(fmean(each.calls for each in found)),
        "refused_mean": round(fmean(each.refused for each in found), 1),
        "seconds_mean": round(fmean(each.seconds for each in found)),
        "kinds": sorted({each.rate.kind.value for each in found}),
    }


def _holds(rate: Rate, truth: float) -> bool:
    return rate.lower <= truth and (rate.upper is None or truth <= rate.upper)


def _normal(chance: random.Random) -> float:
    return math.exp(chance.gauss(0, 0.3))


def _heavy(chance: random.Random) -> float:
    """One call in 20 is several times slower, whatever the reason."""
    slow = 1 / (1 + chance.paretovariate(1.2)) if chance.random() < 0.05 else 1.0
    return math.exp(chance.gauss(0, 0.3)) * slow


def _wide(chance: random.Random) -> float:
    return math.exp(chance.gauss(0, 0.55))


def _two_kinds(chance: random.Random) -> float:
    """Two kinds of machines behind one name, one half as fast."""
    return math.exp(chance.gauss(0, 0.2)) * (0.55 if chance.random() < 0.3 else 1.0)


class _Restless:
    """Calls that hang together: the logarithm wanders, and machines change for a while."""

    def __init__(self) -> None:
        self._call = self._left = 0
        self._is_slow = False
        self._wander = self._phase = math.nan

    def __call__(self, chance: random.Random) -> float:
        if math.isnan(self._wander):
            self._wander, self._phase = chance.gauss(0, 0.5), chance.uniform(0, 1440)
        self._wander = 0.8 * self._wander + 0.3 * chance.gauss(0, 1)
        self._call, self._left = self._call + 1, self._left - 1
        if self._left <= 0:
            self._is_slow, self._left = not self._is_slow, chance.randint(5, 60)
        night = 0.5 * (1 + math.sin(2 * math.pi * (self._call + self._phase) / 1440))
        stall = chance.uniform(0.02, 0.1) if chance.random() < 0.01 else 1.0
        return math.exp(self._wander - math.log(2) * (night + self._is_slow)) * stall


class _Wandering:
    """A logarithm that keeps 0.95 of the last one's."""

    def __init__(self) -> None:
        self._value = math.nan

    def __call__(self, chance: random.Random) -> float:
        if math.isnan(self._value):
            self._value = chance.gauss(0, 0.6)
        self._value = 0.95 * self._value + 0.6 * math.sqrt(1 - 0.95**2) * chance.gauss(0, 1)
        return math.exp(self._value)


Noise = Callable[[random.Random], float]
RESTLESS, WANDERING = "restless", "wandering"
DEPENDENT = (RESTLESS, WANDERING)
NOISES: dict[str, Callable[[], Noise]] = {
    "log-normal": lambda: _normal,
    "heavy tail": lambda: _heavy,
    "wide": lambda: _wide,
    "two kinds of machines": lambda: _two_kinds,
    RESTLESS: _Restless,
    WANDERING: _Wandering,
}
"""Models of noise by name; each stream has one of its own."""


def _stream(noise: Noise, seed: int) -> Iterator[tuple[int, float, int]]:
    """Calls of a stream without end: what multiplies the speed, and the output tokens.

    A day has 1,440 calls; at its worst hour speed is a quarter lower, and slow spells of some 20
    calls come and go. Prompts grow and shrink, and with them the time that is not the answer's.
    """
    chance = random.Random(seed)  # noqa: S311
    phase, spell = chance.uniform(0, 1440), 0
    call = 0
    while True:
        call += 1
        day = 1 - 0.125 * (1 + math.sin(2 * math.pi * (call + phase) / 1440))
        if spell:
            spell -= 1
        elif chance.random() < 0.002:
            spell = chance.randrange(10, 30)
        tokens = int(min(4000, 8 + chance.lognormvariate(5.3, 0.9)))
        yield call, noise(chance) * day * (0.6 if spell else 1.0), tokens


def _alarm_at(
    noise: Noise, seed: int, calls: int, drop_after: int | None
) -> tuple[int | None, int]:
    """Calls until the alarm, or None; and the call at which speed dropped, 0 if it never did."""
    alarm, sent, dropped_at = SlowAlarm(), 0, 0
    chance = random.Random(-1 - seed)  # noqa: S311
    for call, factor, tokens in _stream(noise, seed):
        if not dropped_at and drop_after is not None and sent >= drop_after:
            dropped_at = call
        if call > (dropped_at or calls) + (LATE if dropped_at else 0):
            return None, dropped_at
        sent += tokens
        rate = (15.0 if dropped_at else 80.0) * factor
        first_s = chance.lognormvariate(-1.0, 0.5)
        speed = speed_of(tokens, first_s, first_s + tokens / rate, is_stream=True)
        if speed is not None and alarm.take(speed, call) is not None:
            return call, dropped_at
    return None, dropped_at


def _alarms(name: str) -> dict[str, Any]:
    delays: list[int] = []
    for seed in range(STREAMS):
        at, dropped_at = _alarm_at(NOISES[name](), 10_000 + seed, CALLS, TOKENS_BEFORE)
        # An alarm before the fall is none of the fall.
        delays.append(LATE + 1 if at is None or not dropped_at else at - dropped_at + 1)
    wrong = sum(
        _alarm_at(NOISES[name](), seed, CALLS, None)[0] is not None for seed in range(STREAMS)
    )
    return {
        "calls_95": math.ceil(quantiles(delays, n=20, method="inclusive")[-1]),
        "calls_worst": max(delays),
        "calls_mean": round(fmean(delays), 1),
        "false_alarms": round(wrong / STREAMS, 4),
    }


class _Real:
    """One measurement in wall time, which runs while the rest is computed."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "steelyard.testing.limited_vendor", "--shape", "fixed"]
        self._vendor = subprocess.Popen(
            [*command, "--limit", str(LIMIT)], stdout=subprocess.PIPE, text=True
        )
        url = json.loads(self._vendor.stdout.readline())["base_url"] if self._vendor.stdout else ""
        self._system = System(folder, CONFIG.format(url=url), {})
        self._system.start(workers=1)
        self._system.until_up(workers=1)
        self._api = Api(self._system.home, self._system.runtime)
        body = {"offer": "tight/chat", "requests_max": REQUESTS_MAX, "minutes": 4.0}
        self._api.post("/api/supply/measure", body)

    def result(self) -> dict[str, Any]:
        """What was found, as soon as it is."""
        while self._api.get("/api/supply/running")["running"]:
            time.sleep(0.5)
        found: dict[str, Any] = self._api.get("/api/supply", offer="tight/chat")["data"][0]
        return found

    def close(self) -> None:
        """Ends the processes."""
        self._system.close()
        self._vendor.kill()
        self._vendor.wait()


def main() -> None:
    """Prints the figures."""
    figures, meta = measure()
    sys.stdout.write(json.dumps({"figures": figures, "meta": meta}, indent=2) + "\n")


if __name__ == "__main__":
    main()
