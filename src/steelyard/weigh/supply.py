"""How much an offer gives: finds a limit of calls per minute that nobody stated, with few calls.

No I/O and no clock in here. Whoever drives a ``Finder`` asks it when the next call is due, says
when one is sent and how it ended, and stops when nothing is due any more::

    while (due_s := finder.due_s(now_s)) is not None:
        ...  # wait until then or until an answer comes; send; tell

It climbs to the pace that it may ask for, and stops at the first sign of too much. What follows
depends on how the offer recovers. One that stays shut for seconds counts in windows: the next
window's worth is counted. One that opens at once refills or smooths: its pace is bracketed from
both sides. One that refuses nobody and gets slower is a queue: what leaves it is counted while it
is kept short.

Never: more calls in any minute than the stated terms, a call while a refusal's wait lasts, a call
that money, count or time do not allow.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import NamedTuple

from steelyard.weigh import supply_record
from steelyard.weigh.supply_record import (
    LONG_S,
    MINUTE_S,
    End,
    Episode,
    Kind,
    Rate,
    Record,
    Sent,
)

TOLERANCE = 0.04
"""Relative half-width at which an estimate is good enough."""
_CLIMB_EVERY_S = 5.0
"""The pace doubles so often on the way up."""
_CLIMB_FROM = 32
"""The climb begins at this part of the highest pace."""
_HOLD_ENOUGH_S = 120.0
"""At the demanded pace: any two minutes hold a whole clock minute."""
_HOLD_TERMS_S = 150.0
_MARGIN = 1.05
"""A demand is met by this much more than itself, so that nothing hinges on a single call."""
_WAIT_FIRST_S = 0.5
_WAIT_MAX_S = 2.0
_RETRY_AFTER_MAX_S = 90.0
_SEGMENT_S = 20.0
"""A pace held for so long without a refusal counts as carried."""
_SEGMENT_CALLS = 25
_STEP = 1.05
_BASE_CALLS = 8
"""Answers that say how quick an offer is with nothing to do."""
_SLOWER, _SLOWER_S = 2.0, 0.25
"""A queue: typical answers take so many times as long, and so many seconds more."""
_FAILURES_MAX = 5
_QUEUE_MAX = 64
_EXTRAS = 5
"""Calls beyond those under way that must be refused before that is believed to be the limit."""
_EXTRA_EVERY = 8


class Terms(NamedTuple):
    """What a measurement may ask for, and what it is to find out."""

    requests_max: int
    """Calls per minute that the vendor's terms allow."""
    enough: int = 0
    """Calls per minute that are needed; 0 asks where the limit is."""
    calls_max: int = 4000
    money_pico_max: int | None = None
    """In pico-units of the offer's currency; None for no bound."""
    seconds_max: float = 360.0
    tolerance: float = TOLERANCE


class Reply(NamedTuple):
    """How a call ended."""

    end: End
    retry_after_s: float | None = None
    """How long the vendor asked us to wait; None if it did not."""
    cost_pico: int = 0


class State(StrEnum):
    """What a measurement says in a word."""

    OK = "ok"
    """The demand, or all that the terms allow, is carried."""
    LIMITED = "limited"
    """A limit was found below that."""
    UNKNOWN = "unknown"
    """It ended before either was known."""


class Found(NamedTuple):
    """What a measurement found."""

    state: State
    rate: Rate
    """Requests per minute."""
    burst: int
    """Calls beyond the rate that were accepted at the start; 0 where that is not known."""
    slower: float
    """Typical time of an answer at the end, in times of that at the start."""
    calls: int
    refused: int
    failed: int
    cost_pico: int
    seconds: float
    why: str
    """Why it ended, for people."""


class _Mode(StrEnum):
    CLIMB = "climb"
    SHUT = "shut"
    """Waits after a refusal; a single call at a time asks whether that is over."""
    FILL = "fill"
    """After a long refusal: fills the window that has opened."""
    BRACKET = "bracket"
    QUEUE = "queue"
    LANES = "lanes"
    """So many under way at all times, and now and then one more."""
    DONE = "done"


@dataclass(slots=True)
class _Bracket:
    """Calls per second: carried, and refused."""

    lower: float = 0.0
    upper: float = math.inf

    def next(self) -> float:
        """The pace to try next."""
        if not self.lower:
            return 0.6 * self.upper
        if self.upper > 1.2 * self.lower:
            return math.sqrt(self.lower * self.upper)
        return min(_STEP * self.lower, math.sqrt(self.lower * self.upper))

    @property
    def is_tight(self) -> bool:
        """Whether any pace between the two is near enough to the limit."""
        return self.lower > 0 and self.upper <= 1.065 * self.lower


@dataclass(slots=True)
class _Lanes:
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


class Finder:
    """One measurement of one offer."""

    def __init__(self, terms: Terms, now_s: float, call_pico_max: int = 0) -> None:
        """``call_pico_max``: the most that one call can cost.

        Raises:
            ValueError: terms that allow nothing.
        """
        if terms.requests_max < 1 or terms.calls_max < 1 or terms.seconds_max <= 0:
            raise ValueError("terms allow at least one call")
        self._terms = terms
        self._call_pico_max = call_pico_max
        most = terms.requests_max
        if terms.enough:
            most = min(most, math.ceil(terms.enough * _MARGIN))
        self._pace_max = most / MINUTE_S
        self._pace = max(self._pace_max / _CLIMB_FROM, min(self._pace_max, 0.2))
        self._began_s = now_s
        self._climbed_s = now_s
        self._top_s: float | None = None
        """When the highest pace was reached."""
        self._next_s = now_s
        self._mode = _Mode.CLIMB
        self._why = ""
        self._rate: Rate | None = None
        self._wait_s = _WAIT_FIRST_S
        self._waits_for: Sent | None = None
        self._bracket = _Bracket()
        self._segment_s = now_s
        """Where the running segment's span begins: at the last refusal."""
        self._segment_from_s = now_s
        """Where its even pace begins."""
        self._queue_length = 0
        self._queue_ends: list[float] = []
        self._lanes = _Lanes()
        self._base_s = 0.0
        self._is_slow_known = False
        self._times: deque[float] = deque(maxlen=_BASE_CALLS)
        self._failures = 0
        self._in_flight = 0
        self._accepted = 0
        self.paid_pico = 0
        self.record = Record()

    @property
    def in_flight(self) -> int:
        """Calls under way."""
        return self._in_flight

    @property
    def doing(self) -> str:
        """What it does now, in a word."""
        return self._mode.value

    @property
    def is_done(self) -> bool:
        """Whether nothing more is asked."""
        return self._mode is _Mode.DONE

    def due_s(self, now_s: float) -> float | None:
        """When the next call is due; infinity if an answer must come first; None at the end."""
        if not self._is_over(now_s):
            self._climb(now_s)
            self._hold(now_s)
        return None if self.is_done else self._due_s()

    def _due_s(self) -> float:
        if self._mode is _Mode.SHUT and self._waits_for is not None:
            return math.inf
        if self._mode is _Mode.QUEUE and self._in_flight >= self._queue_length:
            return math.inf
        if self._mode is _Mode.LANES and self._in_flight >= self._lanes_wanted():
            return math.inf
        if self._in_flight >= self._pace_max * MINUTE_S:
            return math.inf
        calls, most = self.record.calls, self._terms.requests_max
        free_s = calls[-most].at_s + MINUTE_S if len(calls) >= most else -math.inf
        return max(self._next_s, free_s)

    def sent(self, now_s: float) -> Sent:
        """Takes note that a call is sent now; its end is told with what this returns."""
        call = Sent(now_s, self._pace)
        self.record.calls.append(call)
        self._in_flight += 1
        if self._mode is _Mode.SHUT:
            self._waits_for = call
        elif self._mode is _Mode.LANES:
            if self._in_flight > self._lanes.length:
                self._lanes.extra = call
            self._next_s = now_s
        else:
            # Evenly, and no burst to make up for a driver that was late.
            self._next_s = max(self._next_s + 1 / self._pace, now_s + 0.5 / self._pace)
        return call

    def ended(self, call: Sent, reply: Reply, now_s: float) -> None:
        """Takes in how a call ended."""
        call.end, call.ended_s, call.retry_after_s = reply.end, now_s, reply.retry_after_s
        self._in_flight -= 1
        self.paid_pico += reply.cost_pico
        if reply.end is End.REFUSED:
            self._refused(call, now_s)
        elif reply.end is End.ACCEPTED:
            self._taken(call, now_s)
        else:
            self._failed(call, now_s)

    def stop(self, why: str) -> None:
        """Ends the measurement now; what is known stays."""
        if self._mode is not _Mode.DONE:
            self._mode, self._why = _Mode.DONE, why

    def found(self, now_s: float) -> Found:
        """What is known by now."""
        record = self.record
        rate = self._rate or self._best(now_s)
        is_met = self._why.startswith(("carried", "the terms"))
        state = State.OK if is_met else State.UNKNOWN
        if not is_met and rate.upper is not None:
            meets = self._terms.enough and rate.lower >= self._terms.enough
            state = State.OK if meets else State.LIMITED
        times = record.times_s()[-3 * _BASE_CALLS :]
        slower = median(times) / self._base_s if times and self._base_s else 1.0
        ends = [c.end for c in record.calls]
        is_rate = rate.kind in (Kind.BUCKET, Kind.SMOOTHED)
        return Found(
            state,
            rate,
            supply_record.burst(record, rate.estimate) if is_rate else 0,
            slower,
            len(record.calls),
            ends.count(End.REFUSED),
            ends.count(End.FAILED),
            self.paid_pico,
            now_s - self._began_s,
            self._why,
        )

    def _is_over(self, now_s: float) -> bool:
        terms = self._terms
        if now_s - self._began_s >= terms.seconds_max:
            self.stop("the time is up")
        elif len(self.record.calls) >= terms.calls_max:
            self.stop("no more calls are allowed")
        elif terms.money_pico_max is not None:
            # What is under way may cost its most: money is not overrun by answers to come.
            most_pico = self.paid_pico + (self._in_flight + 1) * self._call_pico_max
            if most_pico > terms.money_pico_max:
                if not self._in_flight:
                    self.stop("the money is used up")
                else:
                    self._next_s = max(self._next_s, now_s + 0.05)
        return self._mode is _Mode.DONE

    def _climb(self, now_s: float) -> None:
        if self._mode is not _Mode.CLIMB or self._top_s is not None:
            return
        # A few answers first: how quick the offer is with little to do.
        is_based = self._base_s > 0 or self._pace * 2 < 1
        while now_s - self._climbed_s >= _CLIMB_EVERY_S and self._pace < self._pace_max:
            if not is_based:
                return
            self._climbed_s += _CLIMB_EVERY_S
            self._pace = min(2 * self._pace, self._pace_max)
            self._next_s = min(self._next_s, now_s + 1 / self._pace)
        if self._pace >= self._pace_max:
            self._top_s = now_s

    def _hold(self, now_s: float) -> None:
        """Ends what has been held for long enough."""
        if self._mode is _Mode.CLIMB and self._top_s is not None:
            self._hold_top(now_s, now_s - self._top_s)
        elif self._mode is _Mode.BRACKET:
            held_s = now_s - self._segment_from_s
            count = len(self.record.accepted(self._segment_from_s))
            if held_s >= _SEGMENT_S and count >= _SEGMENT_CALLS:
                self._carried(now_s)

    def _hold_top(self, now_s: float, held_s: float) -> None:
        terms = self._terms
        carried = len([c for c in self.record.accepted(now_s - MINUTE_S - 5) if c.ended_s])
        needed = terms.enough or terms.requests_max
        span = _HOLD_ENOUGH_S if terms.enough else _HOLD_TERMS_S
        if held_s < span or self._in_flight > max(4.0, 0.1 * needed):
            return
        if carried >= min(needed, 0.98 * terms.requests_max):
            rate = self._pace_max * MINUTE_S
            lower = float(self.record.most_in_a_minute())
            self._rate = Rate(Kind.NONE, min(rate, lower), lower, None)
            is_enough = terms.enough and lower >= terms.enough
            self.stop("carried what was asked for" if is_enough else "the terms allow no more")

    def _taken(self, call: Sent, now_s: float) -> None:
        self._failures = 0
        self._accepted += 1
        self._times.append(call.time_s)
        if not self._base_s and self._accepted >= _BASE_CALLS:
            self._base_s = median(self._times)
        if call is self._waits_for:
            self._recovered(call, now_s)
        elif self._mode is _Mode.QUEUE:
            self._left_queue(now_s)
        elif self._mode is _Mode.LANES:
            self._left_lane(call, now_s)
        elif self._mode in (_Mode.CLIMB, _Mode.FILL, _Mode.BRACKET):
            self._watch_queue(now_s)

    def _failed(self, call: Sent, now_s: float) -> None:
        self._failures += 1
        if self._failures >= _FAILURES_MAX:
            self.stop(f"{_FAILURES_MAX} calls in a row failed")
        if call is self._waits_for:
            self._waits_for = None
            self._next_s = now_s + self._wait_s

    def _refused(self, call: Sent, now_s: float) -> None:
        episodes = self.record.episodes
        wait_s = self._wait_s
        if call.retry_after_s is not None:
            wait_s = min(max(call.retry_after_s, _WAIT_FIRST_S), _RETRY_AFTER_MAX_S)
        if self._mode is _Mode.DONE:
            return
        if self._mode is _Mode.LANES:
            self._refused_lane(call, now_s + wait_s)
            return
        if self._mode is _Mode.SHUT:
            episode = episodes[-1]
            episode.started_s = min(episode.started_s, call.at_s)
            episode.refused_last_s = max(episode.refused_last_s, call.at_s)
            if call is self._waits_for:
                self._waits_for = None
                self._wait_s = min(2 * self._wait_s, _WAIT_MAX_S)
                self._next_s = now_s + wait_s
            return
        since_s = -math.inf
        if episodes and episodes[-1].recovered_s is not None:
            since_s = episodes[-1].recovered_s
            if call.at_s < since_s:
                return  # sent before the last episode ended: it is part of that one
        let_in = len(self.record.let_in(since_s, call.at_s))
        episodes.append(Episode(call.at_s, call.pace, let_in, refused_last_s=call.at_s))
        before, self._mode = self._mode, _Mode.SHUT
        self._waits_for = None
        if len(episodes) > 1 and episodes[-2].blocked_s > LONG_S:
            self._wait_s = _WAIT_FIRST_S * 2
        self._next_s = now_s + max(wait_s, self._wait_s)
        if before is _Mode.BRACKET:
            self._narrow(call)
        self._explain()

    def _recovered(self, call: Sent, now_s: float) -> None:
        """A call was accepted after refusals: on with what that says."""
        self._waits_for = None
        self._wait_s = _WAIT_FIRST_S
        episode = self.record.episodes[-1]
        episode.recovered_s = call.at_s
        is_long = any(e.blocked_s > LONG_S for e in self.record.episodes)
        if is_long:
            self._mode, self._pace = _Mode.FILL, episode.pace
        elif self._lanes.length:
            self._mode = _Mode.LANES
        else:
            pace = self._bracket.next()
            if self._bracket.upper == math.inf:
                self._bracket.upper = episode.pace
                held_s = episode.started_s - self._top_s if self._top_s is not None else 0.0
                # Carried for a while, the pace is a little too much; on the way up, far too much.
                pace = episode.pace * (0.93 if held_s > _SEGMENT_S else 0.6)
            self._mode, self._pace = _Mode.BRACKET, min(pace, self._pace_max)
            self._segment_s, self._segment_from_s = episode.started_s, call.at_s
        self._next_s = now_s + 1 / self._pace

    def _narrow(self, call: Sent) -> None:
        """A pace of the bracket was refused."""
        bracket = self._bracket
        count = self.record.episodes[-1].accepted_before
        span_s = call.at_s - self._segment_s
        if count >= 10 and span_s > 0:
            bracket.lower = max(bracket.lower, (count - 0.5) / span_s)
        bracket.upper = min(bracket.upper, call.pace)
        if bracket.upper < bracket.lower:
            # Noise on one of the sides: the two are as near as they can be told apart.
            bracket.lower, bracket.upper = bracket.upper / 1.02, bracket.lower * 1.02

    def _carried(self, now_s: float) -> None:
        """A pace of the bracket was held without a refusal."""
        bracket = self._bracket
        # What was saved up during the wait is in it: counted from the last refusal on.
        lower = len(self.record.let_in(self._segment_s)) / (now_s - self._segment_s)
        bracket.lower = max(bracket.lower, lower)
        if bracket.upper <= bracket.lower:
            bracket.upper = _STEP * bracket.lower
        if self._pace >= self._pace_max:
            self._rate = Rate(Kind.SMOOTHED, 60 * lower, 60 * lower, None)
            self.stop("the terms allow no more")
            return
        if bracket.is_tight and self._suspect_lanes():
            self._mode = _Mode.LANES
            return
        if bracket.is_tight and self._is_a_minute_later(now_s):
            self._settle_bracket()
            return
        step = math.sqrt(self._pace * bracket.upper)
        if bracket.upper < math.inf and bracket.upper > 1.2 * self._pace:
            self._pace = min(step, self._pace_max)
        else:
            self._pace = min(max(bracket.next(), min(_STEP * self._pace, step)), self._pace_max)
        self._segment_from_s = now_s

    def _explain(self) -> None:
        """At a refusal: ends the measurement if the limiter is known well enough."""
        record = self.record
        rate = supply_record.window(record)
        past = record.episodes[:-1]
        if rate is None and past and any(e.blocked_s > LONG_S for e in past):
            rate = supply_record.slow_bucket(record)
        if rate is not None:
            self._rate = rate
            self.stop("the limit is known")
        elif self._suspect_lanes():
            pass  # asked before anything else is believed
        elif self._bracket.is_tight and not any(e.blocked_s > LONG_S for e in past):
            if self._is_a_minute_later(record.episodes[-1].started_s):
                self._settle_bracket()

    def _is_a_minute_later(self, now_s: float) -> bool:
        """Whether a limit on whole minutes would have shown since the first refusal."""
        return now_s - self.record.episodes[0].started_s > MINUTE_S + 2

    def _suspect_lanes(self) -> bool:
        """Whether calls under way may be what is limited; that is then tried."""
        lanes = self._lanes
        length = supply_record.crowd(self.record)
        if length is None or length in lanes.tried:
            return False
        lanes.tried.add(length)
        self._lanes = _Lanes(length, tried=lanes.tried, extra_at=5)
        return True

    def _lanes_wanted(self) -> int:
        lanes = self._lanes
        is_due = lanes.extra is None and len(lanes.ends) >= lanes.extra_at
        return lanes.length + is_due

    def _left_lane(self, call: Sent, now_s: float) -> None:
        lanes = self._lanes
        if call is lanes.extra:
            lanes.extra, lanes.extras_taken = None, lanes.extras_taken + 1
            lanes.extra_at = len(lanes.ends) + _EXTRA_EVERY
        lanes.ends.append(now_s)
        if lanes.extras_taken > max(2, lanes.extras):
            self._leave_lanes(now_s)
        elif lanes.extras >= _EXTRAS:
            rate = supply_record.departures(Kind.CONCURRENCY, lanes.ends, self._terms.tolerance)
            if rate is not None:
                self._rate = rate
                self.stop("the limit is known")

    def _refused_lane(self, call: Sent, next_s: float) -> None:
        lanes = self._lanes
        if call is lanes.extra:
            lanes.extra, lanes.extras = None, lanes.extras + 1
            lanes.extra_at = len(lanes.ends) + _EXTRA_EVERY
            return
        lanes.wrong += 1
        self._next_s = next_s
        if lanes.wrong > 1:
            self._leave_lanes(next_s)

    def _leave_lanes(self, now_s: float) -> None:
        """It was not the calls under way: back to the bracket, from a new start."""
        self._lanes = _Lanes(tried=self._lanes.tried)
        self._mode = _Mode.BRACKET
        self._pace = min(self._bracket.next(), self._pace_max)
        self._segment_s = self._segment_from_s = now_s
        self._next_s = now_s + 1 / self._pace

    def _settle_bracket(self) -> None:
        lower, upper = self._bracket.lower * MINUTE_S, self._bracket.upper * MINUTE_S
        self._rate = Rate(Kind.SMOOTHED, lower + 0.3 * (upper - lower), lower, upper)
        self.stop("the limit is known")

    def _watch_queue(self, now_s: float) -> None:
        """Looks whether answers take longer and longer."""
        if not self._base_s or self._is_slow_known or len(self._times) < _BASE_CALLS:
            return
        if median(self._times) > _SLOWER * self._base_s + _SLOWER_S and self._in_flight > 2:
            self._mode = _Mode.QUEUE
            self._queue_length = min(max(self._in_flight, 4), _QUEUE_MAX)
            self._queue_ends = [now_s]
            self._next_s = now_s

    def _left_queue(self, now_s: float) -> None:
        self._queue_ends.append(now_s)
        rate = supply_record.departures(Kind.QUEUE, self._queue_ends, self._terms.tolerance)
        if rate is None:
            return
        self._is_slow_known = True
        if rate.estimate >= 0.95 * self._pace_max * MINUTE_S:
            # Slower, but it carries what was sent: not what limits.
            self._mode = _Mode.CLIMB
            self._climbed_s = self._next_s = now_s
            return
        self._rate = rate
        self.stop("the limit is known")

    def _best(self, now_s: float) -> Rate:
        """What may be said of a measurement that ended before it knew."""
        record, bracket = self.record, self._bracket
        most = float(record.most_in_a_minute())
        elapsed_s = now_s - self._began_s
        lower = most if elapsed_s >= MINUTE_S else 0.0
        if self._mode is not _Mode.QUEUE and self._queue_ends and len(self._queue_ends) > 10:
            span_s = self._queue_ends[-1] - self._queue_ends[0]
            rate = (len(self._queue_ends) - 1) * MINUTE_S / span_s
            return Rate(Kind.QUEUE, rate, 0.85 * rate, 1.15 * rate)
        if bracket.lower:
            lower, upper = bracket.lower * MINUTE_S, bracket.upper * MINUTE_S
            return Rate(Kind.SMOOTHED, lower, lower, upper)
        if record.episodes:
            shut = record.episodes[-1]
            if shut.recovered_s is None and now_s - shut.started_s > MINUTE_S + 5:
                return Rate(Kind.EXHAUSTED, 0.0, 0.0, most)
            return Rate(Kind.UNKNOWN, lower, 0.0, max(most, shut.pace * MINUTE_S))
        return Rate(Kind.NONE, lower, lower, None)
