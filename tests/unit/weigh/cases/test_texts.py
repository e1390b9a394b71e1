from __future__ import annotations

import pytest

from steelyard.weigh.cases import texts as case_texts
from steelyard.weigh.cases.texts import clean, detail_name, kind_name, reason_text


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        (case_texts.ENGLISH, case_texts.CHINESE),
        (case_texts.KINDS_ENGLISH, case_texts.KINDS_CHINESE),
        (case_texts.WORDS_ENGLISH, case_texts.WORDS_CHINESE),
    ],
)
def test_both_languages_know_the_same_words(
    english: dict[str, str], chinese: dict[str, str]
) -> None:
    assert english.keys() == chinese.keys()
    for name, text in english.items():
        assert text.count("{}") == chinese[name].count("{}"), name


def test_kinds_and_details_have_names() -> None:
    assert kind_name("wrong_label") == "Wrong label" and kind_name("mine", "zh") == "mine"
    assert detail_name("missing:days") == "missing days"
    assert detail_name("missing:{0.x}", "zh") == "缺少 {0.x}"
    assert detail_name("退货 → 换货") == "退货 → 换货" and detail_name("odd:x") == "odd:x"
    assert detail_name("sign:") == "wrong sign"


def test_what_steers_a_terminal_or_turns_writing_round_is_taken_out() -> None:
    assert clean("\x1b[31mred\x07 \u202eabc\ud800 \x9b") == "�[31mred� �abc� �"
    kept = "全角\u3000空格 a\u00a0b\tc\nd 👨\u200d👩"
    assert clean(kept) == kept


def test_what_graders_say_is_told_in_chinese_as_far_as_it_is_known() -> None:
    said = "not named: 12元; 8 characters, not 10 to 20; odd thing"
    assert reason_text(said, "zh") == "漏掉：12元；8 个字，要求 10 到 20 个；odd thing"
    assert reason_text(said) == said
    assert reason_text("the function gave …, not a number from 0 to 1", "zh") == (
        "评分函数给出 …，不是 0 到 1 的数"
    )
    assert reason_text("the function raised KeyError: 'x'", "zh") == "评分函数抛出 KeyError：'x'"
    assert detail_name("no label in the answer", "zh") == "回答里没有给出类别"
