"""Gamblers who begin one after the other and leave again: evidence for a change of unknown date.

Each begins with a fortune of 1 and bets, as in ``betting``, against one claim; the fortune passes
1 / error with probability at most ``error`` for as long as it plays, if the claim holds (Ville's
inequality). Their errors add up, whatever they have in common: so a gambler may leave, and the next
one may play the same items again. Used by ``drift``.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

STAKES: Final = (0.9, 0.5, 0.25)
"""Shares of the fortune. Few, since each takes its part of the money; smaller ones win too little
in the few hundred bets that a gambler has."""


@dataclass(slots=True)
class Gambler:
    """Who bets from some moment on."""

    begun: int
    """Number of the visit at which it began."""
    needed: float
    """The fortune that refutes: one over the gambler's own error."""
    best: float = 1.0
    """The largest fortune so far: what was refuted once stays refuted."""
    _held: list[float] = field(default_factory=lambda: [1.0] * len(STAKES), repr=False)
    """By stake."""

    def take(self, win: float) -> None:
        """Bets: a stake s multiplies its part by 1 + s win."""
        held = [part * (1 + stake * win) for part, stake in zip(self._held, STAKES, strict=True)]
        self._held = held
        self.best = max(self.best, sum(held) / len(held))


@dataclass(slots=True)
class Gauge:
    """All who bet against one claim."""

    gamblers: deque[Gambler] = field(default_factory=deque)
    """In the order of their beginning."""

    @property
    def is_rich(self) -> bool:
        """Whether somebody who has not left yet refuted the claim."""
        return any(each.best >= each.needed for each in self.gamblers)

    @property
    def leader(self) -> Gambler | None:
        """Who is nearest to refuting it; None while there is nobody."""
        return max(self.gamblers, key=lambda each: each.best / each.needed, default=None)

    def begin(self, visit: int, error: float) -> None:
        """Lets one more begin, with an error of its own."""
        self.gamblers.append(Gambler(visit, 1 / error))

    def leave(self, visit: int) -> None:
        """Lets those leave who began at this visit or before it."""
        while self.gamblers and self.gamblers[0].begun <= visit:
            self.gamblers.popleft()

    def take(self, win: float) -> None:
        """Has all bet on a win of -1 or more, whose mean is not above 0 if the claim holds."""
        for each in self.gamblers:
            each.take(win)
