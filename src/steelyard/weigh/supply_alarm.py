"""Alarms from ordinary calls: an offer has become much slower, or fails much more often.

Nothing is asked for it: each call that is booked anyway says how fast its answer came, or that
none came. The first calls are the reference. After it each call is a hit (far slower than usual; or
failed) or a miss, and one number grows by hits and shrinks by misses::

    m = (m + 1) * (bet / usual            if it is a hit
                   (1 - bet) / (1 - usual)  if it is none)

What is promised: as long as each call, whatever came before it, is a hit with probability at most
``usual``, m - n never grows on the mean, so it passes a threshold of c within the first n calls
with probability at most n / c (Shiryaev and Roberts; as an e-detector: Shin, Ramdas and Rinaldo,
"E-detectors", 2023). With c = 2 * ``HORIZON`` / ``ERROR`` for each of the two that watch speed,
that is at most 1 % within 10,000 calls after the reference, and a million calls between false
alarms on the mean. No shape of the noise is assumed.

The two: *steep* falls, to a third and less, take a dozen calls; *lasting* ones, to less than half,
some fifty. Answers at half speed for a rush hour, or at a third for ten calls, are no alarm.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from statistics import median
from typing import Any, NamedTuple, Self

ERROR = 0.01
HORIZON = 10_000
"""Calls after the reference within which at most ``ERROR`` of stable streams raise an alarm."""
LEARN = 100
"""Calls of the reference."""
TOKENS_MIN = 16
"""Shorter answers say nothing about speed."""
_THRESHOLD = math.log(2 * HORIZON / ERROR)
_BET = 0.85
_STEEP_USUAL, _STEEP_SHARE = 0.25, 0.35
_LASTING_USUAL, _LASTING_SHARE = 0.6, 0.5
"""A hit is slower than so much of the usual speed, which so many calls may be."""
_RANK = 0.05
"""And slower than all but so much of the reference."""
_KEPT = 50
"""Last values kept, for what an alarm says."""


class Change(NamedTuple):
    """What an alarm says."""

    what: str
    """``speed`` or ``success``."""
    before: float
    """Median tokens per second, or share of calls that succeeded."""
    after: float
    since_ns: int
    """UTC: the call at which it most likely began."""
    at_ns: int
    """UTC: the call that raised it."""
    calls: int
    """Calls from the one to the other."""


@dataclass(slots=True)
class Detector:
    """The number that grows by hits."""

    usual: float
    bet: float
    log: float = -math.inf
    """Logarithm of m; minus infinity stands for 0."""
    best: float = 0.0
    """The same from the likeliest beginning alone, which says when a change began."""
    since_ns: int = 0
    count: int = 0
    """Calls since the likeliest beginning."""

    def take(self, at_ns: int, *, is_hit: bool) -> bool:
        """Takes a call in; whether that is alarming."""
        if is_hit:
            step = math.log(self.bet / self.usual)
        else:
            step = math.log((1 - self.bet) / (1 - self.usual))
        # log(m + 1), also where m is too large for a float
        grown = math.log1p(math.exp(self.log)) if self.log < 30 else self.log
        self.log = grown + step
        if self.best <= 0:
            self.best, self.since_ns, self.count = 0.0, at_ns, 0
        self.best += step
        self.count += 1
        return self.log >= _THRESHOLD


class Speed(StrEnum):
    """What a speed is measured over; the two are never compared with each other."""

    STREAMED = "streamed"
    """From the first byte to the end."""
    WHOLE = "whole"
    """From sending to the end, since a plain answer comes in one piece."""


def speed_of(
    output_tokens: int, first_byte_s: float, total_s: float, *, is_stream: bool
) -> float | None:
    """Tokens per second; None where an answer is too short to say."""
    span_s = total_s - first_byte_s if is_stream else total_s
    if output_tokens < TOKENS_MIN or span_s <= 0:
        return None
    return output_tokens / span_s


@dataclass(slots=True)
class SlowAlarm:
    """Watches the speed of one offer's answers."""

    learnt: list[float] = field(default_factory=list)
    """The reference; emptied but for its figures once it is complete."""
    usual: float = 0.0
    """Median of the reference, in tokens per second; 0 while it is being learnt."""
    low: float = 0.0
    """Slower than this was next to nothing of the reference."""
    steep: Detector = field(default_factory=lambda: Detector(_STEEP_USUAL, _BET))
    lasting: Detector = field(default_factory=lambda: Detector(_LASTING_USUAL, _BET))
    last: list[float] = field(default_factory=list)

    def take(self, speed: float, at_ns: int) -> Change | None:
        """Takes the speed of one call in, in the order of calls; the alarm, if that raises it."""
        if not self.usual:
            self._learn(speed)
            return None
        self.last.append(speed)
        if len(self.last) > _KEPT:
            del self.last[0]
        steep = speed <= min(self.low, _STEEP_SHARE * self.usual)
        lasting = speed <= min(self.low, _LASTING_SHARE * self.usual)
        is_steep = self.steep.take(at_ns, is_hit=steep)
        is_lasting = self.lasting.take(at_ns, is_hit=lasting)
        if not (is_steep or is_lasting):
            return None
        found = self.steep if is_steep else self.lasting
        after = median(self.last[-found.count :])
        return Change("speed", self.usual, after, found.since_ns, at_ns, found.count)

    def _learn(self, speed: float) -> None:
        self.learnt.append(speed)
        if len(self.learnt) < LEARN:
            return
        in_order = sorted(self.learnt)
        self.usual = median(in_order)
        self.low = in_order[int(_RANK * len(in_order))]
        self.learnt = []

    def dump(self) -> dict[str, Any]:
        """What a restart needs, as JSON."""
        return _plain(asdict(self))

    @classmethod
    def load(cls, state: dict[str, Any]) -> Self:
        """What ``dump`` gave."""
        both = {name: _detector(state[name]) for name in ("steep", "lasting")}
        return cls(**{**state, **both})


@dataclass(slots=True)
class FailureAlarm:
    """Watches how often one offer's calls fail."""

    learnt: int = 0
    failed: int = 0
    usual: float = 0.0
    """Share of failures that is taken as usual; 0 while it is being learnt."""
    detector: Detector | None = None
    last: list[bool] = field(default_factory=list)

    def take(self, at_ns: int, *, is_failed: bool) -> Change | None:
        """Takes the end of one call in, in the order of calls; the alarm, if that raises it."""
        if self.detector is None:
            self.learnt += 1
            self.failed += is_failed
            if self.learnt >= LEARN:
                # Twice the share that the reference makes plausible, and never less than 5 %.
                plausible = (self.failed + 2) / (self.learnt + 4)
                self.usual = min(max(2 * plausible, 0.05), 0.5)
                self.detector = Detector(self.usual, (1 + self.usual) / 2)
            return None
        self.last.append(is_failed)
        if len(self.last) > _KEPT:
            del self.last[0]
        if not self.detector.take(at_ns, is_hit=is_failed):
            return None
        found = self.detector
        recent = self.last[-found.count :]
        before = 1 - self.failed / self.learnt
        after = 1 - sum(recent) / len(recent)
        return Change("success", before, after, found.since_ns, at_ns, found.count)

    def dump(self) -> dict[str, Any]:
        """What a restart needs, as JSON."""
        return _plain(asdict(self))

    @classmethod
    def load(cls, state: dict[str, Any]) -> Self:
        """What ``dump`` gave."""
        detector = state["detector"]
        return cls(**{**state, "detector": None if detector is None else _detector(detector)})


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity."""
    for detector in state.values():
        if isinstance(detector, dict) and detector["log"] == -math.inf:
            detector["log"] = None
    return state


def _detector(state: dict[str, Any]) -> Detector:
    log = state["log"]
    return Detector(**{**state, "log": -math.inf if log is None else log})
