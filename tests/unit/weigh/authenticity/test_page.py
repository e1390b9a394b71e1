"""The page that a seller reads."""

from __future__ import annotations

from steelyard.weigh.authenticity.page import page
from weigh.authenticity.evidence_rig import document


def test_it_says_in_two_languages_what_was_bought_and_found() -> None:
    shown = page(document())
    for words in (
        *("not the model that it is sold as", "对不对版：与所售模型不符", "at most 1 %"),
        *("误判其为“不对版”的概率不超过 1 %", "shop/m", "https://shop.example/v1", "maker/m"),
        *(
            "chatcmpl-1",
            "回答的分布与参照不同",
            "0.000001 (1/1000000) CNY per mtok",
            "0.000002 CNY",
        ),
        *("2 × blue fish [10→3, stop]", "2 × cat [10→3, stop]", "authenticity check"),
    ):
        assert words in shown, words


def test_who_reads_chinese_only_hears_what_is_wrong_and_the_units() -> None:
    assert "<p>检测发现：" in page(document()) and "检测发现" not in page(
        document(is_swapped=False)
    )
    assert "mtok: a million tokens / 百万词元" in page(document())


def test_figures_stand_as_people_write_them() -> None:
    shown = page(document())
    assert "1/400" not in shown and "{&#x27;" not in shown
    assert "<td>temperature 1</td>" in shown and "<td>1 %</td>" in shown


def test_nothing_from_outside_gets_into_the_page_as_it_is_or_is_fetched() -> None:
    found = document()
    found["bought"]["vendor"] = "<script>alert(1)</script>"
    found["answers"]["suspect"][0]["text"] = "<img src=x onerror=1>\x1b[2J" + "x" * 999
    shown = page(found)
    assert "<script" not in shown and "<img" not in shown and "\x1b" not in shown
    assert "x" * 400 not in shown
    for word in ("http-equiv", "src=", "@import", "url("):
        assert word not in shown.replace("&lt;img src=x", ""), word


def test_one_that_is_genuine_says_so() -> None:
    shown = page(document(is_swapped=False))
    assert "class='alarm'" not in shown
    assert "alarm / 报警" not in shown
