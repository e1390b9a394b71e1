"""What Inspect's scorers mean here: a grader, its parameters, and what each item needs for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from steelyard.weigh.importing.imported import Row, escaped

_END = r"[\pP\pS\s]*$"
"""What may stand behind the answer; Inspect takes punctuation off both ends."""
_ANSWERS = {"letter": "[A-Za-z]", "word": r"\w+", "line": ".+"}


@dataclass(frozen=True, slots=True)
class Scoring:
    """A scorer's counterpart."""

    grader: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """Where it is not quite the same."""
    place: str = ""
    """For a pattern made of each item's targets: begin or end."""
    is_folded: bool = True

    def fields(self, targets: tuple[str, ...]) -> Row:
        """What an item with these targets has besides its reference."""
        if self.grader == "contains":
            return {"contains": {"any": list(targets)}}
        if self.place:
            body = "|".join(map(escaped, targets))
            fold = "(?i)" if self.is_folded else ""
            start, end = (r"^[\pP\pS\s]*", "") if self.place == "begin" else ("", _END)
            return {"pattern": f"{fold}{start}(?:{body}){end}"}
        return {}


def scoring_of(name: str, options: Mapping[str, object]) -> Scoring | None:
    """The counterpart of a scorer; None when there is none.

    Args:
        name: as the log has it, such as ``match`` or ``inspect_ai/match``.
        options: what it was made with.
    """
    is_folded = options.get("ignore_case", True) is not False
    match name.rpartition("/")[2]:
        case "match":
            return _match(options, is_folded=is_folded)
        case "includes":
            return Scoring("contains", {"fold": is_folded})
        case "exact":
            return Scoring("qa_em")
        case "f1":
            return Scoring("qa_f1")
        case "choice":
            return Scoring("choice")
        case "answer":
            kind = str(options.get("pattern", ""))
            if kind not in _ANSWERS:
                return None
            caught = rf"(?i:ANSWER)\s*:\s*(?P<answer>{_ANSWERS[kind]})"
            note = "answer: what was caught is compared with case, as it stands"
            return Scoring("regex", {"pattern": caught}, (note,))
        case "pattern":
            return _pattern(options)
        case "model_graded_qa" | "model_graded_fact":
            note = "a judge compares with the target in pairs: name its offer under judge"
            return Scoring("judge", {}, (note,))
    return None


def _match(options: Mapping[str, object], *, is_folded: bool) -> Scoring | None:
    place = str(options.get("location", "end"))
    if options.get("numeric"):
        note = f"match: the last number counts here, not the one at the {place}"
        return Scoring("number", {}, () if place == "end" else (note,))
    if place == "exact":
        return Scoring("exact", {"fold": is_folded})
    if place == "any":
        return Scoring("contains", {"fold": is_folded})
    return Scoring("regex", {}, (), place, is_folded) if place in {"begin", "end"} else None


def _pattern(options: Mapping[str, object]) -> Scoring | None:
    pattern = str(options.get("pattern", ""))
    at = pattern.find("(")
    if at < 0 or pattern[at : at + 2] == "(?" or pattern[max(at - 1, 0) : at] == "\\":
        return None
    caught = f"{pattern[:at]}(?P<answer>{pattern[at + 1 :]}"
    note = "pattern: what the first group caught is compared with case, as it stands"
    return Scoring("regex", {"pattern": caught}, (note,))
