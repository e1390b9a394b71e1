"""The report on cases in a real browser: hostile answers stay text, its style is let through."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from test_page_in_browser import CHROMIUM, browse

from steelyard.domain.tasks import Grade, PromptForm, Task
from steelyard.weigh.cases.analysis import analyse
from steelyard.weigh.cases.report import Remark, Standing, Wish, render
from steelyard.weigh.datasets import load_set
from steelyard.weigh.runfile import Record

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")

AT = datetime(2026, 11, 22, 6, tzinfo=UTC)
EVIL = (
    "</p></details></style><script>document.title='owned'</script>"
    "<img src=http://192.0.2.1/x.png onerror=\"document.title='owned'\">"
    "<style>body{display:none}</style><meta http-equiv=refresh content='0;url=http://192.0.2.1/'>"
)
SET = load_set("after-sales-slots-zh")


def report(language: str) -> str:
    task = Task(
        *("mine", f"售后 {EVIL}", "zh", "after-sales-slots-zh", "json_slots"),
        *(Decimal("0.8"), PromptForm("plain")),
    )
    records = [
        Record(
            *(offer, "f" * 16, sample.id, Grade(Fraction(0), f"no JSON {EVIL}", EVIL)),
            *(AT, True, f"{EVIL} {number}", "stop"),
        )
        for number, sample in enumerate(SET.samples[:9])
        for offer in ("shop/one", "a-reseller-with-a-long-name/a-model-2026-11-20-preview")
    ]
    standings = {"shop/one": Standing("proven", 0.9, 0.85, 0.95, 10**9, "CNY")}
    remarks = {(SET.samples[0].id, ""): Remark(("odd",), EVIL)}
    analysis = analyse(task, SET, records, {"f" * 16})
    return render(analysis, standings, remarks, Wish(AT, language))


@pytest.mark.parametrize(("language", "size"), [("en", (1280, 1000)), ("zh", (500, 900))])
def test_the_report_is_shown_and_nothing_in_it_runs(
    tmp_path: Path, language: str, size: tuple[int, int]
) -> None:
    page, picture = tmp_path / "cases.html", tmp_path / "cases.png"
    page.write_text(report(language), "utf-8")
    shot = (f"--window-size={size[0]},{size[1]}", f"--screenshot={picture}")
    html, complaints = browse(tmp_path, page.as_uri(), "--dump-dom")
    _, more = browse(tmp_path, page.as_uri(), *shot)
    assert not complaints and not more  # neither refused by its own policy nor broken
    assert "<title>owned" not in html and "<script" not in html and "<img" not in html
    assert "&lt;script&gt;document.title" in html
    content = picture.read_bytes()
    assert struct.unpack(">II", content[16:24]) == size
    assert len(content) > 30_000, "the picture is all but empty: was its style refused?"
