"""Alarms from ordinary calls: an offer has become much slower, or fails much more often.

Nothing is asked for it: each call that is booked anyway says how fast its answer came, or that
none came. The first calls are the reference. After it each call is a hit (far slower than usual; or
failed) or a miss, and one number grows by hits and shrinks by misses::

    m = (m + 1) * (bet / usual            if it is a hit
                   (1 - bet) / (1 - usual)  if it is none)

What is promised: as long as each call, *whatever came before it*, is a hit with probability at most
``usual``, m - n never grows on the mean, so it passes a threshold of c within the first n calls
with probability at most n / c (Shiryaev and Roberts; as an e-detector: Shin, Ramdas and Rinaldo,
"E-detectors", 2023). With c = 2 * ``HORIZON`` / ``ERROR`` for each of the two that watch speed,
that is at most 1 % within 10,000 calls after the reference, and a million calls between false
alarms on the mean. No shape of the noise is assumed, but that no spell makes hits the rule.

*Spells* do just that: calls hang together, and inside a slow spell of an offer that does not change
nearly all may be hits. So more is asked for than that law needs. A steep fall takes evidence of
``_STEEP_LOG``, some eighteen hits on end. Any alarm takes twice the largest evidence from which the
offer has recovered before. If spells come alike and independently and large ones are rare (their
evidence has an exponential tail, however flat), the next one is over twice the largest of n with
probability 2 / ((n + 1) (n + 2)), so after n spells one ever is with at most 2 / (n + 1). And how
long calls hang together is learnt with what is usual (``Memory``): so many calls say as much as one
independent one, and so many times the evidence is asked for. Independent calls with a daily rhythm
and some slow spells count one each; where speed wanders it is several, and a fall takes hundreds of
calls. That is no proof: memory much longer than the reference cannot be learnt from it.

The two: *steep* falls, to a fifth and less, take some thirty calls; *lasting* ones, to less than
half, some fifty; longer where speed is restless. Answers at half speed for a rush hour, or at a
third for ten calls, are no alarm. What is usual is learnt of the first 100 calls, and anew as their
number doubles, up to 1,600, since a hundred calls may all be of one spell.
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
"""Calls of the first reference."""
LEARN_MAX = 1600
"""Calls after which it stays what it is; else a slow decline would become what is usual."""
_FINE = 0.02
"""Logarithm of speeds that are counted as one."""
TOKENS_MIN = 16
"""Shorter answers say nothing about speed."""
_THRESHOLD = math.log(2 * HORIZON / ERROR)
_STEEP_LOG = 22.0
"""Evidence for a steep fall, a logarithm: what some thirty calls at a fifth of the speed bring even
where it varies twofold from call to call. What fifty calls can spare goes against spells.
"""
_OVER_RECOVERED = 2.0
"""An alarm takes so many times the evidence from which the offer has recovered."""
_BET = 0.85
_STEEP_USUAL, _STEEP_SHARE = 0.25, 0.35
_LASTING_USUAL, _LASTING_SHARE = 0.6, 0.5
"""A hit is slower than so much of the usual speed, which so many calls may be."""
_RANK = 0.05
"""And slower than all but so much of the reference."""
# How long calls hang together is learnt with what is usual; evidence is asked for in proportion.
_LAGS = (1, 2, 4, 8, 16, 32, 64)
_LOOSE = 0.3
"""Correlation that days and spells bring about where calls are independent but for these."""
_MEMORY = 3.0
"""Twice would do for a mean; a spell's evidence has a tail."""
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
    needed: float = _THRESHOLD
    """Logarithm of m at which it is alarming, were there never a spell."""
    log: float = -math.inf
    """Logarithm of m; minus infinity stands for 0."""
    best: float = 0.0
    """The same from the likeliest beginning alone, which says when a change began."""
    since_ns: int = 0
    count: int = 0
    """Calls since the likeliest beginning."""
    peak: float = 0.0
    """Largest ``best`` since then."""
    recovered: float = 0.0
    """Largest ``peak`` of a spell that is over."""
    times: float = 1.0
    """How many times ``needed`` it takes, since calls hang together."""

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
            self.recovered = max(self.recovered, self.peak)
            self.best, self.peak, self.since_ns, self.count = 0.0, 0.0, at_ns, 0
        self.best += step
        self.peak = max(self.peak, self.best)
        self.count += 1
        return self.log >= max(self.times * self.needed, _OVER_RECOVERED * self.recovered)


@dataclass(slots=True)
class Memory:
    """How long calls hang together: correlations of the logarithm of speed, at growing lags."""

    first: float | None = None
    """All values are told from this one, so that sums stay exact enough."""
    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    pairs: list[int] = field(default_factory=lambda: [0] * len(_LAGS))
    products: list[float] = field(default_factory=lambda: [0.0] * len(_LAGS))
    last: list[float] = field(default_factory=list)

    def take(self, value: float) -> None:
        """Takes one more call in, in the order of calls."""
        if self.first is None:
            self.first = value
        value -= self.first
        self.count += 1
        self.total += value
        self.squares += value * value
        for place, lag in enumerate(_LAGS):
            if len(self.last) >= lag:
                self.pairs[place] += 1
                self.products[place] += value * self.last[-lag]
        self.last.append(value)
        if len(self.last) > _LAGS[-1]:
            del self.last[0]

    def calls(self) -> float:
        """Calls that say as much as one independent one; 1 where they hang together a little."""
        if self.count < LEARN:
            return 1.0
        mean = self.total / self.count
        variance = self.squares / self.count - mean * mean
        if variance <= 0:
            return 1.0
        found, before = 0.0, 0
        for lag, pairs, product in zip(_LAGS, self.pairs, self.products, strict=True):
            correlation = (product / pairs - mean * mean) / variance if pairs else 0.0
            found += (lag - before) * max(correlation - _LOOSE, 0.0) / (1 - _LOOSE)
            before = lag
        return 1 + _MEMORY * found


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

    counts: dict[int, int] = field(default_factory=dict)
    """Calls of the reference by speed, as a logarithm in steps of ``_FINE``; emptied at its end."""
    calls: int = 0
    """Taken in, up to ``LEARN_MAX``."""
    learn_at: int = LEARN
    """Calls at which what is usual is learnt next."""
    usual: float = 0.0
    """Median of the reference, in tokens per second; 0 while it is being learnt."""
    low: float = 0.0
    """Slower than this was next to nothing of the reference."""
    steep: Detector = field(default_factory=lambda: Detector(_STEEP_USUAL, _BET, _STEEP_LOG))
    lasting: Detector = field(default_factory=lambda: Detector(_LASTING_USUAL, _BET))
    last: list[float] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)

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
        self._learn(speed)  # after it was judged: what is usual knows the past only
        if not (is_steep or is_lasting):
            return None
        found = self.steep if is_steep else self.lasting
        after = median(self.last[-found.count :])
        return Change("speed", self.usual, after, found.since_ns, at_ns, found.count)

    def _learn(self, speed: float) -> None:
        if self.calls >= LEARN_MAX:
            return
        self.calls += 1
        self.memory.take(math.log(speed))
        place = round(math.log(speed) / _FINE)
        self.counts[place] = self.counts.get(place, 0) + 1
        # Not in the middle of what may be a fall: that is not to become what is usual.
        is_quiet = self.steep.best <= 0 and self.lasting.best <= 0
        if self.calls >= self.learn_at and is_quiet:
            self.usual, self.low = self._ranked(0.5), self._ranked(_RANK)
            self.steep.times = self.lasting.times = self.memory.calls()
            self.learn_at *= 2
        if self.calls == LEARN_MAX:
            self.counts = {}

    def _ranked(self, share: float) -> float:
        """The speed below which so much of the reference is."""
        left = int(share * sum(self.counts.values()))
        for place in sorted(self.counts):
            left -= self.counts[place]
            if left < 0:
                return math.exp(place * _FINE)
        raise ValueError("nothing was learnt")

    def dump(self) -> dict[str, Any]:
        """What a restart needs, as JSON."""
        return _plain(asdict(self))

    @classmethod
    def load(cls, state: dict[str, Any]) -> Self:
        """What ``dump`` gave."""
        both = {name: _detector(state[name]) for name in ("steep", "lasting")}
        counts = {int(place): count for place, count in state["counts"].items()}
        memory = Memory(**state.get("memory", {}))
        return cls(**{**state, **both, "counts": counts, "memory": memory})


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
        if isinstance(detector, dict) and detector.get("log") == -math.inf:
            detector["log"] = None
    return state


def _detector(state: dict[str, Any]) -> Detector:
    log = state["log"]
    return Detector(**{**state, "log": -math.inf if log is None else log})
