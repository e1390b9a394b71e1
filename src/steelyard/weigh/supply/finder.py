"""How much an offer gives: finds a limit of calls per minute that nobody stated, with few calls.

No I/O and no clock in here. Whoever drives a ``Finder`` asks it when the next call is due, says
when one is sent and how it ended, and stops when nothing is due any more::

    while (due_s := finder.due_s(now_s)) is not None:
        ...  # wait until then or until an answer comes; send; tell

It climbs to the pace that it may ask for, and stops at the first sign of too much. What follows
depends on how the offer recovers. After refusals a little more is asked for than there is, and what
limiters would have answered as this one did (``stories``) is asked until they agree. One that
refuses nobody and gets slower is a queue: what leaves it is counted while it is kept short.

Never: more calls in any minute than the stated terms, a call while a refusal's wait lasts, a call
that money, count or time do not allow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from steelyard.weigh.supply import modes
from steelyard.weigh.supply import record as supply_record
from steelyard.weigh.supply.modes import OVER, Lanes, Mode, Pulse
from steelyard.weigh.supply.record import LONG_S, MINUTE_S, End, Episode, Kind, Rate, Record, Sent
from steelyard.weigh.supply.stories import Story, hull, is_of_minutes, stories
from steelyard.weigh.supply.terms import Found, Reply, State, Terms

__all__ = ["Finder", "Found", "Reply", "State", "Terms"]

_CLIMB_EVERY_S = 5.0
"""The pace doubles so often on the way up."""
_CLIMB_FROM = 32
"""The climb begins at this part of the highest pace."""
_HOLD_ENOUGH_S = 120.0
"""At the demanded pace: any two minutes hold a whole clock minute."""
_HOLD_TERMS_S, _HOLD_LONG_S, _PATIENT_S = 150.0, 450.0, 600.0
"""Who has ten minutes sees a window of five full."""
_MARGIN = 1.05
"""A demand is met by this much more than itself, so that nothing hinges on a single call."""
_WAIT_FIRST_S = 0.5
_WAIT_MAX_S = 2.0
_WAITS_S = (2.0, 0.5, 1.0)
"""After refusals in turn: what has come together by then tells a large bucket from a small one."""
_RETRY_AFTER_MAX_S = 90.0
_SEGMENT_S = 10.0
"""A pace held for so long without a refusal counts as carried, and rises."""
_SEGMENT_CALLS = 15
_WEIGH_EVERY_S = 4.0
_NEAR, _NEAR_ENOUGH = 1.05, 1.1
"""Upper over lower bound at which it ends; after a while more is borne."""
_MEAN_AFTER_S = 120.0
_FAILURES_MAX = 5
_NO_MORE = "the terms allow no more"


class Finder:
    """One measurement of one offer."""

    def __init__(
        self, terms: Terms, now_s: float, call_pico_max: int = 0, before: Sequence[float] = ()
    ) -> None:
        """``call_pico_max``: the most that one call can cost; ``before``: calls sent just before.

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
        self._began_s = self._climbed_s = self._next_s = now_s
        self._top_s: float | None = None
        """When the highest pace was reached."""
        self._mode = Mode.CLIMB
        self._why = ""
        self._rate: Rate | None = None
        self._wait_s = _WAIT_FIRST_S
        self._waits_for: Sent | None = None
        self._stories: list[Story] = []
        """What limiters fit what was seen, when that was last asked."""
        self._weighed_s = -math.inf
        self._unproved: Rate | None = None  # it seems to be that, but was not carried for long
        self._segment_s = now_s
        """Where the running segment of an even pace begins."""
        self._lanes = Lanes()
        self._pulse = Pulse()
        self._failures = 0
        self._in_flight = 0
        self.paid_pico = 0
        self.record = Record(before)

    @property
    def in_flight(self) -> int:
        """Calls under way."""
        return self._in_flight

    @property
    def doing(self) -> str:
        """What it does now, in a word."""
        return self._mode.value

    def due_s(self, now_s: float) -> float | None:
        """When the next call is due; infinity if an answer must come first; None at the end."""
        if not self._is_over(now_s):
            self._climb(now_s)
            self._hold(now_s)
        return None if self.doing == Mode.DONE else self._due_s()

    def _due_s(self) -> float:
        if self._mode is Mode.SHUT and self._waits_for is not None:
            return math.inf
        room = {Mode.QUEUE: self._pulse.length, Mode.LANES: self._lanes.wanted()}
        if self._in_flight >= room.get(self._mode, self._pace_max * MINUTE_S):
            return math.inf
        return max(self._next_s, self.record.room_from_s(self._terms.requests_max))

    def sent(self, now_s: float) -> Sent:
        """Takes note that a call is sent now; its end is told with what this returns."""
        call = Sent(now_s, self._pace)
        self.record.calls.append(call)
        self._in_flight += 1
        if self._mode is Mode.SHUT:
            self._waits_for = call
        elif self._mode is Mode.LANES:
            if self._in_flight > self._lanes.length:
                self._lanes.extra = call
            self._next_s = now_s
        else:  # evenly, and no burst to make up for a driver that was late
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
        if self._mode is not Mode.DONE:
            self._mode, self._why = Mode.DONE, why

    def found(self, now_s: float) -> Found:
        """What is known by now."""
        record = self.record
        span = self._began_s, now_s
        rate = self._rate or modes.known(record, self._likely(), self._pulse, span)
        times, base_s = record.times_s()[-3 * modes.BASE_CALLS :], self._pulse.base_s
        slower = median(times) / base_s if times and base_s else 1.0
        ends = [c.end for c in record.calls]
        is_rate = rate.kind in (Kind.BUCKET, Kind.SMOOTHED)
        return Found(
            modes.judged(rate, self._terms, at_terms=self._why == _NO_MORE),
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

    def _likely(self) -> Rate | None:
        """What may be said of a limit that was met, but is not known for sure."""
        if self._lanes.length and (rate := self._lanes.rate(math.inf)) is not None:
            return rate
        return modes.likely(self.record)

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
        return self._mode is Mode.DONE

    def _climb(self, now_s: float) -> None:
        if self._mode is not Mode.CLIMB or self._top_s is not None:
            return
        # A few answers first: how quick the offer is with little to do.
        is_based = self._pulse.base_s > 0 or self._pace * 2 < 1
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
        if self._mode is Mode.CLIMB and self._top_s is not None:
            self._hold_top(now_s, now_s - self._top_s)
        elif self._mode is Mode.PRESS:
            held_s = now_s - self._segment_s
            if (
                held_s >= _SEGMENT_S
                and len(self.record.accepted(self._segment_s)) >= _SEGMENT_CALLS
            ):
                self._carried(now_s)

    def _hold_top(self, now_s: float, held_s: float) -> None:
        terms = self._terms
        carried = len(self.record.accepted(now_s - MINUTE_S - 5))
        needed = terms.enough or terms.requests_max
        most_s = _HOLD_ENOUGH_S if terms.enough else _HOLD_TERMS_S
        if not terms.enough and terms.seconds_max >= _PATIENT_S:
            most_s = _HOLD_LONG_S
        if held_s < most_s or self._in_flight > max(4.0, 0.1 * needed):
            return
        if carried >= min(needed, 0.98 * terms.requests_max):
            lower = float(self.record.most_in_a_minute())
            self._rate = Rate(Kind.NONE, min(self._pace_max * MINUTE_S, lower), lower, None)
            is_enough = terms.enough and lower >= terms.enough
            self.stop("carried what was asked for" if is_enough else _NO_MORE)

    def _taken(self, call: Sent, now_s: float) -> None:
        self._failures = 0
        self._pulse.take(call.time_s)
        if self._mode is Mode.DONE:
            return
        if call is self._waits_for:
            self._recovered(call, now_s)
        elif self._mode is Mode.QUEUE:
            self._left_queue(now_s)
        elif self._mode is Mode.LANES:
            self._left_lane(call, now_s)
        elif self._mode is not Mode.SHUT and self._pulse.has_slowed(self._in_flight):
            self._mode, self._next_s = Mode.QUEUE, now_s
            self._pulse.queue(self._in_flight, now_s)

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
        if self._mode is Mode.DONE:
            return
        if self._mode is Mode.LANES:
            self._refused_lane(call, now_s + wait_s)
            return
        if self._mode is Mode.SHUT:
            last = episodes[-1]
            last.started_s = min(last.started_s, call.at_s)
            last.refused_last_s = max(last.refused_last_s, call.at_s)
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
        self._mode, self._waits_for = Mode.SHUT, None
        if len(episodes) > 1 and episodes[-2].blocked_s > LONG_S:
            self._wait_s = _WAIT_FIRST_S * 2
        else:
            self._wait_s = wait_s = max(wait_s, _WAITS_S[len(episodes) % len(_WAITS_S)])
        self._next_s = now_s + max(wait_s, self._wait_s)
        if any(e.blocked_s > MINUTE_S for e in episodes):  # the next opening may be minutes away
            self._weigh(now_s)

    def _recovered(self, call: Sent, now_s: float) -> None:
        """A call was accepted after refusals: on with what that says."""
        self._waits_for, self._wait_s = None, _WAIT_FIRST_S
        self.record.episodes[-1].recovered_s = call.at_s
        if self._suspect_lanes() or self._lanes.length:
            self._mode = Mode.LANES
        else:
            self._mode = Mode.PRESS
            self._segment_s = call.at_s
            self._weigh(now_s)
            self._pace = self._pressing(now_s)
        self._next_s = now_s + 1 / self._pace

    def _carried(self, now_s: float) -> None:
        """A pace was held without a refusal."""
        self._segment_s = now_s
        self._weigh(now_s)
        if self._mode is Mode.DONE:
            return
        episodes = self.record.episodes
        held_s = now_s - (episodes[-1].recovered_s or now_s)
        is_long = any(e.blocked_s > LONG_S for e in episodes)
        if self._pace >= self._pace_max and held_s > _HOLD_TERMS_S and not is_long:
            lower = float(self.record.most_in_a_minute())
            self._rate = Rate(Kind.SMOOTHED, lower, lower, None)
            self.stop(_NO_MORE)
        least = 0.0 if self._unproved else min(OVER * self._pace, self._pace_max)
        self._pace = max(self._pressing(now_s), least)

    def _pressing(self, now_s: float) -> float:
        fits, proves = self._unproved or hull(self._stories), self._unproved is not None
        pace = modes.pressing(self.record, fits, now_s, self._pace_max, proves=proves)
        return min(pace, self._pace_max)

    def _weigh(self, now_s: float) -> None:
        """Asks what limiters fit by now; ends the measurement if they agree."""
        record = self.record
        since_s = now_s - record.episodes[0].started_s
        if now_s < self._weighed_s + _WEIGH_EVERY_S:
            return
        self._weighed_s = now_s
        self._stories = stories(record)
        rate = hull(self._stories)
        if since_s < MINUTE_S + 2 and not (self._stories and is_of_minutes(self._stories)):
            return  # a limit on whole minutes would not have shown yet
        if rate is None and since_s > _MEAN_AFTER_S:
            rate = supply_record.pressed(record)
        near, self._unproved = _NEAR if since_s < _MEAN_AFTER_S else _NEAR_ENOUGH, None
        if rate is None or rate.upper is None or rate.upper > near * rate.lower:
            return
        if not self._stories or is_of_minutes(self._stories) or modes.is_proved(record, rate):
            self._settle(rate)
        else:
            self._unproved = rate

    def _suspect_lanes(self) -> bool:
        """Whether calls under way may be what is limited; that is then tried."""
        lanes, length = self._lanes, supply_record.crowd(self.record)
        if length is None or length in lanes.tried:
            return False
        lanes.tried.add(length)
        self._lanes = Lanes(length, tried=lanes.tried, extra_at=5)
        return True

    def _left_lane(self, call: Sent, now_s: float) -> None:
        self._lanes.left(call, now_s)
        if self._lanes.is_refuted:
            self._leave_lanes(now_s)
        elif (rate := self._lanes.rate(self._terms.tolerance)) is not None:
            self._settle(rate)

    def _refused_lane(self, call: Sent, next_s: float) -> None:
        if self._lanes.refused(call):
            return
        self._next_s = next_s
        if self._lanes.is_refuted:
            self._leave_lanes(next_s)

    def _leave_lanes(self, now_s: float) -> None:
        """It was not the calls under way: on with calls a minute, from a new start."""
        self._lanes = Lanes(tried=self._lanes.tried)
        self._mode, self._pace = Mode.PRESS, self._pressing(now_s)
        self._segment_s, self._next_s = now_s, now_s + 1 / self._pace

    def _settle(self, rate: Rate) -> None:
        self._rate = rate
        self.stop("the limit is known")

    def _left_queue(self, now_s: float) -> None:
        pulse = self._pulse
        pulse.ends.append(now_s)
        rate = supply_record.departures(Kind.QUEUE, pulse.ends, self._terms.tolerance)
        if rate is None:
            return
        if rate.estimate < 0.95 * self._pace_max * MINUTE_S:
            self._settle(rate)
            return
        # Slower, but it carries what was sent: not what limits.
        pulse.is_known = True
        self._mode = Mode.CLIMB
        self._climbed_s = self._next_s = now_s
