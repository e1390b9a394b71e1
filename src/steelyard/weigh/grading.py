"""Grades answers where a grader can be abandoned: slow, raising, hanging, or lying about its type.

A grader runs in a thread of its own, one that does not keep the process from ending. When its time
is up the item is unscored and nobody waits for the thread any more; it may go on by itself, since
no thread can be killed, so a weighing that has left ``HUNG_MAX`` of them behind stops for it. What
runs foreign code or may take long starts a process, bounds it and kills it (``sandbox``); a regular
expression that holds the interpreter's lock is refused before it is searched (``patterns``).
Shipped graders that cannot take long over a short answer are called as they are.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from types import TracebackType

from steelyard.domain.tasks import Grade, Sample
from steelyard.weigh.graders.base import Grader, Parameters, grade_answer
from steelyard.weigh.tries import REASON_CHARS_MAX

TIME_MAX_S = 120.0
"""Longer than any shipped grader may take: the sandbox ends a run of tests after 15 s."""
HUNG_MAX = 3
_QUICK = frozenset({"choice", "contains", "exact", "label"})
"""Shipped graders that take a few microseconds for a short answer: less than a thread's turn."""
_QUICK_CHARS_MAX = 4_096
_OURS = "steelyard.weigh.graders."

Tell = Callable[[object], bool]
"""Takes an outcome; False if nobody waits for it any more."""


class Grading:
    """One grader at work, for one weighing."""

    def __init__(
        self, grader: Grader, parameters: Parameters, time_max_s: float = TIME_MAX_S
    ) -> None:
        self._grader = grader
        self._parameters = parameters
        self._time_max_s = time_max_s
        self._is_quick = grader.name in _QUICK and grader.grade.__module__.startswith(_OURS)
        self._idle: list[_Hand] = []
        self.n_hung = 0
        """Graders that were left behind."""

    def fits(self, sample: Sample) -> str:
        """Why a sample cannot be graded; empty when it can."""
        return self._grader.fits(sample)

    @property
    def is_stuck(self) -> bool:
        """Whether it hung so often that asking for more answers is money thrown away."""
        return self.n_hung >= HUNG_MAX

    async def grade(self, answer: str, sample: Sample) -> Grade:
        """The grade; unscored with the reason for whatever the grader does but grade."""
        if self.is_stuck:
            return Grade.unscored("the grader hung too often")
        if self._is_quick and len(answer) <= _QUICK_CHARS_MAX:
            caught = _Caught()
            with caught:
                caught.value = grade_answer(self._grader, answer, sample, self._parameters)
            outcome = caught.value
        else:
            try:
                async with asyncio.timeout(self._time_max_s):
                    outcome = await self._in_thread(answer, sample)
            except TimeoutError:
                self.n_hung += 1
                return Grade.unscored(f"the grader took longer than {self._time_max_s:g} s")
        if isinstance(outcome, Grade):
            return outcome
        kind = type(outcome).__name__
        if isinstance(outcome, BaseException):
            return Grade.unscored(f"the grader raised {kind}: {outcome}"[:REASON_CHARS_MAX])
        return Grade.unscored(f"the grader gave a {kind}, not a grade")

    async def _in_thread(self, answer: str, sample: Sample) -> object:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[object] = loop.create_future()
        # The context says whether code may run without a sandbox.
        call = partial(
            copy_context().run, grade_answer, self._grader, answer, sample, self._parameters
        )
        hand = self._idle.pop() if self._idle else _Hand()
        hand.give(call, partial(_tell, loop, done))
        outcome = await done
        self._idle.append(hand)  # not one that was left behind: that never comes here
        return outcome

    def close(self) -> None:
        """Ends the threads that wait for work."""
        while self._idle:
            self._idle.pop().give(None, _nobody)


class _Hand:
    """A thread that does one thing after another; it never keeps the process from ending.

    Threads are kept, since starting one holds up the loop until it runs.
    """

    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[Callable[[], object] | None, Tell]] = SimpleQueue()
        threading.Thread(target=self._run, name="grader", daemon=True).start()

    def give(self, call: Callable[[], object] | None, tell: Tell) -> None:
        """Gives it something to do, or None to end it."""
        self._work.put((call, tell))

    def _run(self) -> None:
        while True:
            call, tell = self._work.get()
            if call is None:
                return
            caught = _Caught()
            with caught:
                caught.value = call()
            if not tell(caught.value):
                return


def _tell(loop: asyncio.AbstractEventLoop, done: asyncio.Future[object], outcome: object) -> bool:
    """Hands an outcome over to the loop; False if nobody waits for it any more."""

    def put() -> None:
        if not done.done():
            done.set_result(outcome)

    if done.cancelled():
        return False
    try:
        loop.call_soon_threadsafe(put)
    except RuntimeError:  # the loop is closed
        return False
    return True


def _nobody(outcome: object) -> bool:
    return False


class _Caught:
    """Keeps what was raised as a value: a grader of the user's own may raise anything."""

    value: object = None

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is not None:
            self.value = error.with_traceback(None)
        return True
