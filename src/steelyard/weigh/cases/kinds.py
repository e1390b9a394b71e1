"""What kind of failure an answer is: a table of looks, the first that recognises it names it.

Everything here is visible to a program and explained in one line; no model is asked. A kind
is a slug for programs (``wrong_label``), a detail that splits it (``退货 → 换货``) and the parts
that are wrong (slots, broken rules), which a cluster counts. Pure.

The graders' reasons are read as they are written in ``graders/*``; a grader of one's own gets the
kinds that need no knowledge of it, and ``other`` with its reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from steelyard.domain.tasks import Sample
from steelyard.weigh.cases.terms import han_share, share_within
from steelyard.weigh.datasets import LETTERS
from steelyard.weigh.graders.base import extra, plain, references, without_thoughts
from steelyard.weigh.runfile import Record

_PARSERS = frozenset({"label", "choice", "number", "json_slots", "json_schema", "regex", "sql"})
"""Graders that take a part out of the answer; with that part there, its form was right."""
_CODE = frozenset({"code_tests", "sql"})
_TEXTS = frozenset({"exact", "qa_em", "qa_f1", "chrf", "rouge_l", "edit_similarity", "regex"})
_DETAIL_CHARS = 60
_REPEATED_MIN = 3
"""A shorter answer in Latin letters is no sign that a reason repeats it: ``no`` is in many."""
_REPEATED_CUT = 20
"""A reason that holds so many characters of a longer answer repeats it, cut off."""
_QUOTED = re.compile(
    r"(?<!\w)'[^']*(?:'|$)|\"[^\"]*(?:\"|$)|`[^`]*(?:`|$)|“[^”]*(?:”|$)|「[^」]*(?:」|$)|«[^»]*(?:»|$)"
)
"""What stands in quotation marks, to the end where it was cut; the one in ``judge's`` is none."""
_FIGURE = re.compile(r"(from 0 to 1)\b|\d+(?:\.\d+)?")
"""Figures but the bounds of a grade, which are the same for all items."""
_REFUSALS = re.compile(
    r"作为一?[个名]?\s*(?:AI|人工智能|语言模型)|(?:抱歉|对不起)[^。！？]{0,20}(?:无法|不能|没办法)"
    r"|我(?:无法|不能)(?:回答|提供|完成|协助|满足|为您|帮)|as an? (?:ai|language model)\b"
    r"|\bi(?:'m| am)? (?:sorry|afraid)\b.{0,40}\b(?:can'?t|cannot|unable|not able)\b"
    r"|\bi (?:can'?t|cannot|am unable to|won'?t) (?:help|assist|answer|provide|comply|do)",
    re.IGNORECASE | re.DOTALL,
)
_REFUSAL_WITHIN = 200
_RULES = {
    "not named": "not_named",
    "must not be there": "forbidden",
    "found": "forbidden",
    "not found": "not_found",
    "missing": "not_named",
}
_LENGTHS = re.compile(r"(\d+) characters, not (\d+) to (\d+)")
_EXCEPTION = re.compile(r"(?:^|\W)([A-Z]\w*(?:Error|Exception|Interrupt|Exit|Iteration))\b")


@dataclass(frozen=True, slots=True)
class Kind:
    """What is wrong with an answer."""

    slug: str
    detail: str = ""
    """What splits the kind, such as a pair of labels; ``word:text`` where the word has a wording
    in ``case_texts``."""
    parts: tuple[str, ...] = ()
    """What is wrong in it, each for itself, such as ``missing:days``; sorted."""

    def __str__(self) -> str:
        return f"{self.slug}:{self.detail}" if self.detail else self.slug


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that is not right, with what the looks need."""

    record: Record
    sample: Sample
    """As it was sent: options in the order that the model saw."""
    original: Sample
    """As it stands in the set."""
    grader: str

    @property
    def answer(self) -> str:
        """Without a leading block of thoughts."""
        return without_thoughts(self.record.answer).strip()

    @property
    def is_parsed(self) -> bool:
        """Whether the grader found the part that it grades."""
        return self.grader in _PARSERS and bool(self.record.grade.extracted)


def kind_of(failure: Failure) -> Kind:
    """The kind of a failure; there is always one."""
    found = next((kind for look in _LOOKS if (kind := look(failure)) is not None), None)
    return found or Kind("other", _own_reason(failure))


def reason_class(reason: str) -> str:
    """A reason without what differs from item to item: figures and what is quoted."""
    bare = _FIGURE.sub(lambda found: found[1] or "…", _QUOTED.sub("…", reason))
    return " ".join(bare.split())[:_DETAIL_CHARS]


def _own_reason(failure: Failure) -> str:
    """The class of a reason in anybody's words: what they repeat of answer or reference is out.

    Else a grader that says what it was given would make a kind of every answer.
    """
    grade = failure.record.grade
    reason = _QUOTED.sub("…", " ".join(grade.reason.split()))
    said = {failure.answer, grade.extracted, *references(failure.sample)}
    for text in sorted((" ".join(each.split()) for each in said), key=len, reverse=True):
        if text.isascii() and len(text) < _REPEATED_MIN:
            continue
        if text and text in reason:
            # Bounds, so that "not" leaves "nothing" whole; Han has no spaces to bound it.
            reason = re.sub(rf"(?<![A-Za-z0-9]){re.escape(text)}(?![A-Za-z0-9])", "…", reason)
        elif len(text) > _REPEATED_CUT and text[:_REPEATED_CUT] in reason:
            reason = reason[: reason.index(text[:_REPEATED_CUT])] + "…"
    return reason_class(reason)


def _no_answer(failure: Failure) -> Kind | None:
    if failure.record.is_answered:
        return None
    return Kind("no_answer", reason_class(failure.record.grade.reason).partition(":")[0])


def _filtered(failure: Failure) -> Kind | None:
    return Kind("filtered") if failure.record.finish_reason == "content_filter" else None


def _empty(failure: Failure) -> Kind | None:
    if failure.answer:
        return None
    is_cut = failure.record.finish_reason == "length"
    return Kind("empty", "cut:" if is_cut else "thoughts:" if failure.record.answer.strip() else "")


def _not_graded(failure: Failure) -> Kind | None:
    grade = failure.record.grade
    return Kind("not_graded", _own_reason(failure)) if grade.value is None else None


def _wrong_value(failure: Failure) -> Kind | None:
    if not failure.is_parsed:
        return None
    look = _BY_GRADER.get(failure.grader)
    return look(failure) if look is not None else None


def _judged(failure: Failure) -> Kind | None:
    """What a judge model made of it, against the reference or another offer's answer."""
    if failure.grader != "judge":
        return None
    grade = failure.record.grade
    if "turned with the order" in grade.reason:
        return Kind("judged", "turned:")
    return Kind("judged", "tie:" if grade.value else "worse:")


def _refusal(failure: Failure) -> Kind | None:
    said = failure.answer[:_REFUSAL_WITHIN]
    return Kind("refusal") if not failure.is_parsed and _REFUSALS.search(said) else None


def _cut_off(failure: Failure) -> Kind | None:
    is_cut = failure.record.finish_reason == "length" and not failure.is_parsed
    return Kind("cut_off") if is_cut else None


def _code(failure: Failure) -> Kind | None:
    if failure.grader not in _CODE:
        return None
    reason = failure.record.grade.reason
    if failure.grader == "sql":
        return Kind("query_failed", reason_class(reason.partition(": ")[0]))
    found = _EXCEPTION.search(reason)
    return Kind("code_failed", found[1] if found else reason_class(reason))


def _language(failure: Failure) -> Kind | None:
    """Answered in another script than the reference, or without one than the question."""
    if failure.grader in _CODE:
        return None
    said = han_share(failure.answer)
    wanted = han_share(" ".join(references(failure.sample)))
    if wanted is None:
        wanted = han_share(failure.sample.input)
    if said is None or wanted is None or abs(said - wanted) < 0.5:
        return None
    return Kind("wrong_language")


def _repeats(failure: Failure) -> Kind | None:
    if failure.is_parsed or failure.grader in _CODE or len(failure.answer) < 20:
        return None
    is_repeated = share_within(failure.answer, failure.sample.input) >= 0.9
    return Kind("repeats") if is_repeated else None


def _form(failure: Failure) -> Kind | None:
    reason = failure.record.grade.reason
    is_formless = reason.startswith("no ") and reason.endswith(" in the answer")
    if not is_formless or failure.grader not in _PARSERS:
        return None
    return Kind("wrong_form", reason_class(reason))


def _rules(failure: Failure) -> Kind | None:
    parts = set(_broken_rules(failure.record.grade.reason))
    return Kind("rule_broken", "", tuple(sorted(parts))) if parts else None


def _broken_rules(reason: str) -> Iterator[str]:
    for fault in reason.split("; "):
        if length := _LENGTHS.fullmatch(fault):
            yield "too_long:" if int(length[1]) > int(length[3]) else "too_short:"
            continue
        head, _, rest = fault.partition(": ")
        if head == "not followed":
            yield from (f"not_followed:{name.strip()}" for name in rest.split(","))
        elif head in _RULES:
            yield f"{_RULES[head]}:"


def _length(failure: Failure) -> Kind | None:
    gold = references(failure.sample)
    if failure.grader not in _TEXTS or not gold:
        return None
    said = len(failure.answer)
    if said > 3 * max(map(len, gold)) + 20:
        return Kind("too_long")
    return Kind("too_short" if 3 * said < min(map(len, gold)) else "wrong_text")


def _wrong_label(failure: Failure) -> Kind:
    return Kind("wrong_label", f"{failure.sample.reference} → {failure.record.grade.extracted}")


def _wrong_choice(failure: Failure) -> Kind:
    """Splits by what is wrong with the option taken, where the item says so, else by its letter.

    Options are shuffled, so a letter that stands out is a habit of the model.
    """
    letter = failure.record.grade.extracted.strip().upper()
    place = LETTERS.find(letter) if letter else -1
    faults = extra(failure.original, "faults")
    if isinstance(faults, list) and 0 <= place < len(failure.sample.choices):
        taken = failure.original.choices.index(failure.sample.choices[place])
        if taken < len(faults) and faults[taken]:
            return Kind("wrong_choice", f"fault:{faults[taken]}"[:_DETAIL_CHARS])
    return Kind("wrong_choice", f"chose:{letter[:1]}")


def _wrong_slots(failure: Failure) -> Kind:
    parts = tuple(sorted(set(_slot_parts(failure))))
    if not parts:
        return Kind("wrong_slots", reason_class(failure.record.grade.reason))
    return Kind("wrong_slots", "", parts)


def _slot_parts(failure: Failure) -> Iterator[str]:
    gold = failure.sample.reference
    grade = failure.record.grade
    try:
        said = json.loads(grade.extracted)
    except (ValueError, RecursionError):
        said = None  # the grader keeps the beginning only
    if isinstance(said, dict) and isinstance(gold, Mapping):
        for name, value in gold.items():
            given = _slot_text(said.get(name))
            if plain(given) != plain(value):
                yield f"{'wrong' if given.strip() else 'missing'}:{name}"
        for name in said:
            if name not in gold and _slot_text(said[name]).strip():
                yield f"extra:{str(name)[:_DETAIL_CHARS]}"
    elif grade.reason.startswith("wrong or missing: "):
        for name in grade.reason.removeprefix("wrong or missing: ").split(", "):
            yield f"wrong:{name}"


def _slot_text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _wrong_number(failure: Failure) -> Kind:
    said = _number(failure.record.grade.extracted)
    gold = next((n for n in map(_number, references(failure.sample)) if n is not None), None)
    if said is None or gold is None:
        return Kind("wrong_number")
    if said == -gold and gold:
        return Kind("wrong_number", "sign:")
    if gold and said and _is_power_of_ten(said / gold):
        return Kind("wrong_number", "scale:")
    if abs(said - gold) <= abs(gold) / 100:
        return Kind("wrong_number", "near:")
    return Kind("wrong_number", "far:")


def _is_power_of_ten(factor: Decimal) -> bool:
    digits = factor.normalize().as_tuple()
    return digits.digits == (1,) and not digits.sign and digits.exponent != 0


def _number(text: str) -> Decimal | None:
    bare = text.replace(",", "").replace("\u2212", "-").strip()
    scale = {"万": 4, "亿": 8, "%": -2}.get(bare[-1:], 0)
    try:
        value = Decimal(bare[:-1].strip() if scale else bare)
        return value.scaleb(scale) if value.is_finite() else None
    except InvalidOperation:
        return None


def _wrong_match(failure: Failure) -> Kind:
    return Kind("wrong_text")


_BY_GRADER: Mapping[str, Callable[[Failure], Kind]] = {
    "label": _wrong_label,
    "choice": _wrong_choice,
    "json_slots": _wrong_slots,
    "json_schema": _wrong_slots,
    "number": _wrong_number,
    "regex": _wrong_match,
}
_LOOKS: tuple[Callable[[Failure], Kind | None], ...] = (
    _no_answer,
    _filtered,
    _empty,
    _not_graded,
    _wrong_value,
    _refusal,
    _cut_off,
    _judged,
    _code,
    _language,
    _repeats,
    _form,
    _rules,
    _length,
)
