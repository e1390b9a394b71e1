"""What a measurement of supply keeps in mind while it narrows a pace, fills lanes, or waits."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import median

from steelyard.weigh.supply.record import MINUTE_S, Kind, Rate, Record, Sent, departures
from steelyard.weigh.supply.terms import State, Terms

_SLOWER, _SLOWER_S = 2.0, 0.25
"""A queue: typical answers take so many times as long, and so many seconds more."""
_QUEUE_MAX = 64
_EXTRAS = 5
"""Calls beyond those under way that must be refused before that is believed to be the limit."""
_EXTRA_EVERY = 8
BASE_CALLS = 8
"""Answers that say how quick an offer is with nothing to do."""
STEP = 1.05
_COUNT_MIN = 10
"""Fewer calls between two refusals say nothing about a rate."""


@dataclass(slots=True)
class Bracket:
    """Calls per second: carried, and refused."""

    lower: float = 0.0
    upper: float = math.inf

    def next(self) -> float:
        """The pace to try next."""
        if not self.lower:
            return 0.6 * self.upper
        if 1.2 * self.lower < self.upper < math.inf:
            return math.sqrt(self.lower * self.upper)
        return min(STEP * self.lower, math.sqrt(self.lower * self.upper))

    @property
    def is_tight(self) -> bool:
        """Whether any pace between the two is near enough to the limit."""
        return self.lower > 0 and self.upper <= 1.065 * self.lower

    def refused(self, pace: float, count: int, span_s: float) -> None:
        """A pace was refused after ``count`` calls had been let in within ``span_s`` seconds."""
        if count >= _COUNT_MIN and span_s > 0:
            self.lower = max(self.lower, (count - 0.5) / span_s)
        self.upper = min(self.upper, pace)
        if self.upper < self.lower:
            # Noise on one of the sides: the two are as near as they can be told apart.
            self.lower, self.upper = self.upper / 1.02, self.lower * 1.02

    def carried(self, pace: float) -> None:
        """So many calls a second were let in since the last refusal."""
        self.lower = max(self.lower, pace)
        if self.upper <= self.lower:
            self.upper = STEP * self.lower

    def above(self, pace: float) -> float:
        """The pace to try after one that was held."""
        middle = math.sqrt(pace * self.upper)
        if pace * 1.2 < self.upper < math.inf:
            return middle
        return max(self.next(), min(STEP * pace, middle))

    def rate(self) -> Rate:
        """What is known, per minute; nearer to what was carried than to what was refused."""
        lower, upper = self.lower * MINUTE_S, self.upper * MINUTE_S
        if upper == math.inf:
            return Rate(Kind.SMOOTHED, lower, lower, None)
        return Rate(Kind.SMOOTHED, lower + 0.3 * (upper - lower), lower, upper)


@dataclass(slots=True)
class Lanes:
    """What was seen with a fixed number of calls under way."""

    length: int = 0
    """Calls under way that are thought to be the limit."""
    ends: list[float] = field(default_factory=list)
    extra: Sent | None = None
    """The call beyond them that is under way."""
    extras: int = 0
    """Calls beyond them that were refused."""
    extras_taken: int = 0
    """Calls beyond them that were not: one of the others had just ended, or there is no limit."""
    extra_at: int = 0
    """Answers after which one more is due."""
    wrong: int = 0
    """Calls within them that were refused."""
    tried: set[int] = field(default_factory=set)

    def wanted(self) -> int:
        """Calls that should be under way now."""
        is_due = self.extra is None and len(self.ends) >= self.extra_at
        return self.length + is_due

    def left(self, call: Sent, now_s: float) -> None:
        """A call was answered."""
        if call is self.extra:
            self.extra, self.extras_taken = None, self.extras_taken + 1
            self.extra_at = len(self.ends) + _EXTRA_EVERY
        self.ends.append(now_s)

    def refused(self, call: Sent) -> bool:
        """A call was refused; whether that was the one too many."""
        if call is not self.extra:
            self.wrong += 1
            return False
        self.extra, self.extras = None, self.extras + 1
        self.extra_at = len(self.ends) + _EXTRA_EVERY
        return True

    @property
    def is_refuted(self) -> bool:
        """Whether it is not the calls under way that are limited."""
        return self.wrong > 1 or self.extras_taken > max(2, self.extras)

    def rate(self, tolerance: float) -> Rate | None:
        """The limit, once it is sure enough."""
        if self.extras < _EXTRAS:
            return None
        return departures(Kind.CONCURRENCY, self.ends, tolerance)


@dataclass(slots=True)
class Pulse:
    """How long answers take, from the first ones on; and what leaves the queue that they wait in.

    A queue shows by answers that take longer and longer.
    """

    base_s: float = 0.0
    """Typical time of an answer with little to do; 0 while it is not known."""
    count: int = 0
    times: deque[float] = field(default_factory=lambda: deque(maxlen=BASE_CALLS))
    length: int = 0
    """Calls that are kept under way while the queue is counted."""
    ends: list[float] = field(default_factory=list)
    is_known: bool = False
    """Whether a queue was counted and was not what limits."""

    def take(self, time_s: float) -> None:
        """Takes the time of an answer in."""
        self.count += 1
        self.times.append(time_s)
        if not self.base_s and self.count >= BASE_CALLS:
            self.base_s = median(self.times)

    def has_slowed(self, in_flight: int) -> bool:
        """Whether answers wait in a queue."""
        if not self.base_s or self.is_known or in_flight <= 2:
            return False
        return median(self.times) > _SLOWER * self.base_s + _SLOWER_S

    def queue(self, in_flight: int, now_s: float) -> None:
        """Begins to count what leaves the queue."""
        self.length = min(max(in_flight, 4), _QUEUE_MAX)
        self.ends = [now_s]

    def rate(self) -> Rate | None:
        """What left the queue, where nothing better is known; None without one."""
        if len(self.ends) <= 10:
            return None
        rate = (len(self.ends) - 1) * MINUTE_S / (self.ends[-1] - self.ends[0])
        return Rate(Kind.QUEUE, rate, 0.85 * rate, 1.15 * rate)


def known(record: Record, bracket: Bracket, pulse: Pulse, span: tuple[float, float]) -> Rate:
    """What may be said of a measurement that ended before it was sure; ``span``: begin, now."""
    began_s, now_s = span
    most = float(record.most_in_a_minute())
    lower = most if now_s - began_s >= MINUTE_S else 0.0
    queued = None if pulse.is_known else pulse.rate()
    if queued is not None:
        return queued
    if bracket.lower:
        return bracket.rate()
    if not record.episodes:
        return Rate(Kind.NONE, lower, lower, None)
    shut = record.episodes[-1]
    if shut.recovered_s is None and now_s - shut.started_s > MINUTE_S + 5:
        return Rate(Kind.EXHAUSTED, 0.0, 0.0, most)
    return Rate(Kind.UNKNOWN, lower, 0.0, max(most, shut.pace * MINUTE_S))


def judged(rate: Rate, terms: Terms, *, at_terms: bool) -> State:
    """What a rate means; ``at_terms``: all that the vendor's terms allow was carried."""
    if terms.enough and rate.lower >= terms.enough:
        return State.OK
    if at_terms:
        # Whoever needs more than the terms allow is limited by these.
        return State.LIMITED if terms.enough else State.OK
    is_known = rate.upper is not None and (rate.lower > 0 or rate.kind is Kind.EXHAUSTED)
    return State.LIMITED if is_known else State.UNKNOWN
