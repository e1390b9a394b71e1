"""One model sold under several names: two offers whose answers nothing tells apart.

A channel that sells two models and serves one has answers that differ in nothing but the name in
them. The same tests that tell a swapped model from the genuine one are turned round: what they
cannot tell apart, with enough answers to tell, is likely one model. That is a hint and no verdict:
the stated error bounds false alarms of difference, not of sameness, and two builds of one model may
be sold under two names honestly.

Called by the live side with the answers of earlier tests. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from steelyard.weigh.authenticity.probes import ProbeAnswer
from steelyard.weigh.authenticity.verdict import AuthenticityState, judge

__all__ = ["Twin", "twins"]


@dataclass(frozen=True, slots=True)
class Twin:
    """An offer of another model that answers alike."""

    offer: str
    n: int
    """Answers of it that were compared."""
    words: str
    """One sentence for a person."""


def twins(
    offer: str,
    answers: Sequence[ProbeAnswer],
    others: Mapping[str, Sequence[ProbeAnswer]],
    *,
    error: Fraction,
    seed: int,
) -> list[Twin]:
    """The others that answer like an offer.

    Args:
        offer: its name, for the words.
        answers: of the offer.
        others: by offer, of other models on the same channel, to the same probes, asked with the
            same sampling.
        error: as of ``judge``.
        seed: as of ``judge``.
    """
    found = []
    for name, theirs in sorted(others.items()):
        verdict = judge(answers, theirs, error=error, seed=seed)
        if verdict.state is AuthenticityState.GENUINE:
            words = (
                f"{offer} and {name} are sold as two models, and {verdict.n_suspect} answers of one"
                f" could not be told from {verdict.n_reference} of the other."
            )
            found.append(Twin(name, verdict.n_suspect, words))
    return found
