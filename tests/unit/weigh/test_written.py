"""The language of a set is told by its signs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from steelyard.weigh.catalog import shipped_tasks
from steelyard.weigh.written import language_of, language_of_set


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("退款金额不对,订单号83045210,麻烦尽快处理。", "zh"),
        ("Which of refund or invoice is it? Answer in one word.\n\n发票什么时候能开出来呢", "zh"),
        ("Translate the name of the city 北京 into English, and say where it lies.", "en"),
        ("ご注文の商品はいつ届きますか", "ja"),
        ("12345", "en"),
        ("", "en"),
    ],
)
def test_signs_tell_the_language(text: str, language: str) -> None:
    assert language_of([text]) == language


def test_it_is_what_the_shipped_tasks_say() -> None:
    said = {name: task.language.partition("-")[0] for name, task in shipped_tasks().items()}
    assert {n: language_of_set(t.set_name) for n, t in shipped_tasks().items()} == said


def test_a_file_is_read_anew_only_when_it_or_its_layout_changed(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    assert language_of_set(str(path)) == "en"
    path.write_text('{"id": "a", "input": "什么时候发货", "q": "when", "reference": "x"}\n')
    assert language_of_set(str(path)) == language_of_set(str(path)) == "zh"
    old = path.stat()
    path.write_text(path.read_text().replace("什么时候发货", "when will it b").ljust(old.st_size))
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns + 1))
    assert language_of_set(str(path)) == "en"
    (tmp_path / "mine.jsonl.yaml").write_text("columns: {input: nothing}\n")
    assert language_of_set(str(path)) == "en"


def test_half_a_set_is_looked_at_all_over(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    rows = [f"{n},hello {n},x" for n in range(300)] + [
        f"{n},您好您好{n},x" for n in range(300, 900)
    ]
    path.write_text("id,input,reference\n" + "\n".join(rows))
    assert language_of_set(str(path)) == "zh"
