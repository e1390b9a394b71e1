"""One verdict from all tests: does this channel serve the model that it sells?

``judge`` compares a suspect's answers with a reference's. Each test that may raise an alarm holds a
share of the error stated for the whole; the shares add up to it (a union bound, whatever the tests
have in common), so a genuine channel is called not genuine with at most that probability. Hints,
such as time, take no share and decide nothing.

Called by the live side and the bench. Pure: no clock, no files but the probes' own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from steelyard.weigh.authenticity import (
    context,
    equality,
    logprobs,
    mixture,
    obedience,
    specimens,
    steady,
    timing,
    usage,
)
from steelyard.weigh.authenticity.pairs import Pair, of_kind, paired
from steelyard.weigh.authenticity.probes import Kind, ProbeAnswer
from steelyard.weigh.authenticity.specimens import Specimen

__all__ = ["SHARES", "AuthenticityState", "AuthenticityVerdict", "Finding", "Specimen", "judge"]

SHARES: Mapping[str, Fraction] = {
    "steady_differ": Fraction(5, 20),
    "answers_differ": Fraction(2, 20),
    "part_swapped": Fraction(3, 20),
    "answer_length": Fraction(1, 20),
    "prompt_count": Fraction(2, 20),
    "completion_count": Fraction(2, 20),
    "context_cut": Fraction(2, 20),
    "limit_ignored": Fraction(1, 20),
    "logprobs_differ": Fraction(2, 20),
}
"""Shares of the stated error, fixed by hand: the tests with the faintest signals have the most."""
_NEAR = 5
"""A p-value of so many times what would be an alarm leaves a verdict unsure."""
_SUSPECT_MIN, _REFERENCE_MIN = 100, 200
"""Open and steady answers without which nothing found means little."""


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
    """Such as ``answers_differ``, ``steady_differ``, ``prompt_count``, ``context_cut``."""
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
    """Lower bound (about 99 %) of the share of answers that are not the model's; 0: none known."""
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
    if not 0 < error < 1:
        raise ValueError(f"an error lies between 0 and 1, not {error}")
    pairs = paired(reference, suspect)
    errors = {name: share * error for name, share in SHARES.items()}
    findings, at_least, n_asked = _all_findings(pairs, errors, seed)
    n_told = sum(len(p.reference) for p in pairs if p.probe.kind in (Kind.OPEN, Kind.STEADY))
    state, why = _conclude(findings, n_asked, n_told)
    return AuthenticityVerdict(
        state=state,
        findings=findings,
        hints=_hints(reference, suspect),
        specimens=tuple(
            specimen
            for finding in findings
            if finding.is_alarm
            for specimen in _specimens(pairs, finding.name)
        ),
        error=error,
        n_reference=len(reference),
        n_suspect=len(suspect),
        swapped_at_least=at_least,
        why=why,
    )


def _all_findings(
    pairs: Sequence[Pair], errors: Mapping[str, Fraction], seed: int
) -> tuple[tuple[Finding, ...], float, int]:
    """What every test found; the least share that is swapped; answers to open and steady probes."""
    opens = of_kind(pairs, Kind.OPEN)
    equal = equality.test(
        opens,
        error_answers=errors["answers_differ"],
        error_length=errors["answer_length"],
        seed=seed,
    )
    mixed = mixture.test(opens, error=errors["part_swapped"], seed=seed)
    at_least = max(equal.share_lower, mixed.share_lower)
    steadied = steady.test(of_kind(pairs, Kind.STEADY), error=errors["steady_differ"], seed=seed)
    findings = (
        _about_steadiness(steadied, errors["steady_differ"]),
        *_about_answers(equal, errors),
        _about_mixture(mixed, at_least, errors["part_swapped"]),
        *_about_counts(pairs, errors, seed),
        _about_context(pairs, errors["context_cut"], seed),
        _about_limits(pairs, errors["limit_ignored"], seed),
        _about_logprobs(pairs, errors["logprobs_differ"], seed),
    )
    return findings, at_least, mixed.n + steadied.n


def _conclude(
    findings: Sequence[Finding], n_suspect: int, n_reference: int
) -> tuple[AuthenticityState, str]:
    alarms = [finding.words for finding in findings if finding.is_alarm]
    if alarms:
        return AuthenticityState.NOT_GENUINE, " ".join(alarms)
    near = [
        finding.name
        for finding in findings
        if finding.p_value is not None and finding.p_value <= _NEAR * finding.error
    ]
    if near:
        names = ", ".join(near)
        return AuthenticityState.UNSURE, f"Near an alarm: {names}. Ask again with another seed."
    if n_suspect < _SUSPECT_MIN or n_reference < _REFERENCE_MIN:
        return AuthenticityState.UNSURE, (
            f"{n_suspect} answers beside {n_reference} of the reference to open and steady probes"
            f" are too few; {_SUSPECT_MIN} and {_REFERENCE_MIN} are needed."
        )
    return AuthenticityState.GENUINE, "Nothing speaks against it, as far as these answers tell."


def _finding(
    name: str, words: str, *, p: float, error: Fraction, n: int, estimate: float | None = None
) -> Finding:
    """A finding whose words are those of an alarm; without one they say that nothing was found."""
    if not n:
        return Finding(name, "Could not be compared.", None, error, False, 0)
    is_alarm = p <= error
    said = words if is_alarm else "Nothing found."
    return Finding(name, said, p, error, is_alarm, n, estimate)


def _about_answers(found: equality.Equality, errors: Mapping[str, Fraction]) -> list[Finding]:
    return [
        _finding(
            "answers_differ",
            f"Its answers are not drawn as the reference's are (distance {found.distance:.3f}).",
            p=found.p_answers,
            error=errors["answers_differ"],
            n=found.n,
            estimate=found.distance,
        ),
        _finding(
            "answer_length",
            "Its answers have other lengths than the reference's.",
            p=found.p_length,
            error=errors["answer_length"],
            n=found.n,
        ),
    ]


def _about_steadiness(found: steady.Steady, error: Fraction) -> Finding:
    words = (
        f"At temperature 0 {found.foreign:.0%} of its answers are none of the reference's: another"
        f" model, or other weights. Two of its answers agree in {found.agree_suspect:.0%} of cases,"
        f" two of the reference's in {found.agree_reference:.0%}: if more seldom, only part of the"
        " calls goes elsewhere."
    )
    return _finding(
        "steady_differ", words, p=found.p, error=error, n=found.n, estimate=found.foreign
    )


def _about_mixture(found: mixture.Mixture, at_least: float, error: Fraction) -> Finding:
    p = min(1.0, 2 * min(found.p_scores, found.p_tail))
    words = f"Some or all answers are foreign to the model, at least {at_least:.0%} of them."
    return _finding("part_swapped", words, p=p, error=error, n=found.n, estimate=found.share)


def _about_counts(
    pairs: Sequence[Pair], errors: Mapping[str, Fraction], seed: int
) -> list[Finding]:
    findings = []
    for name, audit in (
        ("prompt_count", usage.audit_prompts),
        ("completion_count", usage.audit_completions),
    ):
        found = audit(pairs, error=errors[name], seed=seed)
        side = name.removesuffix("_count")
        words = (
            f"It reports {found.factor:.3f} times the {side} tokens of the reference: for each"
            f" token {found.slope:.3f}, and {found.constant:+.1f} in each call."
        )
        findings.append(
            _finding(name, words, p=found.p, error=errors[name], n=found.n, estimate=found.factor)
        )
    return findings


def _about_context(pairs: Sequence[Pair], error: Fraction, seed: int) -> Finding:
    found = context.test(of_kind(pairs, Kind.NEEDLE), error=error, seed=seed)
    depths = ", ".join(f"{depth:.0%}" for depth in found.lost)
    words = (
        f"It finds {found.found_suspect:.0%} of what stands in a long prompt, the reference"
        f" {found.found_reference:.0%}; lost at depths {depths or 'without a pattern'}:"
        " a cut context, or a weaker model."
    )
    return _finding(
        "context_cut", words, p=found.p, error=error, n=found.n, estimate=found.found_suspect
    )


def _about_limits(pairs: Sequence[Pair], error: Fraction, seed: int) -> Finding:
    found = obedience.test(of_kind(pairs, Kind.OBEDIENCE), error=error, seed=seed)
    words = f"Under one max_tokens its answers have {found.factor:.2f} times the length."
    return _finding(
        "limit_ignored", words, p=found.p, error=error, n=found.n, estimate=found.factor
    )


def _about_logprobs(pairs: Sequence[Pair], error: Fraction, seed: int) -> Finding:
    found = logprobs.test(of_kind(pairs, Kind.OPEN), error=error, seed=seed)
    words = f"First-token probabilities are another model's (distance {found.distance:.3f})."
    return _finding(
        "logprobs_differ", words, p=found.p, error=error, n=found.n, estimate=found.distance
    )


def _hints(reference: Sequence[ProbeAnswer], suspect: Sequence[ProbeAnswer]) -> tuple[Finding, ...]:
    """What is worth a look and decides nothing: times, and counts that no tokenizer gives."""
    hints = []
    for name, unit, measure in (
        ("first_token", "s to the first token", timing.first_token),
        ("speed", "tokens/s", timing.speed),
    ):
        pace = measure(reference, suspect)
        if pace is not None:
            words = f"{pace.suspect:.2f} {unit}, the reference {pace.reference:.2f}."
            hints.append(Finding(name, words, pace.p, Fraction(0), False, pace.n, pace.suspect))
    broken = usage.laws(suspect)
    if broken:
        words = f"{len(broken)} counts that cannot be: {'; '.join(broken[:3])}."
        hints.append(Finding("impossible_counts", words, None, Fraction(0), False, len(suspect)))
    return tuple(hints)


def _specimens(pairs: Sequence[Pair], name: str) -> list[Specimen]:
    opens = of_kind(pairs, Kind.OPEN)
    match name:
        case "prompt_count":
            return specimens.of_prompts(pairs, name)
        case "completion_count":
            return specimens.of_completions(pairs, name)
        case "context_cut":
            return specimens.of_context(of_kind(pairs, Kind.NEEDLE), name)
        case "limit_ignored":
            return specimens.of_lengths(of_kind(pairs, Kind.OBEDIENCE), name)
        case "steady_differ":
            return specimens.of_answers(of_kind(pairs, Kind.STEADY), name)
    return specimens.of_answers(opens, name)
