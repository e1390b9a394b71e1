"""The seam between a weighing and the world: who is weighed, and how one question is put.

``control`` implements ``Ask`` with a real call through the gateway (``model`` is ``offer:NAME``,
the header ``x-steelyard-task`` names the task), so that limits, budgets and the ledger hold for
weighings as for any other traffic. Tests implement it with a function.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple, Protocol

from steelyard.domain.tallies import Tally
from steelyard.domain.tasks import Constraint

_CODE_MAX = 64
"""Characters of a reason that are told."""


@dataclass(frozen=True, slots=True)
class Price:
    """What one call of the task may cost on an offer, in 10^-12 of ``currency``."""

    currency: str
    call_pico: int
    """Expected; only decides whom to ask first."""
    call_pico_max: int
    """At most, as the gateway reserves it."""
    worth: Fraction = Fraction(1)
    """Of one unit of ``currency`` in the currency of the weighing."""


@dataclass(frozen=True, slots=True)
class Contender:
    """An offer to be weighed."""

    offer: str
    constraints: frozenset[Constraint] = frozenset()
    """What it can be held to besides the prompt; without the task's constraint it is asked in the
    same words, which is another prompt form and gives another verdict."""
    price: Price | None = None
    """None when nothing is known: then no money can be held for its calls."""
    model: str = ""
    """Its name at the vendor; tells a judge's family, and whose stored answers are its own."""
    refusal: str = ""
    """Why it cannot be weighed, for people; empty when it can."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call gave."""

    text: str
    finish_reason: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_pico: int = 0
    """In 10^-12 of ``currency``, as the gateway settled it."""
    currency: str = ""
    time_s: float = 0.0
    """Wall time of the call, seconds."""
    call_id: str = ""
    model_answered: str = ""
    answered_at: datetime | None = None
    """Aware, UTC, for an answer that was there already: nobody was asked, nothing was paid, and
    ``cost_pico`` is what it cost then. None for one that was asked for now."""
    used: Tally | None = None
    """What was booked at ``cost_pico``, all attempts of the call; None where nobody knows."""

    @property
    def is_stored(self) -> bool:
        """Whether it was there already."""
        return self.answered_at is not None


class Booked(NamedTuple):
    """What the ledger says of a call."""

    cost_pico: int
    """Of all attempts, in 10^-12 of the offer's currency."""
    used: Tally | None
    """By all attempts; None where the ledger knows nothing of it in time, or corrected it."""


class AskError(Exception):
    """A call that gave no answer; what it cost is booked all the same.

    Args:
        reason: for a person, without secrets. Behind its first colon may stand a vendor's words,
            and vendors quote what they were asked: only an item's own record keeps it whole.
        is_retryable: whether asking again may help.
        cost_pico: in 10^-12 of ``currency``.
        currency: ISO 4217; empty when nothing was billed.
        is_lost: whether nobody can say what it cost; the most that it can is counted then.
        call_id: the gateway's number of it, by which the ledger knows what it cost.
    """

    def __init__(
        self,
        reason: str,
        *,
        is_retryable: bool = True,
        cost_pico: int = 0,
        currency: str = "",
        is_lost: bool = False,
        call_id: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_retryable = is_retryable
        self.cost_pico = cost_pico
        self.currency = currency
        self.is_lost = is_lost
        self.call_id = call_id
        self.used: Tally | None = None if cost_pico or is_lost else Tally()
        """What was booked at ``cost_pico``, for whoever knows to say; what costs nothing was
        refused, or never sent."""


def code_of(reason: str) -> str:
    """What a reason says without the words of others: to be kept and told anywhere."""
    return reason.partition(":")[0][:_CODE_MAX]


class Preempted(AskError):
    """The call was pushed aside by more urgent traffic; ask again later."""


class Ask(Protocol):
    """Sends one request to exactly this offer: no fallback, no cache."""

    async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
        """The answer.

        Args:
            offer: the one candidate.
            request: an OpenAI chat request without ``model``.
            task: for the header ``x-steelyard-task``.

        Raises:
            Preempted: ask again later.
            AskError: no answer.
            SteelyardError: no answer; may be tried again.
        """
