from __future__ import annotations

import json
from fractions import Fraction

import pytest

from pricebook.xray_rig import FLAT, JUNE, PEAK, line, market, step
from steelyard.pricebook.changes import PriceStep
from steelyard.pricebook.xray import Effect, Forecast, Proof, Reroute, build
from steelyard.pricebook.xray_text import percent_text, plain, summary

CUT = step(line("input", "1", JUNE))


def test_the_whole_xray_is_json_with_exact_amounts() -> None:
    found = plain(
        build(
            CUT,
            market(),
            proofs=(Proof("t", "o", "proven"),),
            forecast=Forecast((Effect("acme", 3 * 10**12, 10**4),), 7),
            reroutes=(Reroute("task:t", "x", "y"),),
        )
    )
    assert json.loads(json.dumps(found)) == found
    assert found["items"] == [
        {
            "item": "input",
            "condition": "",
            "before": "4.00 CNY/mtok",
            "after": "1.00 CNY/mtok",
            "percent": "-75.0",
            "rate_ids": ["mid-input-4", "mid-input-1"],
        }
    ]
    assert found["forecast"]["accounts"] == [
        {"account": "acme", "before": "3.00", "after": "0.00000001", "difference": "-2.99999999"}
    ]
    assert found["forecast"]["unpriced_calls"] == 7
    assert found["limits"] == [{"kind": "limit", "tpm": 800_000, "source": "a page"}]
    assert found["reroutes"] == [{"work": "task:t", "before": "x", "after": "y"}]
    assert (found["headline_percent"], found["effective_percent"]) == ("-75.0", "-100.0")
    assert found["untouched"] == ["output"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (CUT, "cut; cheaper: input; as before: output; main model (2 of 3 from the cheapest)"),
        (
            step(line("input", "8", JUNE, condition=PEAK)),
            "rise; dearer: input (09:00-12:00 Asia/Shanghai); as before: output",
        ),
        (
            step(line("input", "1", JUNE), line("output", "9", JUNE)),
            "mixed; cheaper: input; dearer",
        ),
        (
            step(line("input", "1", JUNE), line("output", "4", JUNE)),
            "cut; cheaper: input, output; main model",
        ),
        (step(*FLAT, old=[]), "new; main model"),
    ],
)
def test_the_summary_says_what_a_headline_leaves_out(changed: PriceStep, said: str) -> None:
    text = summary(build(changed, market()))
    assert text.startswith(said)
    assert text.endswith("1 known limits or offers of free use; proven for nothing yet")


def test_proofs_of_several_offers_name_each_kind_of_work_once() -> None:
    proofs = (Proof("t", "o", "proven"), Proof("t", "p", "proven"), Proof("u", "o", "failed"))
    assert summary(build(CUT, market(), proofs=proofs)).endswith("proven for t")


@pytest.mark.parametrize(
    ("percent", "text"),
    [
        (None, None),
        (Fraction(-975, 10), "-97.5"),
        (Fraction(1, 3), "+0.3"),
        (Fraction(0), "0.0"),
        (Fraction(-1, 100), "0.0"),
        (Fraction(1100), "+1100.0"),
    ],
)
def test_percentages_have_one_decimal_and_their_sign(
    percent: Fraction | None, text: str | None
) -> None:
    assert percent_text(percent) == text
