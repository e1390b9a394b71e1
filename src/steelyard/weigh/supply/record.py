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
_JITTER_S = 0.008
_PARTS = 8
_T = 2.5
"""Student's t for so many parts and 95 %, a little more."""
_LEAKS = 0.25
"""Calls let in that should have been refused, per refusal: a fifth of what came."""
_ODD = 0.01
"""Share of calls that jitter may put into the neighbouring window."""
_JITTER_MIN_S, _JITTER_MAX_S = 0.014, 0.05


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
        return self.most_in(MINUTE_S)

    def most_in(self, span_s: float) -> int:
        """Most calls sent within so many seconds that were accepted."""
        times = [c.at_s for c in self.accepted()]
        return max((_within(times, at_s, span_s) + 1 for at_s in times), default=0)

    def times_s(self) -> list[float]:
        """How long accepted calls took, in the order of their ends."""
        done = sorted(self.accepted(), key=lambda c: c.ended_s)
        return [c.time_s for c in done]


class Trace:
    """A record as stories read it."""

    def __init__(self, record: Record) -> None:
        self.accepted = record.let_in()
        refused = record.refused()
        self.refused = [call.at_s for call in refused]
        self.leaks_max = 0.0
        self.shut_min = 2
        """Windows that must have been full."""
        self.episodes = [e for e in record.episodes if e.recovered_s is not None]
        self.empty_s = max((e.refused_last_s - e.started_s for e in self.episodes), default=0.0)
        """The longest in which nothing was let in though it was asked for."""
        self.longest_s = max((e.blocked_s for e in self.episodes), default=0.0)
        told_s = [call.retry_after_s for call in refused if call.retry_after_s is not None]
        self.told = [(c.at_s, c.retry_after_s) for c in refused if c.retry_after_s is not None]
        self.told_s = median(told_s) if 2 * len(told_s) > len(refused) else 0.0
        """How long refusals ask to wait."""
        times = [call.time_s for call in refused]
        self.jitter_s = _JITTER_MIN_S
        if len(times) > 3:
            spread_s = max(times) - min(times)
            self.jitter_s = min(max(spread_s, _JITTER_MIN_S), _JITTER_MAX_S)
        # Sent at about the same time, what was let in may have come first.
        calls = [(at_s, True) for at_s in self.accepted] + [(at_s, False) for at_s in self.refused]
        self.calls = sorted(calls, key=lambda c: c[0] if c[1] else c[0] + self.jitter_s)

    def count(self, from_s: float, until_s: float) -> int:
        """Calls accepted in [from, until)."""
        return bisect_left(self.accepted, until_s) - bisect_left(self.accepted, from_s)

    def leaking(self) -> Trace:
        """The same, read as that of a limiter that lets some pass."""
        self.leaks_max = _LEAKS * len(self.refused)
        return self

    def lasting(self) -> Trace:
        """The same with long refusals only: short ones were another limit's.

        The first of a long one may have been, too; the last one was not.
        """
        self.episodes = [e for e in self.episodes if e.blocked_s > LONG_S]
        self.refused = [e.refused_last_s for e in self.episodes]
        self.told = [each for each in self.told if each[0] in self.refused]
        return self

    @property
    def odd(self) -> float:
        """Calls that a window may have on the wrong side."""
        return 1 + self.leaks_max + _ODD * len(self.accepted)


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

    def under_way(call: Sent, late_s: float = 0.0) -> int:
        return bisect_left(begun, call.at_s + late_s) - bisect_right(ended, call.at_s - late_s)

    min_s = min(call.time_s for call in refused)
    limit = round(median(under_way(call) for call in refused))
    # What begins or ends within a network's jitter may have come before or after.
    late_s = max(_JITTER_S, 2 * (median(call.time_s for call in refused) - min_s))
    wrong = sum(under_way(call, -late_s) >= limit for call in accepted)
    wrong += sum(under_way(call, late_s) < limit for call in refused)
    is_crowd = limit >= 1 and wrong <= _MIXED * (len(accepted) + len(refused))
    return limit if is_crowd else None


def pressed(record: Record) -> Rate | None:
    """What was let in on the mean while more was asked for, whatever the limiter was.

    From one refusal to another, parts of about equal length are compared: how far they lie apart
    says how sure the mean is.
    """
    starts = [episode.started_s for episode in record.episodes]
    if len(starts) < _PARTS + 1:
        return None
    span_s = starts[-1] - starts[0]
    cuts = [starts[0]]
    for at_s in starts:
        if at_s - cuts[-1] >= span_s / (_PARTS + 1):
            cuts.append(at_s)
    cuts[-1] = starts[-1]
    if len(cuts) < _PARTS // 2:
        return None
    pieces = list(zip(cuts, cuts[1:], strict=False))
    counts = [len(record.let_in(a, b)) for a, b in pieces]
    mean = sum(counts) / (cuts[-1] - cuts[0])
    off_each = [n - mean * (b - a) for (a, b), n in zip(pieces, counts, strict=True)]
    off = _T * (sum(x * x for x in off_each) * len(pieces) / (len(pieces) - 1)) ** 0.5
    off /= cuts[-1] - cuts[0]
    estimate = mean * MINUTE_S
    off = max(off * MINUTE_S, estimate / max(sum(counts), 1))
    # While nothing is asked after a refusal some limiters go on, and some stand still.
    shut_s = sum(e.blocked_s for e in record.episodes if starts[0] <= e.started_s < starts[-1])
    upper = (estimate + off) * span_s / max(span_s - shut_s, 1e-9)
    # Shut for long, there is a limit that asking more would not have moved: rather too little.
    is_long = any(e.blocked_s > LONG_S for e in record.episodes)
    likely = estimate if is_long else (estimate + upper) / 2
    return Rate(Kind.UNKNOWN, likely, estimate - off, upper)


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
