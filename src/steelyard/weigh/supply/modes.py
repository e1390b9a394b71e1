"""What a measurement of supply keeps in mind while it presses, fills lanes, or waits."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import fmean, median, stdev

from steelyard.weigh.supply.record import LONG_S, MINUTE_S, Kind, Rate, Record, Sent, pressed
from steelyard.weigh.supply.stories import hull, is_of_minutes, stories
from steelyard.weigh.supply.terms import State, Terms

_SLOWER, _SLOWER_S = 2.0, 0.25
"""A queue: typical answers take so many times as long, and so many seconds more."""
_QUEUE_MAX = 64
_EXTRAS = 5
"""Calls beyond those under way that must be refused before that is believed to be the limit."""
_EXTRA_EVERY = 8
_WAY_S = 0.1
_LEFT_MIN, _LEFT_MAX = 50, 800
_SURE = 2.6
"""Standard errors on each side."""
OVER = 1.06
"""What is likely is asked for, and so much more."""
_QUICK = 10
"""Refused again after fewer calls, nothing was saved up."""
_AT_FIRST_S = 10.0
_BACK, _BACK_AFTER = 0.8, 2
"""Refused shortly though a longer limit is there, too, it asks for less, to get as far as that."""
_PROOF_S, _PROOF = 120.0, 0.93
_UNDER = 0.98
"""What is to be proved is asked for, but for so much that nothing is refused."""
BASE_CALLS = 8
"""Answers that say how quick an offer is with nothing to do."""


class Mode(StrEnum):
    """What a measurement does."""

    CLIMB = "climb"
    SHUT = "shut"
    """Waits after a refusal; a single call at a time asks whether that is over."""
    PRESS = "press"
    """After a refusal: asks for a little more than there is, or fills a window that has opened."""
    QUEUE = "queue"
    LANES = "lanes"
    """So many under way at all times, and now and then one more."""
    DONE = "done"


@dataclass(slots=True)
class Lanes:
    """What was seen with a fixed number of calls under way."""

    length: int = 0
    """Calls under way that are thought to be the limit."""
    ends: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """How long answered calls took."""
    extra: Sent | None = None
    """The call beyond them that is under way."""
    extras: int = 0
    """Calls beyond them that were refused."""
    extras_taken: int = 0
    """Calls beyond them that were not: one of the others had just ended, or there is no limit."""
    extra_at: int = 0
    """Answers after which one more is due."""
    way_s: float = 0.0
    """There and back: what a refusal took at most; 0 while none was seen."""
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
            # Another may have ended while it was on its way: then it was none too many.
            way_s = self.way_s or _WAY_S
            has_room = any(call.at_s - way_s < at_s < call.at_s + 2 * way_s for at_s in self.ends)
            self.extra, self.extras_taken = None, self.extras_taken + (not has_room)
            self.extra_at = len(self.ends) + _EXTRA_EVERY
        self.ends.append(now_s)
        self.times.append(call.time_s)

    def refused(self, call: Sent) -> bool:
        """A call was refused; whether that was the one too many."""
        if call is not self.extra:
            self.wrong += 1
            return False
        self.way_s = max(self.way_s, call.time_s)
        self.extra, self.extras = None, self.extras + 1
        self.extra_at = len(self.ends) + _EXTRA_EVERY
        return True

    @property
    def is_refuted(self) -> bool:
        """Whether it is not the calls under way that are limited."""
        return self.wrong > 1 or self.extras_taken > max(2, self.extras)

    def rate(self, tolerance: float) -> Rate | None:
        """The limit, once it is sure enough."""
        count = len(self.ends) - 1
        if self.extras < _EXTRAS or count < _LEFT_MIN:
            return None
        # Each lane is never empty: what leaves varies as much as the mean of so many times does.
        off = _SURE * stdev(self.times) / fmean(self.times) / count**0.5 + 1 / count
        if off > tolerance and count < _LEFT_MAX:
            return None
        rate = count * MINUTE_S / (self.ends[-1] - self.ends[0])
        return Rate(Kind.CONCURRENCY, rate, rate * (1 - off), rate * (1 + off))


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


def is_proved(record: Record, rate: Rate) -> bool:
    """Whether a rate was carried for two minutes: another limit on whole minutes would have shown.

    Any two minutes hold a whole minute of the clock.
    """
    return record.most_in(_PROOF_S) >= _PROOF * rate.lower * _PROOF_S / MINUTE_S


def pressing(
    record: Record, fits: Rate | None, now_s: float, pace_max: float, *, proves: bool = False
) -> float:
    """Calls per second to send after a refusal: a little more than there is, as far as known.

    ``proves``: what fits is to be carried for a while, to show whether it lasts.
    """
    if proves and fits is not None:
        return _UNDER * fits.lower / MINUTE_S
    episode = record.episodes[-1]
    if any(e.blocked_s > LONG_S for e in record.episodes):
        short = sum(e.blocked_s <= LONG_S for e in record.episodes)
        if fits is None and short > _BACK_AFTER:
            return episode.pace * (1.0 if episode.blocked_s > LONG_S else _BACK)
        return max(e.pace for e in record.episodes)  # fills the window that has opened
    if fits is None or fits.upper is None or fits.lower <= 0:
        first_s = record.episodes[0].started_s
        if now_s - first_s < _AT_FIRST_S:
            # Carried on the way up, the pace is a little too much; refused at once, far too much.
            return (0.93 if episode.pace >= pace_max else 0.7) * episode.pace
        since_s = max(first_s, now_s - MINUTE_S)
        return OVER * len(record.let_in(since_s)) / max(now_s - since_s, 1.0)
    lower, upper = fits.lower / MINUTE_S, fits.upper / MINUTE_S
    if upper > 1.25 * lower:
        return math.sqrt(lower * upper)
    if episode.accepted_before < _QUICK:
        return float(lower**0.6 * upper**0.4)  # it saves nothing up: carried, or not at all
    return OVER * math.sqrt(lower * upper)


def likely(record: Record) -> Rate | None:
    """What may be said at the end of a limit that was met, though it is not known for sure."""
    found = stories(record, is_last=True)
    rate = hull(found)
    if rate is None:
        return pressed(record)
    if is_of_minutes(found) or is_proved(record, rate):
        return rate
    # More was not seen to last; one minute alone may hold parts of two windows.
    lower = min(rate.lower, record.most_in(_PROOF_S) * MINUTE_S / _PROOF_S)
    return rate._replace(estimate=(lower + (rate.upper or lower)) / 2, lower=lower)


def known(record: Record, fits: Rate | None, pulse: Pulse, span: tuple[float, float]) -> Rate:
    """What may be said of a measurement that ended before it was sure; ``span``: begin, now."""
    began_s, now_s = span
    most = float(record.most_in_a_minute())
    lower = most if now_s - began_s >= MINUTE_S else 0.0
    queued = None if pulse.is_known else pulse.rate()
    if queued is not None:
        return queued
    if not record.episodes:
        return Rate(Kind.NONE, lower, lower, None)
    shut = record.episodes[-1]
    if shut.recovered_s is None and now_s - shut.started_s > MINUTE_S + 5:
        return Rate(Kind.EXHAUSTED, 0.0, 0.0, most)
    if fits is not None:
        return fits
    # Any minute may hold the end of one window and the begin of another: over all it is less.
    since_s = record.episodes[0].started_s
    if now_s - since_s > MINUTE_S:
        lower = min(lower, len(record.let_in(since_s)) * MINUTE_S / (now_s - since_s))
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


def is_enough(rate: Rate, needed: int) -> bool | None:
    """Whether an offer carries what is needed; None where that is not known.

    Only a vendor's refusals prove that it does not: answers that wait may wait on the machine that
    asks, or for the calls that it keeps under way.

    Args:
        rate: what was found.
        needed: calls per minute.
    """
    if rate.lower >= needed:
        return True
    is_refused = rate.kind not in (Kind.NONE, Kind.QUEUE, Kind.UNKNOWN)
    return False if is_refused and rate.upper is not None and rate.upper < needed else None
