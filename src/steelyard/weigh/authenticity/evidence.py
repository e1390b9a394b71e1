"""What a test rests on, as one document that others can check: the evidence for a refund.

A document is plain JSON: what was bought, what was asked, what both sides answered, what it cost,
and the verdict. ``differences`` judges the answers in it again with the same seed, so that whoever
doubts a verdict needs nobody's word for it. It holds answers, so it is made when asked for and not
kept; it holds no key and no secret.

Called by the live side, which fills it in, and by the command that checks one. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from steelyard.domain.errors import ConfigError
from steelyard.weigh.authenticity.probes import Probe, ProbeAnswer, find_probe
from steelyard.weigh.authenticity.verdict import AuthenticityVerdict, Finding, judge

__all__ = [
    "FORMAT",
    "answer_of",
    "answer_row",
    "differences",
    "probe_row",
    "recompute",
    "share_of",
    "verdict_row",
]

FORMAT = "steelyard authenticity evidence"
VERSION = 2
"""2: answers at temperature 0 are judged as well, with other shares of the error."""
_NEAR = 1e-6
"""Relative difference of two figures that other machines may round differently."""
_SHARE = re.compile(r"[0-9]{1,20}/[0-9]{1,20}|[01]?\.?[0-9]{1,20}")


def verdict_row(verdict: AuthenticityVerdict) -> dict[str, Any]:
    """A verdict as JSON, without any answer; shares of the error are exact, as text."""
    return {
        "state": verdict.state.value,
        "why": verdict.why,
        "error": str(verdict.error),
        "findings": [_finding_row(finding) for finding in verdict.findings],
        "hints": [_finding_row(finding) for finding in verdict.hints],
        "n_suspect": verdict.n_suspect,
        "n_reference": verdict.n_reference,
        "swapped_at_least": verdict.swapped_at_least,
    }


def answer_row(answer: ProbeAnswer) -> dict[str, Any]:
    """An answer as JSON; what was not told is null."""
    return asdict(answer)


def answer_of(row: Mapping[str, Any]) -> ProbeAnswer:
    """The answer in a row that ``answer_row`` made, whatever else stands in it.

    Raises:
        ConfigError: there is none in it.
    """
    try:
        told = {name: row[name] for name in ProbeAnswer.__slots__}
        if told["logprobs"] is not None:
            told["logprobs"] = tuple((str(t), float(value)) for t, value in told["logprobs"])
        return ProbeAnswer(**told)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError("the evidence holds an answer that cannot be read") from error


def probe_row(probe: Probe) -> dict[str, Any]:
    """A question as JSON."""
    return {**asdict(probe), "kind": probe.kind.value, "sampling": dict(probe.sampling)}


def recompute(document: Mapping[str, Any]) -> dict[str, Any]:
    """The verdict over the answers in a document, as ``verdict_row`` tells it.

    Raises:
        ConfigError: it is no evidence that this version can read.
    """
    check_format(document)
    try:
        answers = {
            side: [answer_of(row) for row in document["answers"][side]]
            for side in ("reference", "suspect")
        }
        error, seed = share_of(document["method"]["error"]), int(document["method"]["seed"])
        verdict = judge(answers["reference"], answers["suspect"], error=error, seed=seed)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as wrong:
        raise ConfigError(f"the evidence cannot be judged again: {wrong}") from wrong
    return verdict_row(verdict)


def share_of(text: str) -> Fraction:
    """The error that a document names.

    Raises:
        TypeError, ValueError: it is none; 1e999999999 has more digits than any memory holds.
    """
    if not _SHARE.fullmatch(text):
        raise ValueError(f"the error is {text[:40]!r}")
    return Fraction(text)


def check_format(document: Mapping[str, Any]) -> None:
    """Refuses what is no evidence.

    Raises:
        ConfigError: it is none, or of another version.
    """
    if document.get("format") != FORMAT:
        raise ConfigError("that is no evidence of a test of authenticity")
    if document.get("version") != VERSION:
        raise ConfigError(f"evidence of version {document.get('version')}, this reads {VERSION}")


def differences(document: Mapping[str, Any]) -> list[str]:
    """What the document says otherwise than its own answers do; empty if it holds.

    Raises:
        ConfigError: it is no evidence that this version can read.
    """
    found = _unlike(document.get("verdict"), recompute(document), "verdict")
    for row in document.get("probes", ()):
        try:
            probe = find_probe(row["id"])
        except (ConfigError, KeyError, TypeError):
            found.append("probes: a question that this version does not ask")
            continue
        if row != probe_row(probe):
            found.append(f"probes: {probe.id} is not the question that goes by this name")
    return found


def _unlike(told: Any, is_so: Any, where: str) -> list[str]:
    """Places in which two JSON values differ."""
    if isinstance(told, dict) and isinstance(is_so, dict):
        names = sorted(told.keys() | is_so.keys())
        return [e for n in names for e in _unlike(told.get(n), is_so.get(n), f"{where}.{n}")]
    if isinstance(told, list) and isinstance(is_so, list) and len(told) == len(is_so):
        pairs = enumerate(zip(told, is_so, strict=True))
        return [e for n, (one, other) in pairs for e in _unlike(one, other, f"{where}.{n}")]
    if isinstance(told, float) and isinstance(is_so, float):
        if math.isclose(told, is_so, rel_tol=_NEAR, abs_tol=_NEAR):
            return []
    elif told == is_so:
        return []
    return [f"{where}: {str(told)[:80]} is told, {str(is_so)[:80]} comes out"]


def _finding_row(finding: Finding) -> dict[str, Any]:
    return {**asdict(finding), "error": str(finding.error)}
