"""Marketing copy: how many of the facts given are named in the text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

from steelyard.domain.tasks import Grade, Sample
from steelyard.weigh.graders.base import Example, Grader, Parameters, extra, plain
from steelyard.weigh.graders.wording import words

_YES = frozenset({"yes", "true", "是", "有"})
_NO = frozenset({"no", "false", "否", "无"})
_NOT = frozenset({"not", "no", "non", "isn", "aren", "doesn", "never", "without", "un"})
_NOT_CHINESE = "不非没无未"
_NEAR_WORDS = 4


def grade(answer: str, sample: Sample, parameters: Parameters) -> Grade:
    """What is met over all that is asked: each fact of the item's field ``facts``, and the limits.

    A fact is named when its value stands in the text, or another wording of it: a list of texts in
    the item, or the parameter ``wordings`` by field and value. A yes asks for the field's own name
    (``familyFriendly``: family friendly), a no for that name with a negation before it. The item's
    ``forbidden`` (none of these texts) and ``length`` (from and to, in characters without white
    space) count as one demand each. Whether the text adds facts of its own is not seen.
    """
    facts = _facts(sample)
    if not facts:
        return Grade.unscored("the item has no facts")
    text = plain(answer)
    missed = [
        key
        for key, values in facts.items()
        if not any(_is_named(key, value, text, parameters) for value in values)
    ]
    faults = [f"not named: {', '.join(missed)}"] if missed else []
    limits = _broken_limits(answer, sample)
    faults += [fault for fault in limits if fault]
    total = len(facts) + len(limits)
    return Grade(Fraction(total - len(missed) - sum(map(bool, limits)), total), "; ".join(faults))


def fits(sample: Sample) -> str:
    """Needs the item's field ``facts``, and limits of the right form if any."""
    if not _facts(sample):
        return "the facts grader needs facts: an object of texts"
    forbidden, length = extra(sample, "forbidden"), extra(sample, "length")
    if forbidden is not None and not (
        isinstance(forbidden, list) and all(isinstance(text, str) for text in forbidden)
    ):
        return "forbidden is a list of texts"
    if length is not None and not (
        isinstance(length, list) and [type(each) for each in length] == [int, int]
    ):
        return "length is a list of two numbers, from and to"
    return ""


def check(parameters: Parameters) -> str:
    """``wordings`` is an object of objects of lists of texts."""
    wordings = parameters["wordings"]
    if isinstance(wordings, Mapping) and all(
        isinstance(values, Mapping)
        and all(
            isinstance(texts, list) and all(isinstance(text, str) for text in texts)
            for texts in values.values()
        )
        for values in wordings.values()
    ):
        return ""
    return "wordings holds lists of texts by field and value"


def _facts(sample: Sample) -> dict[str, tuple[str, ...]]:
    own = extra(sample, "facts")
    found: dict[str, tuple[str, ...]] = {}
    for key, value in (own if isinstance(own, Mapping) else {}).items():
        texts = value if isinstance(value, list) else [value]
        named = tuple(str(text) for text in texts if isinstance(text, str | int | float))
        if any(plain(text) for text in named):
            found[str(key)] = tuple(text for text in named if plain(text))
    return found


def _broken_limits(answer: str, sample: Sample) -> list[str]:
    """A text for each limit of the item: why it is not met, or empty."""
    limits = []
    forbidden, length = extra(sample, "forbidden"), extra(sample, "length")
    if isinstance(forbidden, list) and forbidden:
        text = plain(answer)
        found = [str(each) for each in forbidden if _place(plain(str(each)), text) >= 0]
        limits.append(f"must not be there: {', '.join(found)}" if found else "")
    if isinstance(length, list) and length:
        count = len("".join(answer.split()))
        is_met = int(length[0]) <= count <= int(length[-1])
        limits.append("" if is_met else f"{count} characters, not {length[0]} to {length[-1]}")
    return limits


def _is_named(key: str, value: str, text: str, parameters: Parameters) -> bool:
    others = _wordings(key, value, parameters)
    wanted = plain(value)
    if wanted in _YES | _NO:
        names = [_name(key), *_wordings(key, "yes", parameters)]
        is_negated = [_negated(plain(name), text) for name in names if plain(name)]
        if wanted in _NO:
            return any(each is True for each in is_negated) or any(
                _place(plain(other), text) >= 0 for other in others
            )
        return any(each is False for each in is_negated)
    return any(_place(plain(each), text) >= 0 for each in (value, *others))


def _wordings(key: str, value: str, parameters: Parameters) -> list[str]:
    wordings = parameters["wordings"]
    values = wordings.get(key) if isinstance(wordings, Mapping) else None
    texts = values.get(value) if isinstance(values, Mapping) else None
    return [str(text) for text in texts] if isinstance(texts, list) else []


def _name(key: str) -> str:
    """``familyFriendly`` as a text has it."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key)


def _place(part: str, text: str) -> int:
    """Where a text stands in another, as whole words where the script has words; or -1."""
    start = text.find(part) if part else -1
    while start >= 0:
        end = start + len(part)
        is_cut = (part[0].isascii() and part[0].isalnum() and _letter(text[start - 1 : start])) or (
            part[-1].isascii() and part[-1].isalnum() and _letter(text[end : end + 1])
        )
        if not is_cut:
            return start
        start = text.find(part, start + 1)
    return -1


def _letter(sign: str) -> bool:
    return sign.isascii() and sign.isalnum()


def _negated(name: str, text: str) -> bool | None:
    """Whether a negation stands shortly before the name; None when the name is not there."""
    start = _place(name, text)
    if start < 0:
        return None
    before = re.split(r"[.;!?。；！？，,]", text[max(0, start - 60) : start])[-1]
    near = words(before)[-_NEAR_WORDS:]
    return bool(_NOT.intersection(near)) or any(sign in "".join(near) for sign in _NOT_CHINESE)


_FACTS = {"facts": {"name": "The Mill", "priceRange": "cheap", "familyFriendly": "no"}}
_WORDINGS = {"wordings": {"priceRange": {"cheap": ["low-priced"]}}}

GRADER = Grader(
    name="facts",
    grade=grade,
    fits=fits,
    check=check,
    parameters={"wordings": {}},
    examples=(
        Example(
            "The Mill is a low priced pub, not family-friendly.",
            "-",
            Grade(Fraction(1)),
            extras=_FACTS,
            parameters=_WORDINGS,
        ),
        Example(
            "The Mill: cheap and family friendly!",
            "-",
            Grade(Fraction(2, 3), "not named: familyFriendly"),
            extras=_FACTS,
        ),
        Example(
            "轻薄本，重1.2公斤，不支持快充",
            "-",
            Grade(Fraction(2, 3), "not named: 颜色"),
            extras={"facts": {"重量": ["1.2公斤", "1.2kg"], "快充": "否", "颜色": "银色"}},
        ),
        Example(
            "最好喝的桂花乌龙",
            "-",
            Grade(Fraction(1, 3), "must not be there: 最; 8 characters, not 10 to 20"),
            extras={"facts": {"品名": "桂花乌龙"}, "forbidden": ["最"], "length": [10, 20]},
        ),
        Example(
            "A pub.",
            "-",
            Grade(Fraction(0), "not named: name, priceRange, familyFriendly"),
            extras=_FACTS,
        ),
        Example("", "-", Grade.unscored("the answer holds nothing"), extras=_FACTS),
    ),
)
