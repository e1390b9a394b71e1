"""Names of people: what is found of them in texts of our own, measured; and what is none."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from steelyard.weigh.personal_names import find, forms, is_name, pattern_of, persons

TEXTS = Path(__file__).parents[2] / "fixtures" / "names"
GOLD = re.compile(r'\{([^{}"\n]{1,30})\}')


class Measure(NamedTuple):
    recall: float
    precision: float


def read(language: str, *, is_unseen: bool) -> list[tuple[str, list[tuple[int, int]]]]:
    """Texts with the places of names in them: the odd lines, or the even ones."""
    lines = (TEXTS / f"{language}.txt").read_text("utf-8").splitlines()
    found = []
    for line in lines[is_unseen::2]:
        text, places, at = "", [], 0
        whole = line.replace("\\n", "\n")
        for match in GOLD.finditer(whole):
            text += whole[at : match.start()]
            places.append((len(text), len(text) + len(match[1])))
            text += match[1]
            at = match.end()
        found.append((text + whole[at:], places))
    return found


def measured(language: str, *, is_unseen: bool) -> Measure:
    """Share of names of which no sign is left, and share of what is taken out that is a name."""
    n_names = n_found = n_taken = n_right = 0
    for text, places in read(language, is_unseen=is_unseen):
        pattern = pattern_of(find([text]))
        taken = [match.span() for match in pattern.finditer(text)] if pattern else []
        gone = {at for begin, end in taken for at in range(begin, end)}
        named = {at for begin, end in places for at in range(begin, end)}
        n_names += len(places)
        n_found += sum(
            all(at in gone for at in range(*place) if text[at].isalnum()) for place in places
        )
        n_taken += len(taken)
        n_right += sum(any(at in named for at in range(*span)) for span in taken)
    return Measure(n_found / n_names, n_right / n_taken)


@pytest.mark.parametrize(
    ("language", "is_unseen", "recall", "precision"),
    [
        ("zh", False, 0.87, 1.0),
        ("zh", True, 0.86, 0.97),
        ("en", False, 0.87, 1.0),
        ("en", True, 0.75, 1.0),
    ],
)
def test_as_many_names_are_found_as_the_page_says(
    language: str, is_unseen: bool, recall: float, precision: float
) -> None:
    found = measured(language, is_unseen=is_unseen)
    assert found.recall >= recall and found.precision >= precision


def test_a_surname_goes_before_forms_of_address_alone() -> None:
    names = find(["黄女士要退货。", "把它涂成黄色。老黄也来。"])
    assert names.surnames == {"黄"} and not names.whole
    pattern = pattern_of(names)
    assert pattern is not None
    text = "黄女士、黄总说黄色好看，老黄也来。"
    assert pattern.sub("_", text) == "_女士、_总说黄色好看，老_也来。"


def test_a_name_from_abroad_is_known_by_its_dot() -> None:
    assert find(["我叫约翰·史密斯，住在纽约"]).whole == {"约翰·史密斯"}
    assert find(["最初是由卡尔·林奈的书得名"]).whole == {"卡尔·林奈"}


def test_a_part_of_a_name_means_the_one_who_is_called_so() -> None:
    owners = persons(find(["Dear Anna Berg,", "my name is Tom Berg", "我叫欧阳娜，她是李静"]))
    assert owners["Anna"] == "Anna Berg" and owners["Tom"] == "Tom Berg"
    assert "Berg" not in owners
    assert owners["欧阳"] == "欧阳娜" and owners["李"] == "李静"


def test_nothing_is_found_where_nobody_is_named() -> None:
    for text in (
        *("", "hello there", "今天天气很好", "THE END", "Dear Sir or Madam,\n", "Hi Team,"),
        *(
            "金融产品经理的高级主管",
            "用户余额，客户金额，学生程度。",
            "历史老师和前任经理",
            "顾客高兴",
        ),
        *("a class named Parser", "User Interface Design", "I'm Happy", '{"name": "Widget"}'),
        *("User: hi\nRequirements: two lines\nOutput: text", "name: Build", "the Client Side"),
    ):
        names = find([text])
        assert not names.whole and not names.surnames and pattern_of(names) is None


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("Anna Berg", True),
        ("张伟", True),
        ("J. R. O'Neil", True),
        ("user", False),
        ("用户", False),
        ("u-81724", False),
        ("a", False),
        ("", False),
        ("one two three four five", False),
    ],
)
def test_a_field_may_hold_a_name_or_the_id_of_a_program(text: str, is_one: bool) -> None:
    assert is_name(text) is is_one
    assert bool(forms(text)) is is_one


@pytest.mark.parametrize(
    "piece", ["x", "Aa ", "A. ", "van ", "王", "王先", "Dear \n", "To: a,", "\n"]
)
def test_no_text_takes_long(piece: str) -> None:
    began = time.process_time()
    find([piece * (50_000 // len(piece))])
    assert time.process_time() - began < 2
