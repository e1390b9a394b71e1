"""Measurements of what offers give: on demand, one at a time, kept beside what was found before.

The calls go through the gateway under the account ``supplying``, so that limits, budgets and the
ledger hold. A refusal is told as it came: that account's policy tries nothing again, and its
refusals rest no channel. What it cannot help is that a limit it has found is used up for everybody
who shares the vendor's key, until the vendor's next minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import time
from collections.abc import Callable
from statistics import median, quantiles
from typing import Any, NamedTuple

from sqlalchemy import Connection

from steelyard.control.control import Control
from steelyard.control.own_calls.askable import askable, most_pico
from steelyard.control.own_calls.keys import KNOWN_WITHIN_S, own_key
from steelyard.control.prices.exchange import Worth
from steelyard.control.prices.wanted import wanted_money
from steelyard.control.snapshot.compile import SUPPLYING
from steelyard.control.supply.told import KIND, WATCH, hours_of, row_of
from steelyard.domain.errors import ConfigError, Overloaded, StoreUnavailable
from steelyard.gateway.snapshot import OfferEntry
from steelyard.pricebook.book import Period
from steelyard.store import measurements, settings
from steelyard.store.measurements import Measurement
from steelyard.weigh.supply.drive import find_limit
from steelyard.weigh.supply.finder import Finder, Found, Reply, Terms
from steelyard.weigh.supply.modes import is_enough
from steelyard.weigh.supply.terms import State

log = logging.getLogger(__name__)

_KEY_FILE = "supply.key"
_TIMED_CALLS = 5
_TIMED_TOKENS = 64
"""Streamed answers before the load: long enough to say how fast tokens come."""
Tell = Callable[[dict[str, Any]], None]


class Wish(NamedTuple):
    """What shall be measured."""

    offer: str
    money: str = "1 CNY"
    """Most that it may cost, in any currency that has a rate."""
    minutes: float = 6.0
    enough: int = 0
    """Requests per minute that are needed; 0 asks where the limit is."""
    requests_max: int = 0
    """Requests per minute that the vendor's terms allow; 0 for a tenth more than is needed, or 600
    where nothing is said."""
    tokens: int = 1
    """Output tokens of a call."""


class Target(NamedTuple):
    """An offer, ready to be measured."""

    entry: OfferEntry
    period: Period
    money_pico_max: int
    """In the currency of ``entry``."""


class Supplies:
    """The measurements of one control process."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._finder: Finder | None = None
        self._running: dict[str, Any] | None = None
        self._tasks: set[asyncio.Task[dict[str, Any]]] = set()

    def running(self) -> dict[str, Any] | None:
        """How the one that runs stands; None while none does."""
        return self._running

    def stop(self) -> bool:
        """Ends the one that runs, keeping what is known; whether one ran."""
        if self._finder is not None:
            self._finder.stop("stopped by hand")
        return self._running is not None

    async def start(self, wish: Wish, tell: Tell) -> asyncio.Task[dict[str, Any]]:
        """Begins a measurement; its task gives the row of what was found.

        Raises:
            ConfigError: there is no such offer, no price, no money, or more is demanded than
                may be asked.
            Overloaded: another one runs.
            StoreError: the database cannot be used.
        """
        if self._running is not None:
            raise Overloaded("Another measurement of supply runs; try again when it is done.")
        self._running = {"offer": wish.offer, "calls": 0}
        try:
            now_ns = time.time_ns()
            target = await self._control.read(lambda c: _target(c, wish, now_ns))
        except BaseException:
            self._running = None
            raise
        task = asyncio.get_running_loop().create_task(self._measure(wish, target, tell))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Ends what runs; what is known of it is kept."""
        self.stop()
        for task in tuple(self._tasks):
            with contextlib.suppress(StoreUnavailable, asyncio.CancelledError):
                await task

    async def rows(self, offer: str = "") -> list[dict[str, Any]]:
        """What is known of every offer that was measured or called lately, or of one."""
        hours = await asyncio.to_thread(hours_of, self._control, time.time_ns(), offer)
        latest = await self._control.read(lambda c: measurements.latest(c, KIND))
        names = {name for name, _ in latest} | set(hours)
        return [
            row_of(name, latest.get((name, "")), hours.get(name, []))
            for name in sorted(names)
            if not offer or name == offer
        ]

    async def _measure(self, wish: Wish, target: Target, tell: Tell) -> dict[str, Any]:
        control = self._control
        caller = None
        try:
            calls = importlib.import_module("steelyard.control.supply.calls")
            most_pico = await asyncio.to_thread(_call_most_pico, calls, wish, target)
            key = await own_key(control, SUPPLYING, _KEY_FILE)
            url = control.places.gateway_url
            caller = calls.Caller(url, key, wish.offer, most_pico[0])
            if not await caller.wait_until_known(KNOWN_WITHIN_S):
                raise StoreUnavailable("The gateway does not answer the measurement's key yet.")
            found, timed_pico = await self._load(wish, target, (caller, most_pico), tell)
            return await self._keep(wish, target, (found, timed_pico), caller)
        finally:
            self._finder = self._running = None
            if caller is not None:
                await caller.close()

    async def _load(
        self, wish: Wish, target: Target, calling: tuple[Any, tuple[int, int]], tell: Tell
    ) -> tuple[Found, int]:
        """What the load found, and what timing a few answers before it cost."""
        caller, (call_pico, timed_call_pico) = calling
        most = wish.requests_max or (round(1.1 * wish.enough) or 600)
        paid_pico, timed_s = 0, list[float]()
        # Where the terms are tiny all they allow is needed to find the limit.
        for _ in range(_TIMED_CALLS if most >= 2 * _TIMED_CALLS else 0):
            # At most a fifth of the money for how fast tokens come.
            if paid_pico + timed_call_pico > target.money_pico_max // 5 or caller.problem:
                break
            timed_s.append(time.monotonic())
            paid_pico += (await caller.call(max(wish.tokens, _TIMED_TOKENS))).cost_pico
        terms = Terms(
            requests_max=most,
            enough=wish.enough,
            calls_max=max(1, int(most * (wish.minutes + 1))),
            money_pico_max=target.money_pico_max - paid_pico,
            seconds_max=60 * wish.minutes,
        )
        finder = self._finder = Finder(terms, time.monotonic(), call_pico, timed_s)
        if caller.problem:
            finder.stop(caller.problem)

        async def send() -> Reply:
            reply: Reply = await caller.call(wish.tokens)
            if caller.problem:
                finder.stop(caller.problem)
            return reply

        def told(now: Finder) -> None:
            self._running = _progress(wish, now)
            tell(self._running)

        return await find_limit(finder, send, tell=told), paid_pico

    async def _keep(
        self, wish: Wish, target: Target, paid: tuple[Found, int], caller: Any
    ) -> dict[str, Any]:
        found, timed_pico = paid
        body = _body(wish, found, caller)
        body["cost_pico"] = str(found.cost_pico + timed_pico)
        body["currency"] = target.entry.currency
        now_ns = time.time_ns()
        kept = Measurement(KIND, wish.offer, now_ns, found.state.value, body)

        def work(connection: Connection, _change: Any) -> None:
            earlier = measurements.latest(connection, KIND)
            if _is_empty(found) and (wish.offer, "") in earlier:
                return  # cut short before anything was known: what was measured before stays
            measurements.add(connection, kept)
            # What is usual from now on is learnt anew: that is what ends an alarm.
            watched = settings.get(connection, WATCH, {})
            if watched.pop(wish.offer, None) is not None:
                settings.put(connection, WATCH, watched)

        await self._control.write(SUPPLYING, f"supply of {wish.offer}", work)
        # Tasks that demand supply go by it at once.
        self._control.publisher.core.want()
        hours = await asyncio.to_thread(hours_of, self._control, now_ns, wish.offer)
        return row_of(wish.offer, kept, hours.get(wish.offer, []))


def _progress(wish: Wish, finder: Finder) -> dict[str, Any]:
    record, now_s = finder.record, time.monotonic()
    last = record.since(now_s - 60)
    return {
        "offer": wish.offer,
        "calls": len(record.calls),
        "refused": len(record.refused()),
        "in_flight": finder.in_flight,
        "last_minute": len(last),
        "doing": finder.doing,
        "paid_pico": str(finder.paid_pico),
    }


def _is_empty(found: Found) -> bool:
    """Whether it ended before it could say anything of the offer."""
    is_bounded = found.rate.lower > 0 or found.rate.upper is not None
    return found.state is State.UNKNOWN and not is_bounded and not found.failed


def _body(wish: Wish, found: Found, caller: Any) -> dict[str, Any]:
    rate = found.rate
    each = caller.tokens / caller.accepted if caller.accepted else 0.0
    timed = [t for t in caller.timed if t.output_tokens > 1 and t.total_s > t.first_byte_s]
    speeds = [t.output_tokens / (t.total_s - t.first_byte_s) for t in timed]
    firsts = [t.first_byte_s for t in caller.timed]
    return {
        "requests_per_minute": round(rate.estimate, 1),
        "requests_lower": round(rate.lower, 1),
        "requests_upper": None if rate.upper is None else round(rate.upper, 1),
        "tokens_per_minute": round(rate.estimate * each) if each else None,
        "tokens_per_call": round(each, 1),
        "tokens_per_s": round(median(speeds), 2) if speeds else None,
        "tokens_per_s_slow": round(_p95([-s for s in speeds]) * -1, 2) if speeds else None,
        "first_token_s": round(median(firsts), 3) if firsts else None,
        "first_token_slow_s": round(_p95(firsts), 3) if firsts else None,
        "limiter": rate.kind.value,
        "burst": found.burst,
        "slower": round(found.slower, 2),
        "calls": found.calls + len(caller.timed) * (wish.tokens <= 1),
        "refused": found.refused,
        "failed": found.failed,
        "seconds": round(found.seconds, 1),
        "enough": wish.enough or None,
        "is_enough": is_enough(rate, wish.enough) if wish.enough else None,
        "detail": found.why + (f" ({caller.last_error})" if found.failed else ""),
    }


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def _call_most_pico(calls: Any, wish: Wish, target: Target) -> tuple[int, int]:
    """The most that a call of the load, and a timed one, can cost: what the gateway reserves."""
    load, timed = (
        most_pico(target.period, calls.body_of(wish.offer, length, 10**6))
        for length in (wish.tokens, max(wish.tokens, _TIMED_TOKENS))
    )
    return load, timed


def _target(connection: Connection, wish: Wish, now_ns: int) -> Target:
    if 0 < wish.requests_max < wish.enough:
        raise ConfigError(
            f"{wish.enough} requests a minute are more than the {wish.requests_max} that may"
            " be asked: they would never be found enough."
        )
    found = askable(connection, wish.offer, now_ns)
    worth = Worth(connection, found.entry.currency, now_ns)
    return Target(found.entry, found.period, worth.bound_pico(wanted_money(wish.money)))
