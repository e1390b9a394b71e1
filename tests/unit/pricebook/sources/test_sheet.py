from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
import yaml

from steelyard.domain.listings import Parsed
from steelyard.pricebook.sources import sheet
from unit.pricebook.sources.lists import READING, TODAY, kinds

LONG = """
columns: {vendor: 厂商, model: 模型, item: 类型, price: 单价, unit: 单位, effective_from: 生效日期}
items: {输入: input, 输出: output}
words: {免费: "0", "-": skip}
"""
WIDE = """
columns: {model: Model}
constants: {vendor: Example, currency: USD, unit: cents per 1k tokens}
prices:
  In: {item: input}
  Out: {item: output}
  Image: {item: image, unit: USD/image, condition: 1024x1024}
words: {"": skip}
header_line: 2
"""


def read(text: str, mapping: str | dict[str, Any] | None) -> Parsed:
    plain = yaml.safe_load(mapping) if isinstance(mapping, str) else mapping
    return sheet.parse(text.encode(), READING._replace(origin="sheet", mapping=plain))


def test_a_sheet_with_a_price_a_line() -> None:
    parsed = read(
        "厂商\t模型\t类型\t单价\t单位\t生效日期\n"
        "ByteDance\t豆包\t输入\t0.8\t厘/千tokens\t2024年5月15日\n"
        "ByteDance\t豆包\t输出\t0.002\t元/千tokens\t2024/5/15\n"
        "Example\tlite\t输入\t免费\t元/千tokens\t\n"
        "Example\tlite\t输出\t-\t元/千tokens\t\n",
        LONG,
    )
    assert parsed.findings == ()
    start = datetime(2024, 5, 14, 16, tzinfo=UTC)
    assert [
        (
            r.listing.model,
            r.listing.currency,
            r.rate.item,
            r.rate.amount,
            r.rate.unit,
            r.rate.valid_from,
            r.line,
        )
        for r in parsed.rates
    ] == [
        ("豆包", "CNY", "input", Fraction("0.8"), "mtok", start, 2),
        ("豆包", "CNY", "output", 2, "mtok", start, 3),
        ("lite", "CNY", "input", 0, "mtok", TODAY, 4),
    ]


def test_a_wide_sheet_with_a_column_an_item() -> None:
    parsed = read("Prices of today;;;\nModel;In;Out;Image\nsmall;0.5;1;\nlarge;;;0.04\n", WIDE)
    assert parsed.findings == ()
    assert [
        (r.rate.rate_id, r.listing.model, r.rate.item, r.rate.amount) for r in parsed.rates
    ] == [
        ("sheet:3.1", "small", "input", 5),
        ("sheet:3.2", "small", "output", 10),
        ("sheet:4.3", "large", "image", Fraction("0.04")),
    ]
    assert parsed.rates[2].rate.condition.variant == "1024x1024"


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("A\tm\t输入\t1\t美元/千tokens\t\tCNY", "currency_contradicts"),
        ("A\tm\t输入\t1\tbushel\t\tCNY", "unit_unknown"),
        ("A\tm\t别的\t1\t元/千tokens\t\tCNY", "item_unknown"),
        ("A\tm\t输入\t1e-7\t元/千tokens\t\tCNY", "number_float"),
        ("A\tm\t输入\t1\t元/千tokens\tsoon\tCNY", "date_bad"),
        ("A\tm\t输入\t1", "row_fields"),
    ],
)
def test_rows_meet_the_checks_of_our_own_list(row: str, kind: str) -> None:
    mapping = yaml.safe_load(LONG)
    mapping["columns"]["currency"] = "币种"
    good = "A\tm\t输出\t1\t元/千tokens\t\t人民币"
    parsed = read(f"厂商\t模型\t类型\t单价\t单位\t生效日期\t币种\n{good}\n{row}\n", mapping)
    assert kinds(parsed) == [(kind, 3)]
    assert parsed.rates == ()


def test_two_prices_for_one_thing_are_told() -> None:
    row = "A\tm\t输入\t1\t元/千tokens\t\n"
    parsed = read("厂商\t模型\t类型\t单价\t单位\t生效日期\n" + row * 2, LONG)
    assert kinds(parsed) == [("duplicate", 3)]


def test_titles_that_the_sheet_does_not_have() -> None:
    parsed = read("Model\tPrice\n", LONG)
    assert kinds(parsed) == [("columns_missing", 1)]
    assert "单价" in parsed.findings[0].message
    assert "Model, Price" in parsed.findings[0].message


def test_a_sheet_without_prices_is_an_error() -> None:
    assert kinds(read("厂商,模型,类型,单价,单位,生效日期\n", LONG)) == [("empty", 0)]


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        (None, "needs one"),
        ("{column: {}}", "unknown key column"),
        ("{columns: {price: P, modell: M}}", "unknown column modell"),
        ("{columns: {model: M}}", "neither"),
        ("{columns: {price: P}, prices: {P: {item: input}}}", "one price a line"),
        ("{columns: [price]}", "names and their values"),
        ("{prices: [P]}", "title of each column"),
        ("{columns: {price: P}, constants: {tax: 0.06}}", "in quotes"),
        ("{columns: {price: P}, delimiter: '||'}", "one character"),
        ("{columns: {price: P}, header_line: 0}", "from 1"),
    ],
)
def test_mappings_that_say_nothing(mapping: str | None, says: str) -> None:
    parsed = read("P\n1\n", mapping)
    assert kinds(parsed) == [("mapping_bad", 0)]
    assert says in parsed.findings[0].message


def test_units_may_be_mapped_and_the_sheet_may_be_of_gbk() -> None:
    mapping = yaml.safe_load(LONG)
    mapping["units"] = {"每千": "元/千tokens"}
    mapping["constants"] = {"currency": "人民币"}
    lines = "厂商,模型,类型,单价,单位,生效日期\nA,m,输入,0.002,每千,\nA,m,输出,2,per_1m_tokens,\n"
    reading = READING._replace(mapping=mapping)
    parsed = sheet.parse(lines.encode("gbk"), reading)
    assert kinds(parsed) == [("encoding", 1)]
    assert [(r.rate.amount, r.rate.unit) for r in parsed.rates] == [(2, "mtok"), (2, "mtok")]
    assert [f.kind for f in sheet.parse(b"\x00", reading).findings] == ["nul_byte"]
