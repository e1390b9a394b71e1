"""The report: whole, in both languages, safe whatever the answers hold, bounded."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser

import pytest

from steelyard.domain.tasks import Grade
from steelyard.weigh.cases import report as case_report
from steelyard.weigh.cases.analysis import Analysis, analyse
from steelyard.weigh.cases.report import Remark, Standing, Wish, name_of, render
from weigh.cases.case_rig import AT, FORM, dataset, mood, record, right, task

ZERO = Fraction(0)
EVIL = "</p><script>alert(1)</script><img src=x onerror=alert(2)> \u202e\x1b[31m\ud800 {{ 7*7 }}"
GRADES = {"shop/one": Standing("proven", 0.8, 0.7, 0.9, 123_456_789, "CNY")}


def analysis(answer: str = "no", count: int = 3) -> Analysis:
    names = [f"i{n}" for n in range(count)]
    records = [record(name, grade=Grade(ZERO, answer, "no"), answer=answer) for name in names] + [
        right(name, "shop/two") for name in names
    ]
    rows = dataset(*(mood(name, f"Is {name} so? {EVIL[:20]}") for name in names))
    return analyse(task(), rows, records, {FORM})


def html(made: Analysis, language: str = "en", **more: int) -> str:
    return render(made, GRADES, {("i0", ""): Remark(("angry",), EVIL)}, Wish(AT, language, **more))


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in {"meta", "rect", "line"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"meta", "rect", "line"}:
            assert self.open.pop() == tag


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_that_was_answered_becomes_markup(language: str) -> None:
    text = html(analysis(EVIL), language)
    tags = Tags(text)
    assert not tags.open
    assert not {"script", "img", "iframe", "link", "form"} & tags.seen
    assert not {name for name in tags.attributes if name.startswith("on") or name == "src"}
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert "&lt;script&gt;" in text and "{{ 7*7 }}" in text
    assert not re.search("[\u202e\x1b\ud800]", text)
    assert not re.search("https?://", text)
    text.encode()


def test_the_top_tells_quality_verdict_and_cost() -> None:
    text = html(analysis())
    assert "Moods &lt;b&gt;" in text and "</span>proven</td>" in text and "80.0 %" in text
    assert "70.0 % – 90.0 %" in text and "0.000123 CNY" in text and "0.123 CNY per 1,000" in text
    assert "not weighed to the end" in text  # the other offer
    assert "reaches the floor (60.0 %)." in text
    assert "weighed 2026-11-22 (times in UTC)" in text
    assert "only shop/one is not fully right" in text and "angry" in text


def test_chinese_words() -> None:
    text = html(analysis(), "zh")
    assert (
        'lang="zh-CN"' in text and "分错类：yes → no" in text and "只有 shop/one 没有全对" in text
    )


def test_cases_clusters_and_size_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    text = html(analysis(count=9), cases_shown=2)
    assert text.count("<article>") == 2 and "and 7 more cases like these" in text
    long = html(analysis("word " * 3_000))
    assert "more characters" in long and len(long) < 60_000
    monkeypatch.setattr(case_report, "REPORT_CHARS_MAX", 1)
    text = html(analysis(count=9))
    assert text.count("<article>") == 1
    monkeypatch.setattr(case_report, "REPORT_CHARS_MAX", 0)
    assert "left out to keep the file small" in html(analysis(count=9))
    monkeypatch.setattr(case_report, "CLUSTERS_SHOWN", 0)
    assert "and 1 smaller clusters" not in html(analysis())  # nothing to hang it on


def test_a_case_is_shown_once() -> None:
    records = [
        record("a", grade=Grade(ZERO, "", "no")),
        record("b", grade=Grade(ZERO, "", "no")),
        record("a", "shop/two", grade=Grade(ZERO, "no label in the answer"), answer="hm"),
    ]
    rows = dataset(mood("a", "Is a so?"), mood("b", "Is b so?"))
    text = html(analyse(task(), rows, records, {FORM}))
    assert text.count("Is a so?") == 1 and 'href="#c1">1</a>' in text


def test_differences_fields_options_and_no_reference_are_shown() -> None:
    rows = dataset({"id": "a", "input": "When?", "reference": "within 7 days of delivery"})
    wrong = record("a", grade=Grade(ZERO, "not one of the references"))
    said = record("a", "b", answer="within 14 days of delivery", grade=wrong.grade)
    text = html(analyse(task("exact"), rows, [wrong, said], {FORM}))
    assert "<del>7 </del><ins>14 </ins>" in text

    rows = dataset({"id": "a", "input": "Fill in", "reference": {"x": "1", "y": "2"}})
    given = record("a", grade=Grade(Fraction(1, 2), "", '{"x": "1", "z": [1]}'), answer="{}")
    text = html(analyse(task("json_slots"), rows, [given], {FORM}))
    assert 'class="bad">—</td>' in text and "[1]" in text and "partly right (0.50 of 1)" in text

    rows = dataset({"id": "a", "input": "Which?", "reference": "A", "choices": ["up", "down"]})
    chosen = record("a", grade=Grade(ZERO, "the reference is A", "B"), answer="B")
    text = html(analyse(task("choice"), rows, [chosen], {FORM}))
    assert "✓ Right answer" in text and '<span class="chip">shop/one</span>' in text

    rows = dataset({"id": "a", "input": "Speak", "reference": "-"})
    text = html(analyse(task("manner"), rows, [given], {FORM}))
    assert "There is no reference" in text


def test_nothing_to_show_is_said() -> None:
    rows = dataset(mood("a", "Is a so?"))
    assert "No answers yet" in html(analyse(task(), rows, [], {FORM}))
    assert "No failures" in html(analyse(task(), rows, [right("a")], {FORM}))
    assert "older test set" in html(analyse(task(), rows, [right("a")], {"x"}))


def test_names_of_clusters() -> None:
    (cluster,) = analysis().clusters
    assert name_of(cluster) == "Wrong label: yes → no"
    assert name_of(replace(cluster, terms=("a", "b")), "zh") == "分错类：yes → no · 题目含：a、b"
    assert name_of(replace(cluster, is_rest=True)) == "Wrong label: yes → no · the others"
