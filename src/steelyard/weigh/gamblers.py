"""Gamblers who begin one after the other and leave again: evidence for a change of unknown date.

Each begins with a fortune of 1 a claim and bets, as in ``betting``, against it; where the claim
holds, a fortune passes 1 / error with probability at most ``error`` for as long as its gambler
plays (Ville's inequality). Their errors add up, whatever they have in common: so a gambler may
leave, and the next one may play the same items again. Used by ``drift``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

STAKES: Final = (0.9, 0.5, 0.25)
"""Shares of the fortune. Few, since each takes its part of the money; smaller ones win too little
in the few hundred bets that a gambler has."""


@dataclass(slots=True)
class Bet:
    """A fortune that grows while one claim does not hold."""

    needed: float
    """The fortune that refutes: one over the error."""
    best: float = 1.0
    """The largest fortune so far: what was refuted once stays refuted."""
    _held: list[float] = field(default_factory=lambda: [1.0] * len(STAKES), repr=False)
    """By stake."""

    @property
    def is_won(self) -> bool:
        """Whether the claim is refuted."""
        return self.best >= self.needed

    def part(self) -> float:
        """How much there is of what is needed."""
        return self.best / self.needed

    def take(self, win: float) -> None:
        """Takes a win of -1 or more: a stake s multiplies its part by 1 + s win."""
        if not win:
            return
        held = [part * (1 + stake * win) for part, stake in zip(self._held, STAKES, strict=True)]
        self._held = held
        self.best = max(self.best, sum(held) / len(held))


@dataclass(frozen=True, slots=True)
class Gambler:
    """Who bets against some claims at once, from one visit to another."""

    begun: int
    """Number of its first visit."""
    ends: int
    """Number of the first visit that it does not see any more."""
    bets: Mapping[str, Bet]
    """By claim."""
    refuted: set[str] = field(default_factory=set)
    """The claims that do not hold."""

    def take(self, wins: Mapping[str, float]) -> None:
        """Takes a win for each claim on which the visit says something."""
        for claim, win in wins.items():
            bet = self.bets[claim]
            bet.take(win)
            if bet.is_won:
                self.refuted.add(claim)
