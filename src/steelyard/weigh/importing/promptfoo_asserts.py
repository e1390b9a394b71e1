"""What promptfoo's assertions mean here: the grader of a test, and what its item needs for it.

By promptfoo's own code and its pages on assertions, read on 2026-11-22.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steelyard.weigh.graders.patterns import BadPattern, is_found
from steelyard.weigh.importing.imported import Row, escaped

_LISTS = {
    "contains": "all", "icontains": "all", "contains-all": "all", "icontains-all": "all",
    "contains-any": "any", "icontains-any": "any", "not-contains": "none",
    "not-icontains": "none", "not-contains-any": "none", "not-icontains-any": "none",
}  # fmt: skip
_PATTERNS = {"regex": "must", "not-regex": "must_not"}
_STARTS = {"starts-with": "must", "not-starts-with": "must_not"}
_JUDGED = (
    "llm-rubric", "g-eval", "factuality", "model-graded-factuality", "closedqa",
    "model-graded-closedqa",
)  # fmt: skip
_FACTUAL = ("factuality", "model-graded-factuality")
_JSON = {"is-json", "contains-json"}
_CELLS = re.compile(r'(?:"[^"]*"|[^,"])+')
"""Parts of a list that is written as one text: commas part them, but for those in quotes."""
_ORDER = ("exact", "text", "json_schema", "judge")
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


def expected_of(assertions: Sequence[Mapping[str, Any]], *, as_manner: bool = False) -> Expected:
    """What these assertions, variables filled in, ask of an answer.

    Args:
        assertions: of one test.
        as_manner: whether what is asked of the text is written as patterns for ``manner`` even
            where a plainer grader would do, so that all tests of a file have the same one.
    """
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
        # One item has one schema, one reference to compare with; what its text holds may be much.
        rest = taken if other != kind else taken[1:] if kind != "text" else []
        left += [str(each["type"]) for each in rest]
    if not kind:
        return Expected(left=left)
    taken = by_kind[kind]
    if kind != "text":
        return Expected(kind, fields=_fields(kind, taken[0]), left=left)
    found = _of_text(taken, as_manner=as_manner)
    found.left = left
    return found


def _kind(assertion: Mapping[str, Any]) -> str:
    named, value = str(assertion.get("type", "")), assertion.get("value")
    is_text = isinstance(value, str) and value.strip() != ""
    if isinstance(value, str) and value.startswith("file://"):
        return ""
    if named in _JUDGED:
        return "judge" if is_text else ""
    if named in _JSON:
        return "json_schema" if value is None or isinstance(value, Mapping) else ""
    if named == "equals":
        if isinstance(value, Mapping):
            return "json_schema"
        return "exact" if isinstance(value, str | int | float) and str(value).strip() else ""
    if named in _LISTS:
        return "text" if _texts(named, value) else ""
    if named in _PATTERNS:
        return "text" if is_text and _is_pattern(_pattern(str(value))) else ""
    return "text" if named in _STARTS and is_text else ""


def _fields(kind: str, first: Mapping[str, Any]) -> Row:
    value = first.get("value")
    if kind == "exact":
        return {"reference": json.dumps(value) if isinstance(value, bool) else str(value)}
    if kind == "json_schema" and first["type"] == "equals":
        return {"reference": json.dumps(value, ensure_ascii=False)}
    if kind == "json_schema":
        return {"reference": None, "schema": value or {"type": ["object", "array"]}}
    if first["type"] in _FACTUAL:
        return {"reference": str(value)}
    return {"reference": None, "rubric": str(value)}


def _of_text(taken: Sequence[Mapping[str, Any]], *, as_manner: bool) -> Expected:
    """The plainest grader that asks for all of it."""
    names = [str(each["type"]) for each in taken]
    folds = {"icontains" in name for name in names}
    if not as_manner and set(names) <= set(_LISTS) and len(folds) == 1:
        lists: dict[str, list[str]] = {}
        for name, each in zip(names, taken, strict=True):
            lists.setdefault(_LISTS[name], []).extend(_texts(name, each.get("value")))
        # Two assertions of any are two questions, and one list of the grader's is one.
        if sum(_LISTS[name] == "any" for name in names) < 2:
            return Expected("contains", folds.pop(), {"reference": None, "contains": lists})
    if not as_manner and names in (["regex"], ["starts-with"]):
        value = str(taken[0]["value"])
        ((_, pattern),) = _rules(taken[0])
        return Expected("regex", fields={"reference": value, "pattern": pattern})
    rules: dict[str, list[str]] = {"must": [], "must_not": []}
    for each in taken:
        for name, pattern in _rules(each):
            rules[name].append(pattern)
    return Expected("manner", fields={"reference": None} | {k: v for k, v in rules.items() if v})


def _rules(assertion: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What ``manner`` holds an answer to: ``must`` or ``must_not``, and a pattern."""
    named, value = str(assertion["type"]), assertion.get("value")
    if named in _PATTERNS:
        yield _PATTERNS[named], _pattern(str(value))
    elif named in _STARTS:
        yield _STARTS[named], f"^{escaped(str(value))}"
    else:
        texts = [escaped(text) for text in _texts(named, value)]
        begin = "(?i:" if "icontains" in named else "(?:"
        if _LISTS[named] == "any":
            texts = ["|".join(texts)]
        for text in texts:
            yield "must_not" if _LISTS[named] == "none" else "must", f"{begin}{text})"


def _texts(named: str, value: object) -> list[str]:
    """Texts to look for; several in one are parted by commas, where the type takes several."""
    if isinstance(value, str):
        if named.endswith(("-all", "-any")):
            return [cell.strip().strip('"') for cell in _CELLS.findall(value) if cell.strip(' "')]
        return [value] if value.strip() else []
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [str(value)]
    if isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        return [str(each) for each in value if str(each).strip()]
    return []


def _is_pattern(text: str) -> bool:
    """Whether RE2 takes a pattern; promptfoo's are JavaScript's, which know look-around."""
    try:
        is_found(text, "")
    except (BadPattern, UnicodeEncodeError):
        return False
    return True


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
    if colon and (named in _KNOWN or named in _LISTS or named.startswith("not-")):
        return {"type": named, "value": value.strip()}
    if named in _JSON and not colon:
        return {"type": named}
    return {"type": "equals", "value": text.strip()}


_KNOWN = {
    *_JUDGED, "equals", "regex", "starts-with", "is-json", "contains-json", "javascript", "python",
    "similar", "levenshtein", "rouge-n", "cost", "latency", "answer-relevance", "moderation",
    "webhook", "perplexity", "classifier",
}  # fmt: skip
