"""A weighing's questions, asked from the machines of a Ray cluster: ``steelyard[ray]``.

One machine's client carries some hundred calls a second; a fleet of self-hosted models answers more
than that. Here the race, its run file and its money stay where they are, with control; what leaves
is the asking: processes on the cluster's machines hold the connections and call the gateway just
as ``control.own_calls.asking`` does, under the same key, so limits, budgets and the ledger hold.

What a cluster sees: the questions and answers of a weighing, and weighing's own key, in memory. Ray
encrypts its traffic only if told to, so a cluster belongs into one's own network.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from steelyard.control.own_calls.asking import BookedOf, Books, GatewayAsk
from steelyard.domain.errors import ConfigError, SteelyardError
from steelyard.weigh.asking import Answer, AskError

LOCAL = "local"
IN_FLIGHT_MAX = 64
"""Questions that one process asks at a time."""
_NAMESPACE = "steelyard"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fleet is, and how it reaches the gateway."""

    address: str
    """Of the cluster's head; ``local`` for one of this machine alone."""
    askers: int
    gateway: str
    """Address of the gateway as the cluster's machines reach it."""


class Asker:
    """What runs on a machine of the cluster: one client of the gateway."""

    def __init__(self, gateway: str, key: str) -> None:
        self._ask = GatewayAsk(gateway, key)

    async def wait_until_known(self, timeout_s: float) -> bool:
        """Whether workers know the key by now."""
        return await self._ask.wait_until_known(timeout_s)

    async def ask(self, offer: str, request: dict[str, object], task: str) -> Answer | Exception:
        """The answer, or what was raised: as a value, so that it comes back as it is."""
        try:
            return await self._ask(offer, request, task=task)
        except (AskError, SteelyardError) as error:
            return error


class FleetAsk:
    """Asks offers from a cluster's machines; see ``weigh.asking.Ask``."""

    def __init__(self, place: Place, key: str, booked_of: BookedOf | None = None) -> None:
        """Nothing is started before ``wait_until_known``.

        Args:
            place: where the fleet is.
            key: to call under.
            booked_of: what a call was booked at; the ledger is here, not there.
        """
        self._place = place
        self._key = key
        self._books = Books(booked_of)
        self._askers: list[Any] = []
        self._n_asked = 0

    async def wait_until_known(self, timeout_s: float) -> bool:
        """Joins the cluster and starts the askers; whether all of them reach the gateway.

        Raises:
            ConfigError: Ray is not installed, or the cluster cannot be joined.
        """
        if not self._askers:
            self._askers = await asyncio.to_thread(_start, self._place, self._key)
        waiting = [asker.wait_until_known.remote(timeout_s) for asker in self._askers]
        try:
            return all(await asyncio.gather(*waiting))
        except _ray().exceptions.RayError as error:
            raise ConfigError(f"weighing.fleet: an asker did not start: {_name(error)}") from error

    async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
        """The answer of one offer.

        Raises:
            AskError: no answer, or the machine that waited for it is lost, and with it the number
                by which the ledger knows the call.
            SteelyardError: no access or no money; every further call would be refused alike.
        """
        asker = self._askers[self._n_asked % len(self._askers)]
        self._n_asked += 1
        try:
            reply = await asker.ask.remote(offer, request, task)
        except _ray().exceptions.RayError as error:
            reason = f"a machine of the fleet was lost: {_name(error)}"
            raise AskError(reason, is_lost=True) from error
        if isinstance(reply, AskError):
            await self._books.settle(reply)
        if isinstance(reply, Exception):
            raise reply
        return await self._books.complete(reply)

    async def close(self) -> None:
        """Ends the askers and leaves the cluster."""
        askers, self._askers = self._askers, []
        if askers:
            await asyncio.to_thread(_stop, askers)


def _start(place: Place, key: str) -> list[Any]:
    ray = _ray()
    # A cluster of this machine alone would otherwise report its use to Ray's makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    is_local = place.address == LOCAL
    try:
        ray.init(
            address=LOCAL if is_local else place.address,
            namespace=_NAMESPACE,
            log_to_driver=False,
            configure_logging=False,
            **({"include_dashboard": False} if is_local else {}),
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        message = f"weighing.fleet: no cluster at {place.address}: {_name(error)}"
        raise ConfigError(message) from error
    asker = ray.remote(num_cpus=0, max_restarts=-1, scheduling_strategy="SPREAD")(Asker)
    options = asker.options(max_concurrency=IN_FLIGHT_MAX)
    return [options.remote(place.gateway, key) for _ in range(place.askers)]


def _stop(askers: list[Any]) -> None:
    ray = _ray()
    for asker in askers:
        ray.kill(asker)
    ray.shutdown()


def _ray() -> ModuleType:
    try:
        import ray  # noqa: PLC0415 - optional, and takes a second
        import ray.exceptions  # noqa: PLC0415
    except ImportError as error:
        message = "weighing.fleet needs Ray: install the extra, steelyard[ray]"
        raise ConfigError(message) from error
    module: ModuleType = ray
    return module


def _name(error: BaseException) -> str:
    """What happened, without the traceback that Ray writes into its messages."""
    return type(error).__name__
