"""The replay rules: whether, where and when a call is tried again.

Free to try again is what cannot be billed twice: nothing was sent, or the vendor says that nothing
was done. After silence only by the policy's word, and never after visible output, which is the
exchange's to see.
"""

from __future__ import annotations

from typing import NamedTuple

from steelyard.dialects.base import Refusal
from steelyard.domain.calls import Outcome, Why
from steelyard.domain.errors import (
    AllOffersFailed,
    CredentialRejected,
    LimitError,
    SteelyardError,
    UpstreamRejected,
)
from steelyard.gateway.health import Health
from steelyard.gateway.snapshot import ChannelEntry, PolicyEntry

RETRY_DELAY_S = 0.2
RETRY_DELAY_MAX_S = 2.0
"""A vendor that asks for more patience than this is not waited for."""

_SUPPLY = Why.SUPPLY.value
_NOT_HEALED = (CredentialRejected, UpstreamRejected, LimitError)
"""What waiting a moment does not change, so that the same offer is not tried again."""


class Failed(NamedTuple):
    """An attempt that gave the client nothing."""

    error: SteelyardError
    goes_on: bool
    """Whether another attempt is allowed."""


class Step(NamedTuple):
    """What to do after a failed attempt."""

    why: str
    """A ``calls.Why`` for the next attempt."""
    delay_s: float
    """Seconds to wait before the same offer is tried again; 0 goes to the next offer at once."""


class Replay:
    """One call's failures so far; made with the first of them."""

    __slots__ = ("_failures", "_policy", "_retries_left")

    def __init__(self, policy: PolicyEntry) -> None:
        self._policy = policy
        self._retries_left = policy.retries_max
        self._failures: list[tuple[str, SteelyardError]] = []

    def after(self, offer: str, failed: Failed, attempts: int, *, has_others: bool) -> Step | None:
        """The next step after ``offer`` failed, or None to give up; ``attempts`` made in all."""
        error = failed.error
        self._failures.append((offer, error))
        if not failed.goes_on or attempts >= self._policy.attempts_max:
            return None
        if has_others:
            return Step(Why.FALLBACK.value, 0.0)
        if isinstance(error, _NOT_HEALED) or not self._retries_left or not attempts:
            return None
        delay_s = error.retry_after_s or RETRY_DELAY_S
        if delay_s > RETRY_DELAY_MAX_S:
            return None
        self._retries_left -= 1
        return Step(Why.RETRY.value, delay_s)

    def error(self) -> SteelyardError:
        """The error for the client: that of the only offer, or all of them in one line."""
        last = self._failures[-1][1]
        if len({offer for offer, _ in self._failures}) == 1 or all(
            isinstance(error, LimitError) for _, error in self._failures
        ):
            return last
        told = "; ".join(f"{offer}: {error.message[:160]}" for offer, error in self._failures)
        return AllOffersFailed(f"Every offer failed ({told}).", retry_after_s=last.retry_after_s)


def goes_on(
    outcome: Outcome, refusal: Refusal | None, policy: PolicyEntry, *, is_own: bool
) -> bool:
    """Whether another attempt is allowed after one that ended so.

    ``is_own``: the offer is an engine of ours on this machine. Nobody bills twice for that one, and
    an engine that fell silent has died.
    """
    if refusal is not None:
        return refusal.tries_others or (policy.replay_uncertain and not refusal.is_free)
    if outcome is Outcome.NOT_SENT:
        return True
    return (policy.replay_uncertain or is_own) and outcome is Outcome.UNCERTAIN


def learn(
    health: Health,
    channel: ChannelEntry,
    outcome: Outcome,
    refusal: Refusal | None,
    failed: tuple[str, float, str],
) -> None:
    """Tells health what a failed attempt says about its channel.

    ``failed``: why, when (monotonic seconds), and what the attempt was made for (``calls.Why``).
    """
    detail, now_s, why = failed
    if why == _SUPPLY:
        return  # it asks until it is refused, and heeds that itself: nobody else shall rest for it
    if refusal is not None:
        if refusal.cools:
            rest_s = refusal.rest_s or refusal.error.retry_after_s
            rest_s = rest_s or (1.0 if refusal.is_free else None)
            health.failed(channel.name, detail, now_s, rest_s)
    elif outcome is not Outcome.CLIENT_GONE:
        health.failed(channel.name, detail, now_s)
