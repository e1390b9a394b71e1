"""What all exchanges of one worker share. One instance per process, used from the loop's thread."""

from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path
from typing import Any

from steelyard.domain.errors import StoreUnavailable
from steelyard.gateway import snapshot
from steelyard.gateway.channels import Channels
from steelyard.gateway.health import Health
from steelyard.gateway.leases import LeaseBook
from steelyard.gateway.link import Link
from steelyard.gateway.metrics import Counters
from steelyard.gateway.view import View
from steelyard.journal.segment import Journal
from steelyard.wire.timers import TimerWheel

REVOKED_HOLDS_S = 600.0
"""How long a revocation heard over the link outlasts snapshots: files read later may be older."""


class WorkerState:
    """The view in use, leases, journal, channels and counters of a worker."""

    def __init__(
        self,
        *,
        incarnation: int,
        journal: Journal,
        link: Link,
        workers: int,
        wheel: TimerWheel,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.incarnation = incarnation
        self.journal = journal
        self.link = link
        self.wheel = wheel
        self.clock = time.monotonic
        self.health = Health()
        self.counters = Counters()
        self.leases = LeaseBook(link, workers)
        self.channels = Channels(wheel, loop)
        self.sequence = itertools.count(1)
        self.revoked: frozenset[bytes] = frozenset()
        self._revoked_at_s: dict[bytes, float] = {}
        """Hashes heard of over the link, with when; monotonic."""
        self.is_background = False
        """Whether control runs background work that a foreground call should stop."""
        self.is_draining = False
        self._view: View | None = None

    @property
    def view(self) -> View:
        """The snapshot in use.

        Raises:
            StoreUnavailable: there is none yet.
        """
        if self._view is None:
            raise StoreUnavailable("The gateway has no configuration yet; try again in a moment.")
        return self._view

    @property
    def has_view(self) -> bool:
        """Whether there is a snapshot."""
        return self._view is not None

    def swap(self, view: View, revoked: list[bytes]) -> View | None:
        """Serves new calls from ``view``; calls under way keep the one they began with.

        Returns the view before, which is the caller's to close.
        """
        before, self._view = self._view, view
        since_s = self.clock() - REVOKED_HOLDS_S
        self._revoked_at_s = {h: at_s for h, at_s in self._revoked_at_s.items() if at_s > since_s}
        self.revoked = frozenset(revoked).union(self._revoked_at_s)
        self.counters.revision = view.revision
        self.channels.forget()
        return before

    def told(self, kind: str, fields: list[Any]) -> None:
        """Takes in what control says over the link, but for leases and snapshots."""
        if kind == "channels":
            self.health.told({name: (state, why) for name, (state, why) in fields[0].items()})
        elif kind == "base_urls":
            self.channels.told(fields[0])
        elif kind == "revoked":
            self._revoked_at_s.update(dict.fromkeys(fields[0], self.clock()))
            self.revoked = self.revoked | frozenset(fields[0])
        elif kind == "background":
            self.is_background = fields[0]
        elif kind == "trim":
            for lease in self.leases.of_scope(fields[0]):
                # While an answer is on its way its total would undo what is given back.
                if lease.currency and lease.lease_id and not lease.is_asking:
                    self.link.shrink(lease)

    def give_back(self) -> None:
        """Returns what idle leases do not use; called now and then."""
        if self.link.is_connected:
            for lease in self.leases.idle():
                self.link.shrink(lease)


def load_view(folder: Path) -> tuple[View, list[bytes]]:
    """View and revoked hashes from the snapshot's folder; may run in another thread.

    Raises:
        StoreUnavailable: a file is missing or damaged.
        SchemaMismatch: another version wrote it.
    """
    return View.load(folder), snapshot.load_revoked(folder)
