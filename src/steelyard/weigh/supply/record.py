"""What a measurement of supply saw, call by call, and what that says about the limiter behind it.

Pure: instants are seconds of one monotonic clock and come in as arguments. Times of sending stand
for times of arrival: a network's delay is the same for all but for a few milliseconds.

Called by ``supply``, which decides when the next call goes out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, median, stdev
from typing import NamedTuple

MINUTE_S = 60.0
LONG_S = 3.0
"""Refused for longer than this, a limiter does not count by the second."""
_SURE = 2.0
"""Standard errors on each side of a mean."""
_MIXED = 0.05
"""Share of calls that noise may put on the wrong side of a limit on calls under way."""
_BUCKET_ACCEPTED_MIN = 25
_FULLER = 1.2
"""A minute that ended so much fuller than the next one was no window."""
_LATE_S = 0.5
"""Instants that a network may put so far apart are taken for one."""


class Kind(StrEnum):
    """What a limiter looked like."""

    NONE = "none seen"
    FIXED_WINDOW = "fixed window"
    SLIDING_WINDOW = "sliding window"
    BUCKET = "token bucket"
    SMOOTHED = "smoothed or bucket"
    CONCURRENCY = "concurrency"
    QUEUE = "queue"
    EXHAUSTED = "exhausted"
    UNKNOWN = "unknown"


class Rate(NamedTuple):
    """Requests per minute, with what is known of them on each side."""

    kind: Kind
    estimate: float
    lower: float
    upper: float | None
    """None where nothing says how much more there is."""


class End(StrEnum):
    """How a call ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """The vendor said: too much."""
    FAILED = "failed"


@dataclass(slots=True)
class Sent:
    """One call."""

    at_s: float
    pace: float
    """Calls per second that were being sent then."""
    end: End | None = None
    """None while it is under way."""
    ended_s: float = 0.0
    retry_after_s: float | None = None

    @property
    def time_s(self) -> float:
        """From sending to the end of the answer."""
        return self.ended_s - self.at_s


@dataclass(slots=True)
class Episode:
    """From a refusal to the next call that was accepted."""

    started_s: float
    pace: float
    """At which the refused call was sent."""
    accepted_before: int
    """Calls accepted since the last episode ended, or since the start."""
    recovered_s: float | None = None
    refused_last_s: float = 0.0

    @property
    def blocked_s(self) -> float:
        """How long it took; 0 while it goes on."""
        return 0.0 if self.recovered_s is None else self.recovered_s - self.started_s


class Record:
    """All calls of a measurement, in the order of sending."""

    def __init__(self, before: Sequence[float] = ()) -> None:
        """``before``: instants of calls that the offer got just before, in order."""
        self.calls: list[Sent] = []
        self.episodes: list[Episode] = []
        self._before = tuple(before)

    def room_from_s(self, most: int) -> float:
        """From when on one more call makes no more than ``most`` in any minute."""
        place = len(self._before) + len(self.calls) - most
        if place < 0:
            return 0.0
        if place < len(self._before):
            return self._before[place] + MINUTE_S
        return self.calls[place - len(self._before)].at_s + MINUTE_S

    def since(self, since_s: float) -> list[Sent]:
        """Calls sent since an instant."""
        return self.calls[bisect_left(self.calls, since_s, key=lambda call: call.at_s) :]

    def accepted(self, since_s: float = float("-inf")) -> list[Sent]:
        """Calls sent since an instant that were accepted."""
        return [c for c in self.since(since_s) if c.end is End.ACCEPTED]

    def let_in(self, since_s: float = float("-inf"), until_s: float = float("inf")) -> list[float]:
        """When calls were sent that were not refused; of those under way none is, most likely."""
        calls = self.since(since_s)
        return [c.at_s for c in calls if c.end in (End.ACCEPTED, None) and c.at_s < until_s]

    def refused(self) -> list[Sent]:
        """Calls that were refused."""
        return [c for c in self.calls if c.end is End.REFUSED]

    def most_in_a_minute(self) -> int:
        """Most calls sent within any 60 s that were accepted: what was surely carried once."""
        times = [c.at_s for c in self.accepted()]
        return max((_within(times, at_s, MINUTE_S) + 1 for at_s in times), default=0)

    def is_a_minute_past(self, now_s: float) -> bool:
        """Whether a limit on whole minutes would have shown since the first refusal."""
        return now_s - self.episodes[0].started_s > MINUTE_S + 2

    def times_s(self) -> list[float]:
        """How long accepted calls took, in the order of their ends."""
        done = sorted(self.accepted(), key=lambda c: c.ended_s)
        return [c.time_s for c in done]


def _within(times: Sequence[float], at_s: float, span_s: float) -> int:
    """How many of the sorted ``times`` lie in [at - span, at)."""
    return bisect_left(times, at_s) - bisect_right(times, at_s - span_s)


def crowd(record: Record) -> int | None:
    """How many calls under way may be what others were refused for; None if that was not it.

    A limit on what is under way refuses a call exactly if so many others are. A limit on calls a
    minute accepts with many under way, and refuses with few. Only a suspicion: a steady pace and
    steady answers make the two look alike.
    """
    refused, accepted = record.refused(), record.accepted()
    if len(record.episodes) < 2 or len(accepted) < 30:
        return None
    # Refusals come at once: what they take is the way there and back.
    way_s = median(call.time_s for call in refused)
    begun = sorted(c.at_s for c in record.calls if c.end is not End.REFUSED)
    ended = sorted(c.ended_s - way_s for c in record.calls if c.end in (End.ACCEPTED, End.FAILED))

    def under_way(call: Sent) -> int:
        return bisect_left(begun, call.at_s) - bisect_right(ended, call.at_s)

    limit = round(median(under_way(call) for call in refused))
    wrong = sum(under_way(call) >= limit for call in accepted)
    wrong += sum(under_way(call) < limit for call in refused)
    is_crowd = limit >= 1 and wrong <= _MIXED * (len(accepted) + len(refused))
    return limit if is_crowd else None


def window(record: Record) -> Rate | None:
    """The limit, if it is on calls in 60 s; None where the record does not say so.

    Sliding: every accepted call had fewer than the limit accepted in the 60 s before it, every
    refused one no fewer. Fixed: after a long refusal a whole window's worth is accepted at once.
    """
    past = record.episodes[:-1]
    if any(episode.blocked_s > LONG_S for episode in past):
        return _sliding(record, 0.02) or _fixed(record)
    # Opened at once, it may be that an old call just left the window: then nothing may be amiss.
    if len(past) > 1 and len(record.let_in(past[0].started_s)) >= 3:
        return _sliding(record, 0.0)
    return None


def _sliding(record: Record, slack_share: float) -> Rate | None:
    accepted = record.let_in()
    most = max((_within(accepted, at_s, MINUTE_S) for at_s in accepted), default=0) + 1
    refused = (_within(accepted, call.at_s, MINUTE_S) for call in record.refused())
    least = min(refused, default=0)
    slack = max(1, round(slack_share * most))
    if most > least + slack or least <= 2:
        return None
    for episode in record.episodes[:-1]:
        # It opens when a call leaves the window, and never before.
        left_s = (episode.recovered_s or 0.0) - MINUTE_S + _LATE_S
        if not record.let_in(episode.started_s - MINUTE_S, left_s):
            return None
    limit = (most + least) / 2
    return Rate(Kind.SLIDING_WINDOW, limit, min(most, least), max(most, least) + 1)


def _fixed(record: Record) -> Rate | None:
    before, last = record.episodes[-2], record.episodes[-1]
    if before.blocked_s <= LONG_S or before.recovered_s is None:
        return None
    first = record.most_in_a_minute()
    if last.accepted_before < max(5, 0.2 * first):
        return None
    opened_s = before.recovered_s
    # Between the last refusal and the first call accepted, the window began.
    unsure_s = opened_s - before.refused_last_s
    full = len(record.let_in(opened_s - MINUTE_S, before.started_s))
    if full > _FULLER * last.accepted_before + 2:
        return None  # the minute before held more: its windows are shorter than that
    if last.started_s - opened_s < MINUTE_S - unsure_s:
        limit = float(last.accepted_before)
        return Rate(Kind.FIXED_WINDOW, limit, limit, limit + 1)
    # The fill took more than one window: count from the boundary that it began after.
    began_s = opened_s - unsure_s / 2
    began_s += MINUTE_S * ((last.started_s - began_s) // MINUTE_S)
    limit = len(record.let_in(began_s, last.started_s))
    off = last.pace * unsure_s / 2 + 1
    return Rate(Kind.FIXED_WINDOW, limit, limit - off, limit + off)


def slow_bucket(record: Record) -> Rate | None:
    """The rate at which a bucket fills that gives out single calls, seconds apart."""
    first, last = record.episodes[0], record.episodes[-1]
    span_s = last.started_s - first.started_s
    count = len(record.let_in(first.started_s, last.started_s))
    if count < _BUCKET_ACCEPTED_MIN or span_s < MINUTE_S:
        return None  # within a minute a window that is shut looks the same
    each = MINUTE_S / span_s
    return Rate(Kind.BUCKET, count * each, (count - 1) * each, (count + 1) * each)


def burst(record: Record, per_minute: float) -> int:
    """Calls that were accepted at the start beyond the sustained rate."""
    if not record.episodes:
        return 0
    first = record.episodes[0]
    began_s = record.calls[0].at_s
    # A full bucket stays full while calls come slower than it fills: count from where it did not.
    each = per_minute / MINUTE_S
    times = [c.at_s for c in record.accepted() if c.at_s < first.started_s]
    left = most = 0.0
    last_s = began_s
    for at_s in times:
        left = max(0.0, left - (at_s - last_s) * each) + 1
        last_s = at_s
        most = max(most, left)
    return round(most)


def departures(kind: Kind, ends_s: Sequence[float], tolerance: float) -> Rate | None:
    """The rate at which answers come while there is always work; None while it is not known."""
    count = len(ends_s) - 1
    if count < 50:
        return None
    span_s = ends_s[-1] - ends_s[0]
    gaps = [after - before for before, after in zip(ends_s, ends_s[1:], strict=False)]
    off = _SURE * stdev(gaps) / count**0.5 / fmean(gaps)
    if off > tolerance and count < 400:
        return None
    rate = count * MINUTE_S / span_s
    off = max(off, 1 / count)
    return Rate(kind, rate, rate * (1 - off), rate * (1 + off))
