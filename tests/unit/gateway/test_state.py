import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.plain_core import MONEY, save, view
from steelyard.domain.errors import StoreUnavailable
from steelyard.gateway import snapshot
from steelyard.gateway.leases import Lease
from steelyard.gateway.link import Link
from steelyard.gateway.state import REVOKED_HOLDS_S, WorkerState, load_view
from steelyard.journal.segment import Journal
from steelyard.wire.timers import TimerWheel


class FakeLink:
    """A link that remembers what was given back, and answers nothing."""

    is_connected = True

    def __init__(self) -> None:
        self.shrunk: list[Lease] = []
        self.asked: list[Lease] = []

    def ask(self, lease: Lease, need: int, at_ns: int) -> None:
        lease.is_asking = True
        self.asked.append(lease)

    def shrink(self, lease: Lease) -> None:
        lease.granted = lease.used
        self.shrunk.append(lease)


def run(test: Callable[[WorkerState, FakeLink], None]) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        wheel, link = TimerWheel(loop), FakeLink()
        state = WorkerState(
            incarnation=1,
            journal=cast(Journal, None),
            link=cast(Link, link),
            workers=1,
            wheel=wheel,
            loop=loop,
        )
        test(state, link)
        state.channels.close()
        wheel.close()

    asyncio.run(scenario())


def lent(state: WorkerState, link: FakeLink) -> Lease:
    """A lease of 100 of which 5 are held."""
    state.leases.admit((MONEY,), (5, "CNY"), view().core.exchange, (0, 0.0))
    lease = link.asked[-1]
    lease.grant(1, 100, 2**62)
    state.leases.admit((MONEY,), (5, "CNY"), view().core.exchange, (0, 0.0))
    return lease


def test_before_the_first_snapshot_there_is_nothing_to_serve() -> None:
    def test(state: WorkerState, _: FakeLink) -> None:
        assert not state.has_view
        with pytest.raises(StoreUnavailable, match="no configuration yet"):
            _ = state.view
        made = view()
        state.swap(made, [b"h"])
        assert state.view is made
        assert state.revoked == {b"h"}
        assert state.counters.revision == 7

    run(test)


def test_control_is_listened_to() -> None:
    def test(state: WorkerState, link: FakeLink) -> None:
        state.told("channels", [{"c1": ["down", "crashed"]}])
        assert state.health.state("c1") == "down"
        state.told("base_urls", [{"c1": "http://x"}])
        assert state.channels.base_urls == {"c1": "http://x"}
        state.told("revoked", [[b"a"]])
        state.told("revoked", [[b"b"]])
        assert state.revoked == {b"a", b"b"}
        state.told("background", [True])
        assert state.is_background
        state.told("something new", [1])

    run(test)


def test_a_revocation_outlasts_snapshots_that_were_written_before_it() -> None:
    def test(state: WorkerState, link: FakeLink) -> None:
        now_s = 1000.0
        state.clock = lambda: now_s
        state.told("revoked", [[b"a"]])
        state.swap(view(), [b"h"])
        assert state.revoked == {b"a", b"h"}
        assert isinstance(state.revoked, frozenset)  # what the compiled form insists on
        now_s += REVOKED_HOLDS_S
        state.swap(view(), [])
        assert state.revoked == frozenset()

    run(test)


def test_unused_money_is_given_back_when_asked_for_and_when_idle() -> None:
    def test(state: WorkerState, link: FakeLink) -> None:
        lease = lent(state, link)
        state.told("trim", ["account:other"])
        assert link.shrunk == []
        lease.is_asking = True
        state.told("trim", ["account:acc_1"])
        assert link.shrunk == [], "an answer on its way would undo it"
        lease.is_asking = False
        state.told("trim", ["account:acc_1"])
        assert (link.shrunk, lease.granted) == ([lease], 5)
        lease.granted = 100
        for _ in range(2):
            state.give_back()
        assert len(link.shrunk) == 2
        lease.granted = 100
        link.is_connected = False
        for _ in range(2):
            state.give_back()
        assert len(link.shrunk) == 2

    run(test)


def test_a_folder_is_loaded_with_its_revoked_keys(tmp_path: Path) -> None:
    save(tmp_path)
    snapshot.write_revoked(tmp_path, [b"h"])
    loaded: Any = load_view(tmp_path)
    assert (loaded[0].revision, loaded[1]) == (7, [b"h"])


def test_a_swap_hands_back_the_view_before_whose_keys_can_be_let_go(tmp_path: Path) -> None:
    def test(state: WorkerState, link: FakeLink) -> None:
        save(tmp_path)
        first, second = load_view(tmp_path)[0], view()
        assert state.swap(first, []) is None
        assert state.swap(second, []) is first
        first.close()
        with pytest.raises(ValueError, match="closed"):
            first.principal(b"\0" * 32)

    run(test)
