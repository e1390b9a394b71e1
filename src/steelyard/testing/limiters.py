"""Limiters as vendors have them, over a clock of one's own: what supply measurements must find.

Each decides on a call as it comes, by its own state alone: ``ask(now_s, service_s)`` says whether
it is taken, and how long the answer takes then. Used in virtual time by tests and the bench, and
behind real HTTP by ``limited_vendor``.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import NamedTuple, Protocol


class Admission(NamedTuple):
    """What becomes of a call."""

    is_accepted: bool
    time_s: float = 0.0
    """How long an accepted one takes, from its arrival."""
    retry_after_s: float | None = None


class Limiter(Protocol):
    """One vendor's way of saying no."""

    def ask(self, now_s: float, service_s: float) -> Admission:
        """Decides on a call that comes now and takes ``service_s`` if nobody waits."""


class FixedWindow:
    """So many calls in each window of the clock."""

    def __init__(
        self, limit: int, *, phase_s: float = 0.0, span_s: float = 60.0, tells: bool = False
    ) -> None:
        """``tells``: whether a refusal says when the next window begins."""
        self._limit, self._phase_s, self._span_s, self._tells = limit, phase_s, span_s, tells
        self._window = -1
        self._count = 0

    def ask(self, now_s: float, service_s: float) -> Admission:
        """Counts, anew in every window."""
        window, into_s = divmod(now_s + self._phase_s, self._span_s)
        if window != self._window:
            self._window, self._count = int(window), 0
        if self._count >= self._limit:
            return Admission(False, retry_after_s=self._span_s - into_s if self._tells else None)
        self._count += 1
        return Admission(True, service_s)


class SlidingWindow:
    """So many calls in any span."""

    def __init__(self, limit: int, *, span_s: float = 60.0) -> None:
        self._limit, self._span_s = limit, span_s
        self._times: deque[float] = deque()

    def ask(self, now_s: float, service_s: float) -> Admission:
        """Forgets what is older than the span, then counts."""
        while self._times and self._times[0] <= now_s - self._span_s:
            self._times.popleft()
        if len(self._times) >= self._limit:
            return Admission(False)
        self._times.append(now_s)
        return Admission(True, service_s)


class TokenBucket:
    """A bucket that fills evenly; full at the start."""

    def __init__(self, per_minute: float, size: float, *, tells: bool = False) -> None:
        self._each_s, self._size, self._tells = per_minute / 60, size, tells
        self._level, self._at_s = size, 0.0

    def ask(self, now_s: float, service_s: float) -> Admission:
        """Takes one out, if there is one."""
        self._level = min(self._size, self._level + (now_s - self._at_s) * self._each_s)
        self._at_s = now_s
        if self._level < 1:
            wait_s = (1 - self._level) / self._each_s
            return Admission(False, retry_after_s=wait_s if self._tells else None)
        self._level -= 1
        return Admission(True, service_s)


class Concurrency:
    """So many calls at a time; others are refused, or wait in line."""

    def __init__(self, limit: int, *, queues: bool = False) -> None:
        self._limit, self._queues = limit, queues
        self._ends: list[float] = []

    def ask(self, now_s: float, service_s: float) -> Admission:
        """Takes it if a place is free; a queue gives it the place that is free first."""
        while self._ends and self._ends[0] <= now_s:
            heapq.heappop(self._ends)
        if len(self._ends) < self._limit:
            heapq.heappush(self._ends, now_s + service_s)
            return Admission(True, service_s)
        if not self._queues:
            return Admission(False)
        end_s = heapq.heappop(self._ends) + service_s
        heapq.heappush(self._ends, end_s)
        return Admission(True, end_s - now_s)


class SilentQueue:
    """Refuses nobody: calls begin no faster than so many a minute, the others wait."""

    def __init__(self, per_minute: float) -> None:
        self._gap_s = 60 / per_minute
        self._free_s = 0.0

    def ask(self, now_s: float, service_s: float) -> Admission:
        """Gives it the next place in line."""
        begin_s = max(now_s, self._free_s)
        self._free_s = begin_s + self._gap_s
        return Admission(True, begin_s - now_s + service_s)


class Unlimited:
    """Takes whatever comes."""

    def ask(self, now_s: float, service_s: float) -> Admission:
        """Takes it."""
        return Admission(True, service_s)
