from datetime import UTC, datetime
from fractions import Fraction

import pytest

from steelyard.domain.conditions import Clock, Condition
from steelyard.domain.listings import Listing
from steelyard.pricebook.sources import csv_file
from steelyard.pricebook.sources.base import FINDINGS_MAX
from unit.pricebook import shipped_rig
from unit.pricebook.sources.lists import HEADER, READING, ROW, kinds, line, only, read, text


def test_a_line_is_a_rate_between_two_instants() -> None:
    listed = only(read(line(effective_to="2024-06-01")))
    rate = listed.rate
    assert listed.listing == Listing("ByteDance", "official", "doubao-pro-32k", "CNY")
    assert (rate.rate_id, rate.item, rate.unit, rate.amount) == (
        "own:2",
        "input",
        "mtok",
        Fraction(4, 5),
    )
    # midnight in Shanghai
    assert rate.valid_from == datetime(2024, 5, 14, 16, tzinfo=UTC)
    assert rate.valid_to == datetime(2024, 5, 31, 16, tzinfo=UTC)
    assert (listed.basis, listed.read_at) == ("announced", datetime(2024, 5, 20, tzinfo=UTC))
    assert (listed.line, listed.origin) == (2, "own")


@pytest.mark.parametrize(
    ("item", "unit", "meant", "tier", "unit_meant"),
    [
        ("cached_input", "per_1m_tokens", "cache_read", "", "mtok"),
        ("cache_write_1h", "per_1k_tokens", "cache_write_1h", "", "ktok"),
        ("batch_input", "per_1m_tokens", "input", "batch", "mtok"),
        ("batch_output", "per_1m_tokens", "output", "batch", "mtok"),
        ("cache_storage", "per_1m_tokens_hour", "cache_storage", "", "mtok_hour"),
        ("image", "per_image", "image", "", "image"),
        ("image_input", "per_1m_tokens", "input_image", "", "mtok"),
        ("image_output", "per_1m_tokens", "output_image", "", "mtok"),
        ("gpu_hour", "per_gpu_hour", "gpu", "", "hour"),
        ("reasoning", "mtok", "reasoning", "", "mtok"),
    ],
)
def test_items_and_units(item: str, unit: str, meant: str, tier: str, unit_meant: str) -> None:
    rate = only(read(line(item=item, unit=unit))).rate
    assert (rate.item, rate.condition.tier, rate.unit) == (meant, tier, unit_meant)


@pytest.mark.parametrize(
    ("changes", "kind", "says"),
    [
        ({"unit": "per_token"}, "unit_unknown", "multiply by 1,000,000"),
        ({"unit": "fen per 1k"}, "unit_unknown", "divide cents and fen by 100"),
        ({"unit": "cents/1M tokens"}, "unit_unknown", "divide cents and fen by 100"),
        ({"unit": "per_1m_token"}, "unit_unknown", "is it per_1m_tokens?"),
        ({"unit": "bushel"}, "unit_unknown", "known: "),
        ({"unit": "per_image"}, "unit_mismatch", "priced per token"),
        ({"item": "imput"}, "item_unknown", "is it input?"),
        ({"item": "zebra"}, "item_unknown", "known: "),
        ({"price": "1e-7"}, "number_float", "perhaps 0.0000001"),
        ({"price": "NaN"}, "number_float", "no price"),
        ({"price": "-inf"}, "number_float", "no price"),
        ({"price": "-0.5"}, "number_negative", "at least zero"),
        ({"price": ""}, "number_missing", "0 is a price"),
        ({"price": '"0,5"'}, "number_comma", "0.5"),
        ({"price": "free"}, "number_bad", "no number"),
        ({"price": "1/3"}, "number_bad", "no number"),
        ({"price": "0x10"}, "number_bad", "no number"),
        ({"price": "1_000"}, "number_bad", "no number"),
        ({"price": "9" * 5000}, "number_bad", "no number"),
        ({"currency": "RMB"}, "currency_unknown", "write CNY"),
        ({"currency": "cny"}, "currency_unknown", "write CNY"),
        ({"currency": "XYZ"}, "currency_unknown", "ISO 4217"),
        ({"effective_from": ""}, "date_missing", "since when"),
        ({"effective_from": "15/05/2024"}, "date_bad", "write 2026-11-21"),
        ({"effective_from": "2024-02-30"}, "date_bad", "write 2026-11-21"),
        ({"effective_from": "0001-01-01"}, "date_bad", "write 2026-11-21"),
        ({"effective_from": "2024-05-15T08:00"}, "date_bad", "no offset"),
        ({"effective_to": "2024-05-15"}, "dates_reversed", "no longer holds"),
        ({"effective_to": "2024-05-01"}, "dates_reversed", "no longer holds"),
        ({"condition": "on Tuesdays"}, "phrase_unknown", "on Tuesdays"),
        ({"condition": "input 0k-32k; input>128k"}, "phrase_contradicts", "input"),
        ({"vendor": ""}, "vendor_missing", "empty"),
        ({"model": ""}, "model_missing", "empty"),
        ({"channel": "friend"}, "channel_unknown", "official or reseller"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(changes: dict[str, str], kind: str, says: str) -> None:
    parsed = read(line(model="before"), line(**changes), line(model="after"))
    assert kinds(parsed) == [(kind, 3)]
    assert says in parsed.findings[0].message
    assert not parsed.is_sound
    assert parsed.rates == ()


def test_an_instant_needs_no_zone_of_the_vendor() -> None:
    rate = only(read(line(effective_from="2026-08-16T16:00:00Z"))).rate
    assert rate.valid_from == datetime(2026, 8, 16, 16, tzinfo=UTC)
    rate = only(read(line(vendor="Anthropic", effective_from="2026-08-16"))).rate
    assert rate.valid_from == datetime(2026, 8, 16, tzinfo=UTC)


def test_optional_columns() -> None:
    parsed = read(
        line() + ",6%,2026-11-20,yes",
        line(item="output") + ",0.13,,no",
        line(item="cached_input") + ",0,,",
        header=f"{HEADER},tax,read_at,correction",
    )
    assert parsed.is_sound, parsed.findings
    assert [(r.tax, r.is_correction) for r in parsed.rates] == [
        ("0.06", True),
        ("0.13", False),
        ("0", False),
    ]
    assert parsed.rates[0].read_at == datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("extra", "kind"),
    [(",six,,", "tax_bad"), (",,soon,", "date_bad"), (",,,perhaps", "correction_bad")],
)
def test_optional_columns_that_say_nothing(extra: str, kind: str) -> None:
    parsed = read(line() + extra, header=f"{HEADER},tax,read_at,correction")
    assert kinds(parsed) == [(kind, 2)]


def test_columns_may_stand_in_any_order() -> None:
    names = sorted(ROW)
    row = ",".join(ROW[name] for name in names)
    assert only(read(row, header=",".join(names))).rate.amount == Fraction("0.8")


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (HEADER.replace(",price", ""), "columns_missing"),
        (HEADER + ",corection", "column_unknown"),
        (HEADER + ",note", "column_twice"),
        (HEADER.replace(",", ";"), "columns_missing"),
        (HEADER.replace(",", "\t"), "columns_missing"),
        ("", "columns_missing"),
    ],
)
def test_headers_that_are_none(header: str, kind: str) -> None:
    parsed = read(line(), header=header)
    assert parsed.findings[0].kind == kind
    assert not parsed.is_sound


def test_rows_of_another_length_name_their_line() -> None:
    parsed = read(line(), line(item="output") + ",more", '"a,b\nc",d', line(item="cached_input"))
    assert kinds(parsed) == [("row_fields", 3), ("row_fields", 4)]
    assert "double quotes" in parsed.findings[0].message


def test_a_list_without_prices_is_an_error() -> None:
    assert kinds(read()) == [("empty", 0)]
    assert kinds(csv_file.parse(b"", READING)) == [("columns_missing", 1)]


def test_two_prices_for_one_thing_name_both_lines() -> None:
    parsed = read(
        line(effective_to="2024-07-01"),
        line(model="other"),
        line(effective_from="2024-06-01", price="0.7"),
    )
    assert kinds(parsed) == [("overlap", 4)]
    assert "lines 2 and 4" in parsed.findings[0].message


def test_remarks_do_not_tell_prices_apart() -> None:
    parsed = read(line(condition="lowest tier"), line(condition="flat figure in source"))
    assert kinds(parsed) == [("duplicate", 3)]


def test_a_correction_may_overlap_what_it_corrects() -> None:
    header = f"{HEADER},correction"
    assert read(line() + ",no", line(price="0.9") + ",yes", header=header).is_sound
    twice = read(line() + ",yes", line(price="0.9") + ",yes", header=header)
    assert kinds(twice) == [("duplicate", 3)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_encodings_of_spreadsheets(encoding: str) -> None:
    raw = text(line(source="火山引擎官网")).encode(encoding)
    parsed = csv_file.parse(raw, READING)
    assert only(parsed).rate.source == "火山引擎官网"


def test_lines_may_end_as_on_any_system() -> None:
    for ending in ("\r\n", "\r"):
        raw = text(line(), line(item="output")).replace("\n", ending).encode()
        parsed = csv_file.parse(raw, READING)
        assert [listed.line for listed in parsed.rates] == [2, 3]


def test_an_unclosed_quote_names_where_it_opens() -> None:
    parsed = read(line(), line(item="output", note='"never closed'), *[line()] * 3000)
    assert kinds(parsed) == [("quote_open", 3)]


def test_findings_are_bounded() -> None:
    parsed = read(*[line(price="cheap")] * (FINDINGS_MAX + 7))
    assert len(parsed.findings) == FINDINGS_MAX + 1
    assert parsed.findings[-1].message.startswith("7 more")
    assert not parsed.is_sound


def test_long_lists_share_what_repeats() -> None:
    rows = [
        line(
            model=f"m{n % 50}",
            effective_from=f"{2000 + n // 600}-{n // 50 % 12 + 1:02}-01",
            effective_to=f"{2000 + n // 600}-{n // 50 % 12 + 1:02}-28",
        )
        for n in range(5_000)
    ]
    parsed = read(*rows)
    assert len(parsed.rates) == 5_000
    assert len({id(listed.rate.source) for listed in parsed.rates}) == 1
    assert len({id(listed.rate.condition) for listed in parsed.rates}) == 1


SHIPPED = shipped_rig.own()


def test_the_shipped_list_is_sound() -> None:
    assert SHIPPED.findings == ()
    assert len(SHIPPED.rates) == 1433
    assert len({listed.rate.rate_id for listed in SHIPPED.rates}) == 1433
    assert sum(bool(listed.basis) for listed in SHIPPED.rates) == 1431  # two say there is no price


def test_the_shipped_list_knows_the_change_of_august_2026() -> None:
    rates = [
        listed.rate
        for listed in SHIPPED.rates
        if listed.listing[2:] == ("deepseek-v4-pro", "CNY") and listed.rate.item == "input"
    ]
    change = datetime(2026, 8, 16, 16, tzinfo=UTC)
    assert [rate.amount for rate in rates if rate.valid_to == change] == [3]
    peak = Clock("Asia/Shanghai", ((540, 720), (840, 1080)), frozenset(range(5)), "CN")
    assert {rate.condition.clock: rate.amount for rate in rates if rate.valid_from == change} == {
        None: Fraction("4.5"),
        peak: 9,
    }
    assert [r.amount for r in rates if r.condition.is_list_price] == [12]


def test_a_batch_price_of_short_prompts_is_no_price_of_long_ones() -> None:
    conditions = {
        listed.rate.condition
        for listed in SHIPPED.rates
        if listed.listing.model == "gpt-5.4" and listed.rate.condition.tier == "batch"
    }
    assert conditions == {Condition(tier="batch", input_to=272001, remark="within 24 hours")}
