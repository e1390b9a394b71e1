"""The rules for choosing: values and predicates, each with its reason.

A policy hangs on a task, on a key's account or on the whole system; the nearest one holds.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """How offers are chosen and tried."""

    name: str = "default"
    residency: tuple[str, ...] = ()
    """Residencies allowed; empty for any."""
    channels: tuple[str, ...] = ()
    """Channels allowed; empty for any."""
    attempts_max: int = 3
    """Attempts per call over all offers, retries and fallbacks together."""
    retries_max: int = 1
    """Retries on the same offer, of what is free to try again."""
    replay_uncertain: bool = False
    """Whether to try again after a request was sent and nothing was answered; both are booked."""
    drain_on_disconnect: bool = False
    """Whether to read a paid answer to its end after the client has left."""
    output_tokens_default: int = 0
    """Output cap put into a call without one, where a hard budget holds; 0: the offer's own."""
    dropped: str = "tell"
    """``tell`` or ``refuse``: what happens where a field of a call has no place at the vendor."""
    admits_quarantined: bool = False
    """Whether offers are used that were found not to be the model they are sold as."""
    captures: float = 0.0
    """Share of calls whose requests are kept, redacted, to draw test items from; 0 to 1."""

    def __post_init__(self) -> None:
        if not 1 <= self.attempts_max <= 10:
            raise ValueError(f"policy {self.name}: attempts_max must be 1 to 10")
        if not 0 <= self.retries_max < 10:
            raise ValueError(f"policy {self.name}: retries_max must be 0 to 9")
