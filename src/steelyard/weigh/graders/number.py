"""The last number in the answer must be the reference's."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from steelyard.domain.tasks import Grade, Sample
from steelyard.weigh.graders.base import Example, Grader, Parameters, references

_DIGITS_MAX = 300
_END_CHARS = 20_000
_ARABIC = re.compile(
    r"(?P<share>百分之\s*)?"
    r"(?P<sign>(?:(?<![\w)\]])|(?<=[约为是得即于到了之]))[-+\u2212]|(?<!正)负\s*)?"
    r"(?P<number>\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:\s*/\s*(?P<under>\d+))?"
    r"\s*(?P<unit>[万萬亿億]{0,2})"
    r"\s*(?P<percent>%|‰|percent\b|per cent\b)?"
)
_POWER = re.compile(r"(?<=[A-Za-z米])(?:\^\{?[23]\}?|[²³])")
"""Of a unit, such as km²: no number of its own."""
_CHINESE = re.compile(
    r"(?P<share>百分之)?(?P<sign>负)?"
    r"(?P<number>[零〇一二两三四五六七八九十百千万亿]+(?:点[零〇一二三四五六七八九]+)?)"
    r"(?:分之(?P<over>[零〇一二两三四五六七八九十百千万亿]+))?"
)
_FIGURES = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_STEPS = {"十": 10, "百": 100, "千": 1000}
_UNITS = {"万": 10_000, "萬": 10_000, "亿": 10**8, "億": 10**8}
_SHARES = {"%": 100, "‰": 1000, "percent": 100, "per cent": 100}


def grade(answer: str, sample: Sample, parameters: Parameters) -> Grade:
    """1 when the last number is a reference within the tolerance, else 0.

    Thousands commas, full width, 万 and 亿 are read; ``50%``, ``0.5`` and 百分之五十 are the same,
    and so are ``50%`` and ``50``. Chinese numerals count only in an answer without figures, since
    一 is a part of many other words. Of a long answer only the end is read.
    """
    found = _last(answer)
    if found is None:
        return Grade(Fraction(0), "no number in the answer")
    said, text = found
    allowed = Fraction(str(parameters["tolerance"]))
    part = Fraction(str(parameters["tolerance_relative"]))
    for reference in references(sample):
        gold = _last(reference)
        for right in gold[0] if gold else ():
            if any(abs(value - right) <= max(allowed, part * abs(right)) for value in said):
                return Grade(Fraction(1), extracted=text)
    return Grade(Fraction(0), f"the reference is {references(sample)[0]}", text)


def fits(sample: Sample) -> str:
    """Needs a number in every reference."""
    gold = references(sample)
    if gold and all(_last(text) for text in gold):
        return ""
    return "the number grader needs a number as reference"


def check(parameters: Parameters) -> str:
    """Both tolerances are numbers from 0."""
    for name in ("tolerance", "tolerance_relative"):
        value = parameters[name]
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return f"{name} is a number"
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            return f"{name} is a number"
        if not (number.is_finite() and number >= 0):
            return f"{name} is 0 or more"
    return ""


def _last(text: str) -> tuple[tuple[Fraction, ...], str] | None:
    """What the last number may mean, and how it was written."""
    folded = unicodedata.normalize("NFKC", _POWER.sub("", text[-_END_CHARS:]))
    for pattern, read in ((_ARABIC, _read_arabic), (_CHINESE, _read_chinese)):
        match = None
        for match in pattern.finditer(folded):  # noqa: B007
            pass
        if match is not None:
            shown = match[0].strip()
            return (read(match), shown) if len(shown) <= _DIGITS_MAX else None
    return None


def _read_arabic(match: re.Match[str]) -> tuple[Fraction, ...]:
    value = Fraction(match["number"].replace(",", ""))
    for unit in match["unit"]:
        value *= _UNITS[unit]
    if (match["sign"] or "").strip() in {"-", "\u2212", "负"}:
        value = -value
    percent = 100 if match["share"] else _SHARES.get(match["percent"] or "", 0)
    if percent:
        return (value / percent, value)
    if match["under"] and int(match["under"]):
        return (value / int(match["under"]),)
    return (value,)


def _read_chinese(match: re.Match[str]) -> tuple[Fraction, ...]:
    value = _chinese(match["number"])
    if match["over"] and value:
        value = _chinese(match["over"]) / value
    if match["sign"]:
        value = -value
    return (value / 100, value) if match["share"] else (value,)


def _chinese(text: str) -> Fraction:
    whole, _, decimals = text.partition("点")
    value = Fraction(_chinese_whole(whole))
    for place, figure in enumerate(decimals, start=1):
        value += Fraction(_FIGURES[figure], 10**place)
    return value


def _chinese_whole(text: str) -> int:
    if len(text) > 1 and all(figure in _FIGURES for figure in text):
        return int("".join(str(_FIGURES[figure]) for figure in text))  # 二〇二六
    total = section = figure = step = 0
    for sign in text:
        if sign in _FIGURES:
            figure = _FIGURES[sign]
            step = 1 if sign in "零〇" else step
        elif sign in _STEPS:
            section += (figure or 1) * _STEPS[sign]
            figure, step = 0, _STEPS[sign]
        else:
            unit = _UNITS[sign]
            carried = section + figure
            total = (total + carried) * unit if unit > total else total + (carried or 1) * unit
            section = figure = 0
            step = unit
    # 一百二 is 120 and 一万二 is 12,000: a last figure without its step takes the next lower one.
    return total + section + (figure * (step // 10) if step >= 100 else figure)


_RIGHT = Grade(Fraction(1), extracted="1,200")

GRADER = Grader(
    name="number",
    grade=grade,
    fits=fits,
    check=check,
    parameters={"tolerance": 0, "tolerance_relative": 0},
    examples=(
        Example("3 x 400 = 1,200.", "1200", _RIGHT),
        Example("一共一千二百元", "1200", Grade(Fraction(1), extracted="一千二百")),
        Example("0.12万", "1200", Grade(Fraction(1), extracted="0.12万")),
        Example("一半，也就是百分之五十", "0.5", Grade(Fraction(1), extracted="百分之五十")),
        Example("50%", "0.5", Grade(Fraction(1), extracted="50%")),
        Example(
            "about 3.14",
            "3.14159",
            Grade(Fraction(1), extracted="3.14"),
            parameters={"tolerance": 0.01},
        ),
        Example("1200 or 7", "1200", Grade(Fraction(0), "the reference is 1200", "7")),
        Example("many", "1200", Grade(Fraction(0), "no number in the answer")),
        Example("", "1200", Grade.unscored("the answer holds nothing")),
    ),
)
