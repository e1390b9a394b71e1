"""Work that somebody asked for: begun and left to itself, or refused while the same goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from steelyard.domain.errors import Overloaded

log = logging.getLogger(__name__)


class Begun:
    """Work that runs on by itself until its owner closes; true while there is any."""

    def __init__(self, what: str) -> None:
        """``what`` it is, such as ``a look``, for the log where it breaks off."""
        self._what = what
        self._tasks: set[asyncio.Task[Any]] = set()

    def __bool__(self) -> bool:
        """Whether something runs."""
        return bool(self._tasks)

    def begin(self, work: Coroutine[Any, Any, object]) -> None:
        """Has work go on by itself; an error that it ends with is in the log."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_ended)

    async def close(self) -> None:
        """Cancels what runs, and waits until it has ended."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _on_ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s broke off", self._what, exc_info=error)


@contextmanager
def alone(lock: Lock, refusal: str) -> Iterator[None]:
    """Holds a lock that nobody waits for.

    Raises:
        Overloaded: it is held; says ``refusal``.
    """
    if not lock.acquire(blocking=False):
        raise Overloaded(refusal)
    try:
        yield
    finally:
        lock.release()
