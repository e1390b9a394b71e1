"""One coarse timer wheel for all timeouts of a worker.

A proxy has several timeouts per call, and almost none of them ever fires. The event loop's own
timers cost a heap operation each; here a timeout that moves costs one attribute store:

    timer = wheel.after(30.0, on_timeout)      # once per connection
    timer.deadline = wheel.now + 30.0          # per chunk

The wheel looks at each timer when the slot it was put in comes up. If the deadline lies in the
future by then, the timer is put into a later slot; else its callback is called. Slots reach one
second ahead (`SLOTS` ticks), so a deadline that was moved to an *earlier* instant by assignment is
noticed at most about a second late; `Timer.at` moves it either way, exactly to the tick.

Used by `server` and `upstream`. All instants are seconds of the loop's monotonic clock.
"""

import asyncio
from collections.abc import Callable
from math import inf

SLOTS = 20
"""Ticks in one turn of the wheel; with the default tick of 50 ms it turns once a second."""


class Timer:
    """A deadline that may move, and the callback for when it passes.

    After it fired, `at` arms it again. A cancelled timer stays cancelled.
    """

    __slots__ = ("_callback", "_slot", "_wheel", "deadline", "due")

    def __init__(
        self, wheel: "TimerWheel", deadline: float, callback: Callable[[], object]
    ) -> None:
        self._wheel = wheel
        self._callback: Callable[[], object] | None = callback
        self._slot = -1
        self.deadline = deadline
        """Instant at which the callback is called; assign freely to move it later."""
        self.due = inf
        """Instant at which the wheel looks at this timer next; infinite if it is not armed."""

    def at(self, deadline: float) -> None:
        """Moves the deadline, earlier or later, and arms the timer if it had fired."""
        self.deadline = deadline
        if self._slot < 0 or deadline < self.due:
            self._wheel._insert(self)

    def cancel(self) -> None:
        """Makes sure the callback is not called (any more); may be called twice."""
        self._callback = None


class TimerWheel:
    """Calls back when deadlines pass, up to one tick late and never early.

    Args:
        loop: Event loop that the wheel ticks on.
        tick_s: Seconds between two ticks.
    """

    __slots__ = ("_entries", "_handle", "_index", "_loop", "_slots", "_tick_at", "now", "tick_s")

    def __init__(self, loop: asyncio.AbstractEventLoop, tick_s: float = 0.05) -> None:
        self._loop = loop
        self.tick_s = tick_s
        self.now = loop.time()
        """Monotonic seconds at the last tick; a cheap clock, at most one tick old while it runs."""
        self._slots: list[list[Timer]] = [[] for _ in range(SLOTS)]
        self._index = 0
        self._entries = 0
        self._tick_at = self.now
        self._handle: asyncio.TimerHandle | None = None

    def after(self, delay_s: float, callback: Callable[[], object]) -> Timer:
        """Returns a timer that calls `callback` in `delay_s` seconds, from inside the loop."""
        timer = Timer(self, self._loop.time() + delay_s, callback)
        self._insert(timer)
        return timer

    def close(self) -> None:
        """Stops ticking and forgets all timers; none of them will call back."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        for slot in self._slots:
            for timer in slot:
                timer.cancel()
            slot.clear()
        self._entries = 0

    def _insert(self, timer: Timer) -> None:
        if self._handle is None:
            self.now = self._loop.time()
            self._tick_at = self.now + self.tick_s
            self._handle = self._loop.call_at(self._tick_at, self._on_tick)
        # Slot k ahead is looked at at _tick_at + (k - 1) * tick_s: the first one at or after
        # the deadline, but never further than a turn, and never the slot being emptied.
        wait_s = timer.deadline - self._tick_at
        steps = SLOTS - 1
        if wait_s <= 0.0:
            steps = 1
        elif wait_s < (SLOTS - 2) * self.tick_s:
            steps = 2 + int(wait_s / self.tick_s)
        timer._slot = (self._index + steps) % SLOTS
        timer.due = self._tick_at + (steps - 1) * self.tick_s
        self._slots[timer._slot].append(timer)
        self._entries += 1

    def _on_tick(self) -> None:
        self.now = now = self._loop.time()
        try:
            # A loop that was blocked for several ticks catches up, but turns at most once.
            for _ in range(SLOTS):
                if self._tick_at > now:
                    break
                self._index = (self._index + 1) % SLOTS
                self._tick_at += self.tick_s
                self._empty(self._slots[self._index])
            self._tick_at = max(self._tick_at, now)
        finally:
            # Also after a callback raised: what is left in its slot is served a turn later.
            if self._handle is not None:
                self._handle = None
                if self._entries:
                    self._handle = self._loop.call_at(self._tick_at, self._on_tick)

    def _empty(self, slot: list[Timer]) -> None:
        index = self._index
        while slot:
            timer = slot.pop()
            self._entries -= 1
            if timer._slot != index:
                continue  # moved to an earlier slot meanwhile; this is its shadow
            timer._slot = -1
            timer.due = inf
            callback = timer._callback
            if callback is None:
                continue
            if timer.deadline > self.now:
                self._insert(timer)
            else:
                callback()
