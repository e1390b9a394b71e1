"""What promptfoo's assertions mean here: the grader of a test, and what its item needs for it.

By promptfoo's pages on deterministic and on model-graded assertions, read on 2026-11-22.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steelyard.weigh.importing.imported import Row, escaped

_LISTS = {
    "contains": "all", "icontains": "all", "contains-all": "all", "icontains-all": "all",
    "contains-any": "any", "icontains-any": "any", "not-contains": "none",
    "not-icontains": "none", "not-contains-any": "none", "not-icontains-any": "none",
}  # fmt: skip
_JUDGED = (
    "llm-rubric", "g-eval", "factuality", "model-graded-factuality", "closedqa",
    "model-graded-closedqa",
)  # fmt: skip
_FACTUAL = ("factuality", "model-graded-factuality")
_ORDER = ("exact", "contains", "regex", "json_schema", "judge")
"""Of a test with assertions of several kinds the first kind is taken."""


@dataclass(slots=True)
class Expected:
    """What a test asks of an answer."""

    grader: str = ""
    """Empty when nothing of it has a counterpart."""
    is_folded: bool = False
    fields: Row = field(default_factory=dict)
    """What the item has besides its input."""
    left: list[str] = field(default_factory=list)
    """Types of assertions that were left out."""


def expected_of(assertions: Sequence[Mapping[str, Any]]) -> Expected:
    """What these assertions, variables filled in, ask of an answer."""
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    left: list[str] = []
    for each in assertions:
        kind = _kind(each)
        if kind:
            by_kind.setdefault(kind, []).append(each)
        else:
            left.append(str(each.get("type"))[:60])
    kind = next((each for each in _ORDER if each in by_kind), "")
    for other, taken in by_kind.items():
        # One item has one pattern, one schema, one reference to compare with; texts may be many.
        rest = taken if other != kind else taken[1:] if kind != "contains" else []
        left += [str(each["type"]) for each in rest]
    if not kind:
        return Expected(left=left)
    taken = by_kind[kind]
    is_folded = any("icontains" in str(each["type"]) for each in taken)
    return Expected(kind, is_folded, _fields(kind, taken), left)


def _kind(assertion: Mapping[str, Any]) -> str:
    named, value = str(assertion.get("type", "")), assertion.get("value")
    if named in _JUDGED:
        return "judge"
    if named in {"is-json", "contains-json"}:
        return "json_schema" if value is None or isinstance(value, Mapping) else ""
    if isinstance(value, str) and value.startswith("file://"):
        return ""
    if named == "equals":
        if isinstance(value, Mapping):
            return "json_schema"
        return "exact" if isinstance(value, str | int | float) and str(value).strip() else ""
    if named in _LISTS and _texts(value):
        return "contains"
    is_text = isinstance(value, str) and value != ""
    return "regex" if named in {"regex", "starts-with"} and is_text else ""


def _fields(kind: str, taken: Sequence[Mapping[str, Any]]) -> Row:
    first = taken[0]
    value = first.get("value")
    match kind:
        case "exact":
            return {"reference": str(value)}
        case "contains":
            lists: dict[str, list[str]] = {}
            for each in taken:
                lists.setdefault(_LISTS[str(each["type"])], []).extend(_texts(each.get("value")))
            return {"reference": None, "contains": lists}
        case "regex":
            is_start = first["type"] == "starts-with"
            pattern = f"^{escaped(str(value))}" if is_start else _pattern(str(value))
            return {"reference": str(value), "pattern": pattern}
        case "json_schema" if first["type"] == "equals":
            return {"reference": json.dumps(value, ensure_ascii=False)}
        case "json_schema":
            return {"reference": None, "schema": value or {"type": ["object", "array"]}}
    if first["type"] in _FACTUAL:
        return {"reference": str(value)}
    return {"reference": None, "rubric": str(value)}


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        # In a CSV a list is written with commas; in YAML it is a list.
        return [value] if value.strip() else []
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [str(value)]
    if isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        return [str(each) for each in value if str(each).strip()]
    return []


def _pattern(value: str) -> str:
    """JavaScript's ``/text/i`` as RE2 writes it; any other pattern as it stands."""
    match = re.fullmatch(r"/(?P<body>.+)/(?P<flags>[gimsu]*)", value, re.DOTALL)
    if match is None:
        return value
    flags = "".join(sorted(set(match["flags"]) & set("ims")))
    return f"(?{flags}){match['body']}" if flags else match["body"]


def assertion_of(text: str) -> Row:
    """An assertion as a cell ``__expected`` of a CSV has it: ``contains: a text``.

    Without a known type before the colon the whole cell is what the answer must equal.
    """
    kind, colon, value = text.partition(":")
    named = kind.strip().lower().partition("(")[0]
    named = {"grade": "llm-rubric", "fn": "javascript", "eval": "javascript"}.get(named, named)
    if colon and (named in _LISTS or named.startswith("not-")):
        many = named.endswith(("-all", "-any"))
        parts = [part.strip() for part in value.split(",")] if many else value.strip()
        return {"type": named, "value": parts}
    if colon and re.fullmatch(r"[a-z]+(-[a-z]+)*", named) and named in _KNOWN:
        return {"type": named, "value": value.strip()}
    if named in {"is-json", "contains-json"} and not colon:
        return {"type": named}
    return {"type": "equals", "value": text.strip()}


_KNOWN = {
    *_JUDGED, "equals", "regex", "starts-with", "is-json", "contains-json", "javascript", "python",
    "similar", "levenshtein", "rouge-n", "cost", "latency", "answer-relevance", "moderation",
    "webhook", "perplexity", "classifier",
}  # fmt: skip
