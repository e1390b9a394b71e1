"""One verdict from all tests: does this channel serve the model that it sells?

``judge`` compares a suspect's answers with a reference's. Each test that may raise an alarm holds a
share of the error stated for the whole; the shares add up to it (a union bound, whatever the tests
have in common), so a genuine channel is called not genuine with at most that probability. Hints,
such as time, take no share and decide nothing.

Called by the live side and the bench. Pure: no clock, no files but the probes' own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from steelyard.weigh.authenticity.probes import ProbeAnswer

__all__ = ["AuthenticityState", "AuthenticityVerdict", "Finding", "Specimen", "judge"]


class AuthenticityState(StrEnum):
    """What is known."""

    GENUINE = "genuine"
    """Nothing found, with enough answers to have found a swapped model."""
    NOT_GENUINE = "not_genuine"
    """Something was found; wrong with at most the stated error."""
    UNSURE = "unsure"
    """Too few answers, or something near an alarm: ask again."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one test: figures and plain words, no text of an answer."""

    name: str
    """Such as ``answers_differ``, ``part_swapped``, ``prompt_count``, ``context_cut``."""
    words: str
    """One sentence for a person."""
    p_value: float | None
    """Chance of so much under the same model; None for a hint or a test that could not run."""
    error: Fraction
    """Share of the total error that this test holds; 0 for a hint."""
    is_alarm: bool
    n: int
    """Answers of the suspect that were compared."""
    estimate: float | None = None
    """The size of what was found, as the words say: a factor, a share, a distance."""


@dataclass(frozen=True, slots=True)
class Specimen:
    """One telling answer to one of our public probes, for an evidence file."""

    probe_id: str
    finding: str
    """Name of the finding it belongs to."""
    prompt: str
    got: str
    """What the suspect answered or reported."""
    expected: tuple[str, ...]
    """What the reference answered or reported, most frequent first, at most three."""


@dataclass(frozen=True, slots=True)
class AuthenticityVerdict:
    """What a comparison says; all but ``specimens`` may go to a measurement's body."""

    state: AuthenticityState
    findings: tuple[Finding, ...]
    hints: tuple[Finding, ...]
    specimens: tuple[Specimen, ...]
    """Only with an alarm."""
    error: Fraction
    """Bound of the chance that a genuine channel is called not genuine."""
    n_reference: int
    n_suspect: int
    swapped_at_least: float
    """Lower bound (99 %) of the share of answers that are not the model's, 0 if none is known."""
    why: str
    """One sentence for a person."""

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """The findings that speak against the channel."""
        return tuple(finding for finding in self.findings if finding.is_alarm)


def judge(
    reference: Sequence[ProbeAnswer],
    suspect: Sequence[ProbeAnswer],
    *,
    error: Fraction = Fraction(1, 100),
    seed: int = 0,
) -> AuthenticityVerdict:
    """Compares a suspect's answers with those of a reference.

    Args:
        reference: answers of the genuine model, live or recorded; more per probe find more.
        suspect: answers of the channel in question to the same probes, asked with the same
            sampling. An answer that never came is left out by the caller.
        error: bound of the chance that a genuine channel is called not genuine.
        seed: of the permutations; fixed before any answer is seen.

    Raises:
        ValueError: an error not between 0 and 1.
        ConfigError: an answer to a probe that is not ours.
    """
    raise NotImplementedError
