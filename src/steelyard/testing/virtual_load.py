"""A measurement of supply against a limiter in virtual time: minutes of load in milliseconds."""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass

from steelyard.testing.limiters import Admission, Limiter
from steelyard.weigh.supply.finder import Finder, Found, Reply, Terms
from steelyard.weigh.supply.record import End, Sent

_LOOK_S = 0.25


@dataclass(frozen=True, slots=True)
class Network:
    """What lies between us and the vendor, and how long the vendor works; seconds."""

    way_s: float = 0.03
    """One way."""
    jitter_s: float = 0.004
    service_s: float = 0.4
    """Typical time of an answer; times are log-normal."""
    spread: float = 0.3
    """Standard deviation of the logarithm of those times."""
    cost_pico: int = 0

    @property
    def mean_s(self) -> float:
        """Mean time of an answer at the vendor."""
        return self.service_s * math.exp(self.spread**2 / 2)


def measure(limiter: Limiter, terms: Terms, seed: int, network: Network | None = None) -> Found:
    """What a measurement finds; equal arguments give equal results for a fresh limiter."""
    network = network or Network()
    chance = random.Random(seed)  # noqa: S311 - noise, not a secret
    now_s = chance.uniform(0, 60)
    finder = Finder(terms, now_s, network.cost_pico)
    answers: list[tuple[float, int, Sent, Admission]] = []
    while (due_s := finder.due_s(now_s)) is not None:
        if due_s <= now_s:
            sent = finder.sent(now_s)
            arrives_s = now_s + network.way_s + abs(chance.gauss(0, network.jitter_s))
            service_s = chance.lognormvariate(math.log(network.service_s), network.spread)
            admission = limiter.ask(arrives_s, service_s)
            back_s = network.way_s + abs(chance.gauss(0, network.jitter_s))
            ends_s = arrives_s + admission.time_s + back_s
            heapq.heappush(answers, (ends_s, len(finder.record.calls), sent, admission))
            continue
        now_s = min(due_s, answers[0][0] if answers else math.inf, now_s + _LOOK_S)
        while answers and answers[0][0] <= now_s:
            ends_s, _, sent, admission = heapq.heappop(answers)
            if admission.is_accepted:
                reply = Reply(End.ACCEPTED, cost_pico=network.cost_pico)
            else:
                reply = Reply(End.REFUSED, admission.retry_after_s)
            finder.ended(sent, reply, ends_s)
    return finder.found(now_s)
