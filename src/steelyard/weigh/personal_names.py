"""Finds names of people in texts by what stands around them: titles, greetings, fields, signatures.

No model and no list of names: a table of Chinese surnames, and words that people put before and
behind names. So it finds names where somebody is addressed, introduced or filled in, and misses
those that a sentence mentions in passing; what was found once is then found everywhere in the
request. ``tests/fixtures/names`` measures how much that is. Pure; every repetition is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

NAMES_MAX = 300
"""Names of one request; one that holds more is a list of people, and no test item."""
_WORDS = Path(__file__).with_suffix(".yaml")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_CAPITAL = re.compile(r"[A-Z][a-zA-Z\u00c0-\u024f'’-]")
_PUNCTUATION = r"\s，。！？、；：,.!?;:…~～“”\"'()（）\[\]/@"
_SIGN = r"(?:[\u4e00-\u9fff](?<![我你他她叫是由在的名和与自被把对向为知道]))"
_NICK_END = rf"(?=[{_PUNCTUATION}已说来也]|$)"
_PLACE = "it"
"""Group of a pattern that is the name."""

_ENGLISH_WORD = (
    r"(?:(?:van|von|de|del|der|da|di|la|le|bin|al|O'|O’|Mc|Mac)[ ]?){0,2}"
    r"[A-Z][a-zA-Z\u00c0-\u024f'’-]{1,24}"
)
_INITIALS = r"(?:[A-Z]\.[ ]?){0,3}"
_PERSON = rf"{_INITIALS}{_ENGLISH_WORD}(?:[ ]{_INITIALS}{_ENGLISH_WORD}){{0,2}}"
_TWO = rf"{_INITIALS}{_ENGLISH_WORD}(?:[ ]{_INITIALS}{_ENGLISH_WORD}){{1,2}}"
_LINE = r"(?:^|\n|\\n)[ \t]{0,4}"
_LINE_END = r"[ \t]{0,4}(?=$|\n|\\n)"


class Names(NamedTuple):
    """Names of people that the texts of one request hold."""

    whole: frozenset[str]
    """Taken out wherever they stand."""
    surnames: frozenset[str]
    """Chinese surnames alone: taken out before a form of address only."""


class _Rules(NamedTuple):
    """What to look for, compiled."""

    chinese: tuple[re.Pattern[str], ...]
    titled: tuple[re.Pattern[str], ...]
    """Surnames alone."""
    english: tuple[re.Pattern[str], ...]
    conversation: re.Pattern[str]
    speaker: re.Pattern[str]
    """Who says a line of a conversation."""
    no_names: frozenset[str]
    not_names: frozenset[str]
    """The same in Chinese."""
    roles: frozenset[str]
    behind: str
    """What stands behind a Chinese surname that is taken out alone, as a pattern."""


def are_too_many(names: Names) -> bool:
    """Whether a request names so many people that going over it would take too long."""
    return len(names.whole) + len(names.surnames) > NAMES_MAX


def find(texts: Iterable[str]) -> Names:
    """The names of people in the texts of one request, by what stands around them."""
    rules = _rules()
    whole: set[str] = set()
    surnames: set[str] = set()
    for text in texts:
        if _HAN.search(text):
            whole.update(set(_matches(rules.chinese, text)) - rules.not_names)
            surnames.update(_matches(rules.titled, text))
        if not _CAPITAL.search(text):
            continue
        english = [*_matches(rules.english, text)]
        if rules.conversation.search(text):
            # A heading stands once; who speaks is spoken to, or speaks again.
            english += [each for each in _matches((rules.speaker,), text) if text.count(each) > 1]
        whole.update(filter(None, map(_trimmed, english)))
    return Names(frozenset(whole - rules.roles), frozenset(surnames))


def forms(called: str) -> set[str]:
    """How a text may write somebody whom a field calls so; empty when that is no name."""
    plain = re.sub(r"[._]", " ", called).strip()
    return {called.strip(), plain, plain.title()} if is_name(plain) else set()


def is_name(text: str) -> bool:
    """Whether a field that should hold a name holds one: letters, no role, no id of a program."""
    words = text.split()
    return (
        2 <= len(text) <= 60
        and len(words) <= 4
        and text.casefold() not in _rules().roles
        and all(re.fullmatch(r"[^\W\d_](?:[^\W\d_]|['’.-]){0,58}", word) for word in words)
    )


def pattern_of(names: Names) -> re.Pattern[str] | None:
    """What finds these names in a text, the longest first; None when there are none."""
    whole = names.whole | {part for name in names.whole for part in _parts(name)}
    chinese = [name for name in whole if _HAN.search(name)]
    # Names of one script in one group: what cannot begin any of them is passed over at once.
    pieces = [_any(sorted(chinese))] if chinese else []
    if len(chinese) < len(whole):
        pieces.append(rf"(?<![A-Za-z]){_any(sorted(whole - set(chinese)))}(?![a-z])")
    if names.surnames:
        alone = _any(sorted(names.surnames))
        pieces.append(rf"{alone}{_rules().behind}|(?<=[老小姓]){alone}{_NICK_END}")
    return re.compile("|".join(pieces)) if pieces else None


def persons(names: Names) -> Mapping[str, str]:
    """Whom a part of a name means, where only one person here is called so."""
    owners: dict[str, set[str]] = {}
    for name in names.whole:
        short = [name[:1], name[:2]] if _HAN.search(name) else _parts(name)
        for part in short:
            owners.setdefault(part, set()).add(name)
    return {part: next(iter(of)) for part, of in owners.items() if len(of) == 1}


def _parts(name: str) -> list[str]:
    """The words of an English name that may stand for the person by themselves."""
    words = [] if _HAN.search(name) else name.split()
    no_names = _rules().no_names
    return [
        word
        for word in words
        if len(words) > 1 and len(word) > 2 and word[0].isupper() and word not in no_names
    ]


def _matches(patterns: Iterable[re.Pattern[str]], text: str) -> Iterator[str]:
    for pattern in patterns:
        for match in pattern.finditer(text):
            yield match[_PLACE]


def _trimmed(name: str) -> str:
    """A name without words at its end that are none; empty when it begins with such a word."""
    no_names = _rules().no_names
    words = name.split()
    while words and _bare(words[-1]) in no_names:
        words.pop()
    if not words or _bare(words[0]) in no_names:
        return ""
    words[-1] = _bare(words[-1]) if "." not in words[-1][:2] else words[-1]
    return " ".join(words)


def _bare(word: str) -> str:
    return word.replace("’", "'").removesuffix("'s").rstrip(".'-")


@cache
def _rules() -> _Rules:
    told: dict[str, Any] = yaml.load(_WORDS.read_text("utf-8"), Loader=yaml.CSafeLoader)
    titles, short = _any(told["titles"]), _any(told["short_titles"])
    roles = frozenset(str(each) for each in told["roles"])
    title_edge = rf"(?=[{_PUNCTUATION}您你的说在好让要和跟请比那这已打发给来去把]|$)"
    behind = rf"(?={titles}|{short}{title_edge})"
    return _Rules(
        _chinese(told, titles),
        _titled(told, titles, rf"{short}{title_edge}"),
        _english(told),
        re.compile(rf"{_LINE}{_any(told['speakers'])}: "),
        re.compile(rf"{_LINE}(?P<it>{_PERSON}): "),
        frozenset((*str(told["english_no_names"]).split(), *told["english_titles"])),
        frozenset(told["not_names"]),
        roles,
        behind,
    )


def _any(words: Iterable[str]) -> str:
    """A pattern for any of these words, the longest first."""
    return f"(?:{'|'.join(map(re.escape, sorted(words, key=len, reverse=True)))})"


def _surnames(told: Mapping[str, Any]) -> tuple[str, str, str]:
    """Patterns: any surname, one that is no everyday word, and a sign of a given name."""
    doubled = "|".join(told["doubled"])
    every = "".join(str(told["surnames"]).split())
    sure = "".join(sign for sign in every if sign not in told["doubtful"])
    given = rf"[\u4e00-\u9fff](?<![{told['never_given']}])"
    return f"(?:{doubled}|[{every}])", f"(?:{doubled}|[{sure}])", f"(?:{given})"


def _head(told: Mapping[str, Any]) -> str:
    """Where a name may begin within a sentence."""
    before = "是找给请跟和叫让问系谢到代向由与对把被帮们呢吗了的"
    return rf"(?:(?<![^{_PUNCTUATION}{before}]))"


def _chinese(told: Mapping[str, Any], titles: str) -> tuple[re.Pattern[str], ...]:
    surname, sure, given = _surnames(told)
    full, likely = f"{surname}{given}{{1,2}}", f"{sure}{given}{{1,2}}"
    posts = _any(told["posts"])
    head, gap = _head(told), r"[ \t]{0,4}"
    end = rf"(?=[{_PUNCTUATION}<【来您你的a-zA-Z0-9]|先生|女士|本人|$)"
    fields, kin = _any(told["fields"]), _any(told["kin"])
    abroad = f"[{''.join(str(told['foreign']).split())}]"
    pieces = (
        rf"(?:{_any(told['introductions'])}|{kin}叫)(?P<it>{full}){end}",
        rf"(?:我|这|他|她)是{gap}(?P<it>{likely}){end}",
        rf"{fields}{gap}[:：是为叫 \t]{gap}(?P<it>{full}){end}",
        rf"(?:{fields}|{kin})(?P<it>{likely}?){end}",
        rf"(?:{fields}|我{kin})(?P<it>{sure}{given}{{2}})",
        rf"(?!{posts}{titles})(?P<it>{surname}(?!{posts}{titles}){given}{{1,2}}?)(?={titles})",
        rf"{head}(?P<it>{likely})(?=[您你]好|[,，]?您)",
        rf"(?:尊敬的|亲爱的|@|Hi |Dear ){gap}(?P<it>{full}){end}",
        rf"{_LINE}[—-]{{0,4}}(?P<it>{likely}){gap}(?=$|\n|[:：])",
        rf"{head}(?P<it>{likely})[ ,，:：]{{1,2}}(?=\[(?:PHONE|ID|EMAIL|CARD)_)",
        rf"\[(?:PHONE|ID|EMAIL)_[0-9]{{1,4}}\][ ,，]{{1,2}}(?P<it>{likely}){end}",
        rf"{head}(?P<it>{likely})(?=的{_any(told['belongings'])})",
        rf"{head}(?P<it>{abroad}{{2,6}})(?={titles})",
        rf"{head}(?P<it>{_SIGN}{{1,5}}·{_SIGN}{{1,6}}?)(?=[的在是和与说]|[^\u4e00-\u9fff]|$)",
        rf"(?P<it>{_SIGN}{{2}}·{_SIGN}{{1,6}}?)(?=[的在是和与说]|[^\u4e00-\u9fff]|$)",
    )
    return tuple(map(re.compile, pieces))


def _titled(told: Mapping[str, Any], titles: str, short: str) -> tuple[re.Pattern[str], ...]:
    surname, sure, _ = _surnames(told)
    head = _head(told)
    pieces = (
        rf"(?P<it>{sure})(?={titles})",
        rf"{head}(?P<it>{surname})(?={titles})",
        rf"{head}(?P<it>{sure})(?={short})",
        rf"{head}[老小](?P<it>{sure}){_NICK_END}",
        rf"(?:老师|我|他|她)姓(?P<it>{surname}){_NICK_END}",
    )
    return tuple(map(re.compile, pieces))


def _english(told: Mapping[str, Any]) -> tuple[re.Pattern[str], ...]:
    titles = rf"{_any(told['english_titles'])}\.?"
    fields = f"(?i:{_any(told['english_fields'])})"
    closing = (
        r"(?:(?i:(?:(?:best|kind|warm|many)[ ])?(?:regards|wishes|thanks|sincerely|thank you"
        r"|cheers)|yours(?:[ ](?:sincerely|truly|faithfully))?)|Best|Love)"
    )
    greeting = r"(?:Dear|Hi|Hello|Hey|Good (?:morning|afternoon|evening)),?"
    gap = r"[ \t]{0,4}"
    pieces = (
        rf"\b{titles}[ ](?:and[ ]{titles}[ ])?(?P<it>{_PERSON})",
        rf"\b(?i:my name is|my name's|name is|call me)[ ](?P<it>{_PERSON})",
        rf"(?<![A-Za-z])Name{gap}:{gap}(?P<it>{_PERSON})",
        rf"(?<![A-Za-z])name\\?[\"']?{gap}[:=]{gap}\\?[\"']?(?P<it>{_TWO})",
        rf"\b(?:I am|I'm|I’m)[ ](?P<it>{_TWO})",
        rf"\b(?:I am|I'm|I’m|[Tt]his is)[ ](?P<it>{_PERSON})"
        r"(?=,? (?:from|here|speaking|calling)\b)",
        rf"{_LINE}{greeting}[ ](?P<it>{_PERSON})(?=[,:!.\s]|$)",
        rf"{_LINE}{closing}[,.!]?(?:{gap}(?:\n|\\n)){{1,3}}"
        rf"(?:{titles}[ ])?(?P<it>{_PERSON}){_LINE_END}",
        rf"(?<![A-Za-z]){fields}\\?[\"']?{gap}[:=]{gap}\\?[\"']?(?P<it>{_PERSON})",
        rf"(?<![A-Za-z])(?:From|To|CC|Cc):{gap}(?:[^\n,]{{1,40}},[ ])?(?P<it>{_TWO})",
        rf"(?P<it>{_PERSON})[ ]?[<(]\[EMAIL_",
        rf"\b{_any(told['english_before'])}[ ](?P<it>{_TWO})",
        rf"\b(?i:my|his|her|our|their|your)[ ]{_any(told['english_kin'])}[ ]"
        rf"(?:(?:is )?(?:called|named) )?(?P<it>{_PERSON})",
    )
    return tuple(map(re.compile, pieces))
