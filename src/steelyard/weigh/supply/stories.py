"""Which limiters would have answered as this one did: all usual kinds are tried on the record.

A *story* is a kind of limiter with the span of its parameters that fits: it would have accepted
what was accepted and refused what was refused, but for what a network's jitter puts on the wrong
side, and for the few calls that leaky limiters let pass. What is not ruled out stays: the bounds
that are told are those of all stories left, so they are as wide as what was seen leaves open.

- *Windows* that count by the clock, or over the last so many seconds exactly or weighed (as
  Cloudflare's do): of the usual spans the shortest that fits. A longer one is ruled out by a second
  opening; an opening that nothing else explains is taken for that of the shortest.
- *Buckets*: calls fill a bucket of any size that empties evenly (so do GCRA and leaky buckets).
  Between two refusals no more was let in than had been freed, and no less could have been.

Pure. Called by ``finder`` at refusals and recoveries, and at the end.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from steelyard.weigh.supply.record import LONG_S, MINUTE_S, Kind, Rate, Record, Trace

SPANS_S = (1, 2, 3, 5, 6, 10, 12, 15, 20, 30, 60, 120, 300, 600, 900, 3600)
"""Of windows, as vendors have them."""
_PHASES = 40
_COUNTER_SPANS_S = (1.0, 10.0, 60.0)
_COUNTER_PHASES = 20
_SIZES = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 30.0, math.inf)
_LUMP_S, _LUMPY_SIZES = 1.0, (15.0, 30.0, math.inf)
_STEPS = 9
_MIXED = 0.01
"""Share of a window's calls that nobody knows where another limiter refuses, too."""
_LEAKY_MIN = 6
"""Refusals before leaks are thought of."""
_FEW = 10
"""Full windows among which a leak is no rule."""
_SHORT_SHUT_MIN = 5
_EDGE_FROM = 10
_LONG_OFF = 0.007
"""Share of a long window's calls that may belong to its neighbour: its edges are seen once."""
_ENDS = 3
"""Calls at the ends of a count that nobody knows on which side they are."""
_ROUNDED_S = 2.0
"""How much longer a vendor may ask to wait than it must."""


class Story(NamedTuple):
    """A kind of limiter that fits, with what it comes to."""

    kind: Kind
    lower: float
    """Calls per minute, as ``upper``."""
    upper: float
    span_s: float = 0.0
    """Of a window."""


def stories(record: Record, *, is_last: bool = False) -> list[Story]:
    """What fits; empty where nothing does, or little was seen.

    ``is_last``: nothing more will be seen, so one full window must do.
    """
    trace = Trace(record)
    trace.shut_min = 1 if is_last else 2
    if not trace.episodes:
        return []
    # Only where nothing that counts exactly fits, leaks are thought of: they fit nearly all.
    found = _fitting(trace) or _lumpy(trace) or _second(record, trace.shut_min)
    if not found and len(trace.episodes) >= _LEAKY_MIN:
        found = _fitting(trace.leaking())
    return found


def _lumpy(trace: Trace) -> list[Story]:
    """Large buckets that are refilled at intervals: at any time off by what an interval brings."""
    exactly_s = trace.jitter_s
    trace.jitter_s = _LUMP_S
    found = list(buckets(trace, _LUMPY_SIZES))
    trace.jitter_s = exactly_s
    return found


def _second(record: Record, shut_min: int) -> list[Story]:
    """Windows behind a limiter of seconds: the longer refusals are theirs, and what they let in."""
    trace = Trace(record).lasting()
    trace.shut_min = shut_min
    if not trace.episodes or len(trace.episodes) == len(record.episodes):
        return []
    found = _windows(trace, [span_s for span_s in SPANS_S if span_s > LONG_S])
    return [s._replace(lower=(1 - _MIXED) * s.lower, upper=(1 + _MIXED) * s.upper) for s in found]


def is_of_minutes(found: Sequence[Story]) -> bool:
    """Whether all that fits counts whole minutes, or longer."""
    return all(story.span_s >= MINUTE_S for story in found)


def _fitting(trace: Trace) -> list[Story]:
    found = [*buckets(trace), *_windows(trace, SPANS_S)]
    if not found:
        weighed = (counter(trace, span_s) for span_s in _COUNTER_SPANS_S)
        found += [story for story in weighed if story is not None][:1]
    return found


def _windows(trace: Trace, spans_s: Sequence[int]) -> list[Story]:
    found = []
    for family in (fixed, anchored, sliding):
        fits = (family(trace, float(span_s)) for span_s in spans_s)
        story = next((story for story in fits if story is not None), None)
        found += [story] if story is not None else []
    return found


def fixed(trace: Trace, span_s: float) -> Story | None:
    """So many calls in each window of the clock."""
    best: tuple[float, int, float] | None = None
    for phase_s in _phases(trace, span_s):
        fit = _fixed_at(trace, span_s, phase_s)
        if fit is not None and (best is None or fit[0] < best[0]):
            best = fit
    if best is None:
        return None
    return _window(best, span_s)


def _phases(trace: Trace, span_s: float) -> Iterable[float]:
    """Where windows may begin: between the last refusal and what was accepted after a long wait."""
    if span_s > LONG_S:
        longest = max(trace.episodes, key=lambda e: e.blocked_s, default=None)
        if longest is None or longest.recovered_s is None or longest.blocked_s < 1:
            return ()
        from_s, until_s = longest.refused_last_s, longest.recovered_s
        return [until_s - part / 16 * (until_s - from_s) for part in range(16)]
    return [span_s * step / _PHASES for step in range(_PHASES)]


def _fixed_at(trace: Trace, span_s: float, phase_s: float) -> tuple[float, int, float] | None:
    """How badly it fits, the limit, and how much more it may be."""

    def window_of(at_s: float) -> int:
        return math.floor((at_s - phase_s) / span_s)

    shut = {window_of(at_s) for at_s in trace.refused}
    if len(shut) < trace.shut_min:
        return None
    first, last = window_of(trace.accepted[0]), window_of(trace.accepted[-1])
    starts = [phase_s + number * span_s for number in range(first, last + 1)]
    return _counted(trace, span_s, starts)


def _counted(
    trace: Trace, span_s: float, starts: Sequence[float]
) -> tuple[float, int, float] | None:
    """How badly windows that begin then fit, the limit, and how much more it may be."""
    late_s = min(trace.jitter_s, span_s / 20)
    if trace.empty_s > span_s + 2 * late_s:
        return None  # a whole window would have let nothing in
    before, shut = [], set()
    for at_s in trace.refused:
        place = bisect_right(starts, at_s - late_s) - 1
        if place >= 0:
            shut.add(place)
            is_within = at_s - late_s < starts[place] + span_s
            before.append(trace.count(starts[place] - late_s, at_s) if is_within else 0)
    for at_s, wait_s in trace.told:
        place = bisect_right(starts, at_s - late_s) - 1
        if place >= 0 and abs(starts[place] + span_s - at_s - wait_s) > _ROUNDED_S:
            return None
    if span_s <= LONG_S and len(shut) < _SHORT_SHUT_MIN:
        return None  # a few refusals fit many short windows
    is_sparse = span_s > LONG_S and 3 * len(shut) < len(starts) - min(shut, default=0)
    if not before or is_sparse:
        return None  # more than there is was asked for: most windows must have shut
    before.sort()
    counts = [trace.count(at_s + late_s, at_s + span_s - late_s) for at_s in starts]

    def misfit(limit: int) -> int:
        return sum(c - limit for c in counts if c > limit) + sum(
            limit - k for k in before if k < limit
        )

    least = before[len(before) // 20]
    limit = min((least, least + 1), key=misfit)
    more = [count - limit for count in counts if count > limit]
    full = sum(count >= limit for count in counts)
    early = sum(k < limit for k in before)
    is_off = misfit(limit) > trace.odd or early > 1 + len(before) // 10
    if least < 1 or is_off or max(more, default=0) > 1 + 0.02 * limit + trace.leaks_max:
        return None
    return misfit(limit), limit, sum(more) / full if full > _FEW else max(more, default=0)


def _window(fit: tuple[float, int, float], span_s: float) -> Story:
    """The story of a window; a call at its edge may belong to its neighbour."""
    _, limit, more = fit
    off = 0.003 * limit if limit < _EDGE_FROM else min(1.0, 0.05 * limit)
    less = off if span_s < MINUTE_S else 0.0
    if span_s > MINUTE_S:
        less = off = max(off, _LONG_OFF * limit)
    each = MINUTE_S / span_s
    return Story(Kind.FIXED_WINDOW, (limit - less) * each, (limit + max(more, off)) * each, span_s)


def anchored(trace: Trace, span_s: float) -> Story | None:
    """So many calls in a window that begins with the first call after the last one's end."""
    longest = max(trace.episodes, key=lambda e: e.blocked_s)
    if longest.recovered_s is None or longest.blocked_s < 1 or len(trace.episodes) < 3:
        return None
    starts = [longest.recovered_s]
    while (place := bisect_left(trace.accepted, starts[-1] + span_s)) < len(trace.accepted):
        starts.append(trace.accepted[place])
    fit = _counted(trace, span_s, starts) if len(starts) > 2 else None
    if fit is None:
        return None
    return _window(fit, span_s)


def sliding(trace: Trace, span_s: float) -> Story | None:
    """So many calls in any span."""
    accepted = trace.accepted
    if len(trace.episodes) < 2 and trace.longest_s < MINUTE_S:
        return None
    if trace.refused[-1] - accepted[0] < span_s or len(accepted) < 3:
        return None  # nothing has left the window yet: any opening would be early
    late_s = trace.jitter_s
    for at_s, wait_s in trace.told:
        oldest = bisect_right(accepted, at_s - span_s + late_s)
        opens_s = accepted[oldest] + span_s - at_s if oldest < len(accepted) else span_s
        if wait_s > opens_s + _ROUNDED_S:
            return None
    before = sorted(trace.count(at_s - span_s - late_s, at_s) for at_s in trace.refused)
    limit = before[len(before) // 20]
    if limit < 2:
        return None
    over = [
        index - bisect_right(accepted, at_s - span_s + late_s) + 1 - limit
        for index, at_s in enumerate(accepted)
    ]
    more = [each for each in over if each > 0]
    if len(more) > trace.odd or max(more, default=0) > 1 + 0.02 * limit:
        return None
    each = MINUTE_S / span_s
    upper = max(limit + max(more, default=0), 1.003 * limit)
    return Story(Kind.SLIDING_WINDOW, limit * each, upper * each, span_s)


def counter(trace: Trace, span_s: float) -> Story | None:
    """This window's calls and what is left of the last one's, weighed by time."""
    if len(trace.episodes) < 4 or trace.refused[-1] - trace.refused[0] < 1.2 * span_s:
        return None
    near = set(trace.accepted[::20])
    for at_s in trace.refused:
        near.update(trace.accepted[max(0, bisect_left(trace.accepted, at_s) - 1) :][:2])
    best: tuple[float, float, float] | None = None
    for step in range(_COUNTER_PHASES):
        phase_s = span_s * step / _COUNTER_PHASES
        at_refusals = sorted(_weighed(trace, at_s, span_s, phase_s) for at_s in trace.refused)
        least = at_refusals[len(at_refusals) // 20]
        at_others = sorted(_weighed(trace, at_s, span_s, phase_s) for at_s in near)
        most = at_others[-1 - len(at_others) // 50]
        if least >= 2 and (best is None or most / least < best[0]):
            best = most / least, least, most
    if best is None or best[0] > 1.02:
        return None
    _, least, most = best
    each = MINUTE_S / span_s
    lower, upper = min(least, most), max(least, most)
    return Story(Kind.SLIDING_WINDOW, 0.98 * lower * each, 1.02 * upper * each, span_s)


def _weighed(trace: Trace, at_s: float, span_s: float, phase_s: float) -> float:
    began_s = phase_s + math.floor((at_s - phase_s) / span_s) * span_s
    left = 1 - (at_s - began_s) / span_s
    return trace.count(began_s - span_s, began_s) * left + trace.count(began_s, at_s)


def buckets(trace: Trace, sizes: Sequence[float] = _SIZES) -> Iterable[Story]:
    """Buckets of all sizes that fit, each with the rates at which it does."""
    span_s = trace.refused[-1] - trace.refused[0]
    if span_s <= 0:
        return
    count = trace.count(trace.refused[0], trace.refused[-1])
    if count < 1 or trace.told_s * count > 4 * span_s:
        return  # a bucket asks to wait for one call's worth, not for many
    each_s = count / span_s
    kind = Kind.SMOOTHED
    if any(e.blocked_s > LONG_S for e in trace.episodes):
        kind = Kind.BUCKET
    smaller = sizes[0]
    for size in sizes:
        # Any size between two neighbours: what was accepted fits the larger, what was refused the
        # smaller one.
        lower = _edge(trace, size, each_s, is_lower=True)
        upper = _edge(trace, smaller, each_s, is_lower=False)
        smaller = size
        if lower is not None and upper is not None and lower <= upper:
            # What counts by the second looks much the same, but for a call or two at the ends.
            off = _ENDS / count
            yield Story(kind, lower * MINUTE_S * (1 - off), upper * MINUTE_S * (1 + off))


def _edge(trace: Trace, size: float, each_s: float, *, is_lower: bool) -> float | None:
    """The smallest rate that lets in what was accepted, or the largest that refuses the rest."""
    fits = _accepts if is_lower else _refuses
    low, high = each_s / 2, each_s * 2
    if not fits(trace, size, high if is_lower else low):
        return None
    for _ in range(_STEPS):
        middle = math.sqrt(low * high)
        if fits(trace, size, middle) == is_lower:
            high = middle
        else:
            low = middle
    return low if is_lower else high


def _accepts(trace: Trace, size: float, each_s: float) -> bool:
    level, last_s, wrong = size, trace.calls[0][0], 0
    early = each_s * trace.jitter_s
    for at_s, is_accepted in trace.calls:
        level += (at_s - last_s) * each_s
        last_s = at_s
        if not is_accepted:
            level = min(level, 1.0 + early)
        elif min(size, level + early) >= 1:
            level = min(size, level) - 1  # what came early is owed
        else:
            wrong += 1
            if wrong > trace.leaks_max / 2:
                return False
            level = min(size, level)
    return True


def _refuses(trace: Trace, size: float, each_s: float) -> bool:
    level, last_s, lucky = 0.0, trace.calls[0][0], 0
    late = each_s * trace.jitter_s
    for at_s, is_accepted in trace.calls:
        level += (at_s - last_s) * each_s
        last_s = at_s
        if is_accepted:
            level = max(min(size, level) - 1, 0.0)
        elif min(size, level) >= 1:
            # Jitter explains one refusal, and not most of them.
            lucky += 1
            if min(size, level - late) >= 1 or lucky > 1 + len(trace.refused) // 2:
                return False
    return True


def hull(found: Sequence[Story]) -> Rate | None:
    """All that the stories leave open, as one rate; None without any."""
    if not found:
        return None
    lower, upper = min(s.lower for s in found), max(s.upper for s in found)
    kinds = [s.kind for s in found]
    kind = next((k for k in (Kind.SMOOTHED, Kind.BUCKET) if k in kinds), kinds[0])
    return Rate(kind, (lower + upper) / 2, lower, upper)
