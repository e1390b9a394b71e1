from __future__ import annotations

import time

import pytest

from pricebook.lists_rig import NOW, at, listed
from steelyard.domain.conditions import Clock, Condition
from steelyard.domain.listings import Fact, Finding, ListedRate
from steelyard.pricebook.check import check
from steelyard.pricebook.market import Market
from unit.pricebook import shipped_rig

SHORT = Condition(input_to=32_000)
LONG = Condition(input_from=32_000)


def found(*lines: ListedRate, days: int = 10_000) -> list[Finding]:
    return check(Market(lines), NOW, days)


def kinds(*lines: ListedRate, days: int = 10_000) -> list[str]:
    return [finding.kind for finding in found(*lines, days=days)]


def test_a_sound_book_has_nothing_to_find() -> None:
    assert (
        kinds(
            listed("m input", "4"),
            listed("m output", "8"),
            listed("m cache_read", "1"),
            listed("m input", "3", "2026-02-01"),
            listed("m input", "2", "2026-03-01", "2026-04-01"),
        )
        == []
    )


def test_dates_that_run_into_each_other_are_an_error_with_its_line() -> None:
    early = listed("m input", "4", "2026-01-01", "2026-06-01")
    late = listed("m input", "3", "2026-03-01", line=7)
    (finding,) = found(early, late)
    assert (finding.kind, finding.line, finding.is_error) == ("overlap", 7, True)
    assert finding.vendor == late.listing.vendor
    assert "2026-06-01" in finding.message and "2026-03-01" in finding.message
    assert kinds(early, listed("m input", "3", "2026-03-01", condition=SHORT)) == []
    assert kinds(early, listed("m input", "3", "2026-03-01", is_correction=True)) == []
    assert kinds(early, listed("m input", "3", "2026-06-01")) == []
    other = listed("m input", "3", "2026-03-01", origin="litellm")
    assert "overlap" not in kinds(early, other)


def test_two_prices_that_begin_together_overlap_and_tie() -> None:
    assert kinds(listed("m input", "4"), listed("m input", "3")) == ["overlap", "tie"]


def test_a_hole_while_others_go_on_is_a_gap() -> None:
    output = listed("m output", "8")
    (hole,) = found(
        listed("m input", "4", "2026-01-01", "2026-02-01"),
        listed("m input", "4", "2026-03-01"),
        output,
    )
    assert (hole.kind, hole.is_error) == ("gap", False)
    assert "until 2026-03-01" in hole.message
    (end,) = found(listed("m input", "4", "2026-01-01", "2026-02-01"), output)
    assert "nothing follows" in end.message


def test_a_model_that_ended_as_a_whole_has_no_gap() -> None:
    assert (
        kinds(
            listed("m input", "4", "2026-01-01", "2026-02-01"),
            listed("m output", "8", "2026-01-01", "2026-02-01"),
        )
        == []
    )


def test_tiers_may_take_over_a_flat_price_and_one_tier_may_not_vanish() -> None:
    flat = listed("m input", "4", "2026-01-01", "2026-02-01")
    tiers = (
        listed("m input", "3", "2026-02-01", condition=SHORT),
        listed("m input", "6", "2026-02-01", condition=LONG),
    )
    assert kinds(flat, *tiers) == []
    ended = listed("m input", "3", "2026-02-01", "2026-03-01", condition=SHORT)
    assert kinds(flat, ended, tiers[1]) == ["gap"]


def test_prices_that_nobody_can_choose_between_are_a_tie() -> None:
    lines = (
        listed("m input", "3", condition=SHORT),
        listed("m input", "2", condition=Condition(output_to=200)),
    )
    (tie,) = found(*lines, listed("m output", "8"))
    assert (tie.kind, tie.is_error) == ("tie", True)
    assert "input below 32k" in tie.message and "output below 200" in tie.message


def test_hours_tie_only_where_they_meet() -> None:
    morning = Condition(clock=Clock("UTC", ((480, 600),)))
    noon = Condition(clock=Clock("UTC", ((540, 780),)))
    evening = Condition(clock=Clock("UTC", ((1200, 1300),)))
    base = (listed("m input", "4"), listed("m output", "8"))
    one = listed("m input", "3", condition=morning)
    assert kinds(*base, one, listed("m input", "2", condition=noon)) == ["tie"]
    assert kinds(*base, one, listed("m input", "2", condition=evening)) == []


def test_rates_that_cannot_be_compiled_are_an_error() -> None:
    moon = Condition(clock=Clock("Moon/Sea", ((480, 600),)))
    (finding, *_) = found(listed("m input", "4"), listed("m input", "3", condition=moon))
    assert (finding.kind, finding.is_error) == ("rates_unusable", True)


def test_a_part_without_its_whole_is_told() -> None:
    assert kinds(listed("m output", "8")) == ["parent_missing"]
    assert kinds(listed("m output", "8"), listed("m request", "1", unit="request")) == []
    (finding,) = found(listed("m cache_write_1h", "8", line=3))
    assert (finding.line, finding.is_error) == (3, False)
    assert "input has none" in finding.message
    assert kinds(listed("m input", "4"), listed("m cache_write_1h", "8")) == []


def test_old_evidence_is_stale_by_the_newest_line_of_a_listing() -> None:
    old = listed("m input", "4", "2026-01-01")
    (stale,) = found(old, listed("m output", "8", "2026-02-01"), days=200)
    assert stale.kind == "stale" and "2026-02-01, 293 days" in stale.message
    assert kinds(old, listed("m output", "8", read_at=at("2026-11-01")), days=200) == []
    assert kinds(listed("m input", "4", "2025-01-01", "2025-02-01"), days=200) == []


def test_sources_that_differ_are_both_shown_with_the_choice() -> None:
    own = listed("m input", "4")
    other = listed("m input", "0.005", origin="genai-prices", unit="ktok")
    (finding,) = found(own, other)
    assert finding.kind == "sources_differ" and not finding.is_error
    assert "4.00 CNY/mtok by own" in finding.message
    assert "5.00 CNY/mtok by genai-prices" in finding.message
    assert finding.message.endswith("own is taken")
    assert kinds(own, listed("m input", "0.004", origin="genai-prices", unit="ktok")) == []
    assert kinds(own, listed("m input", "5", origin="genai-prices", condition=SHORT)) == []


def test_a_chosen_source_that_fell_silent_is_told() -> None:
    ended = listed("m input", "4", "2026-01-01", "2026-02-01")
    assert kinds(ended, listed("m input", "5", origin="litellm")) == ["source_silent"]
    assert kinds(ended) == []


def test_contracts_that_renew_soon_are_told() -> None:
    body = {"name": "frame", "currency": "CNY", "renews": "2026-12-31", "notice_days": 30}
    fact = Fact("contract", "Maker", "", at("2026-01-01"), None, body)
    (finding,) = check(Market((), [fact]), NOW)
    assert (finding.kind, finding.is_error) == ("renewal", False)
    assert finding.message == "Maker: frame renews on 2026-12-31, 30 days' notice"


def test_findings_of_the_parsers_pass_through_and_errors_come_first() -> None:
    passed = [Finding("phrase_unknown", "what?", 3, is_error=False)]
    lines = [listed("m input", "4"), listed("m input", "3")]
    result = check(Market(lines), NOW, 10_000, passed)
    assert [finding.kind for finding in result] == ["overlap", "tie", "phrase_unknown"]


@pytest.mark.timeout(60)
def test_the_shipped_book_has_no_errors_and_is_checked_quickly() -> None:
    own, other = shipped_rig.own(), shipped_rig.genai()
    market = Market((*own.rates, *other.rates))
    begun = time.process_time()
    result = check(market, NOW, passed=(*own.findings, *other.findings))
    assert time.process_time() - begun < 5
    assert [finding for finding in result if finding.is_error] == []
    assert {finding.kind for finding in result} >= {"stale"}
