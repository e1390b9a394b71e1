import csv
import io
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from steelyard.domain.errors import ConfigError
from steelyard.weigh import datasets, tabular
from steelyard.weigh.datasets import Dataset, load_set, read_set
from steelyard.weigh.tabular import Layout, encoding_hint, read_layout

HEAD = "id,input,reference\n"


def read(text: str | bytes, layout: str = "", name: str = "mine.csv") -> Dataset:
    data = text.encode() if isinstance(text, str) else text
    return read_set(name, data, layout.encode())


def packed(rows: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    return file.getvalue()


def test_a_csv_becomes_items_with_their_lines() -> None:
    text = 'id,input,reference,labels,topic\na,"Two\nlines, ""quoted""",yes,yes|no,x\nb,Bad\n'
    dataset = read(text + 'c,Third,yes,"[""yes"", ""no""]",\n')
    first, second = dataset.samples
    assert (first.id, first.input, first.labels) == ("a", 'Two\nlines, "quoted"', ("yes", "no"))
    assert dict(first.extras) == {"topic": "x"}  # type: ignore[attr-defined]
    assert second.labels == ("yes", "no")
    (fault,) = dataset.faults
    assert (fault.where, fault.reason) == ("line 4", "2 cells, but the header has 5")


def test_columns_are_named_beside_the_file_and_ids_made_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "faq.tsv").write_text('Question\tAnswer\nWhy?\t"{""a"": ""b""}"\nWhy?\tx\n')
    layout = "columns: {input: Question, reference: Answer}\njson: [reference]\n"
    (tmp_path / "faq.tsv.yaml").write_text(layout)
    dataset = load_set("faq.tsv", tmp_path)
    (sample,) = dataset.samples
    assert (sample.input, sample.reference) == ("Why?", {"a": "b"})
    assert sample.id.startswith("item-")
    assert "reference is no JSON" in dataset.faults[0].reason


def test_another_layout_is_another_set() -> None:
    text = "id,input,other,reference\na,x,y,z\n"
    plain, mapped = read(text), read(text, "columns: {input: input}")
    assert plain.digest == read(text).digest != mapped.digest
    # Pinned: verdicts made by one version must be read by the next.
    assert plain.digest == "a1e33dc541964bcc"


def test_formulas_are_text_and_twice_is_told() -> None:
    dataset = read(HEAD + "a,=1+1,@SUM(A1)\na,x,y\n")
    assert (dataset.samples[0].input, dataset.samples[0].reference) == ("=1+1", "@SUM(A1)")
    assert dataset.faults[0].reason == "the id a occurs twice"


@pytest.mark.parametrize("text", ["", "\n\n", HEAD, "﻿" + HEAD + ",,\n"])
def test_an_empty_table_is_a_mistake(text: str) -> None:
    with pytest.raises(ConfigError, match="no usable item .it is empty"):
        read(text)


def test_an_empty_cell_is_no_value() -> None:
    dataset = read(HEAD + "a,x,\n,y,z\n")
    assert dataset.samples[0].reference == ()
    assert len(dataset.samples) == 2


def test_a_huge_cell_is_a_fault_and_the_rest_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEAD + "a," + "x" * 200_000 + ",y\n" + "b,x,y\n"
    assert len(read(text).samples) == 2  # longer than csv itself would take
    monkeypatch.setattr(tabular, "CELL_CHARS_MAX", 100)
    dataset = read(text)
    assert [sample.id for sample in dataset.samples] == ["b"]
    assert dataset.faults[0].reason == "input has more than 100 characters"
    assert csv.field_size_limit() >= 131_072


def test_a_byte_order_mark_does_no_harm() -> None:
    assert read(b"\xef\xbb\xbf" + (HEAD + "a,x,y\n").encode()).samples[0].id == "a"


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
@pytest.mark.parametrize("name", ["mine.csv", "mine.jsonl"])
def test_another_encoding_is_seen_named_and_can_be_said(encoding: str, name: str) -> None:
    row = '{"id": "a", "input": "退货怎么办？请告诉我", "reference": "退货"}\n'
    text = HEAD + "b,x,y\na,退货怎么办？请告诉我,退货\n" if name.endswith("csv") else row
    data = text.encode(encoding)
    with pytest.raises(ConfigError) as caught:
        read(data, name=name)
    assert f"looks like {encoding.upper()}" in caught.value.message
    assert f"`encoding: {encoding}` into {name}.yaml" in caught.value.message
    assert f"line {3 if encoding == 'gb18030' and 'csv' in name else 1}" in caught.value.message
    assert read(data, f"encoding: {encoding}", name).samples[-1].reference == "退货"


def test_bytes_that_look_like_nothing_are_not_guessed() -> None:
    assert "name its encoding" in encoding_hint("café où".encode("latin-1"), "x.csv")
    with pytest.raises(ConfigError, match="line 2 is not GB18030"):
        read(HEAD.encode() + b"a,\xff\xff,y\n", "encoding: gb18030")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", r"no column input .columns: a, b.; say which one it is in mine\.csv\.yaml"),
        ("id,input,input\na,b,c\n", "two columns are called input"),
        (HEAD + 'a,"never ends\n', "unexpected end of data"),
        (HEAD + 'a,"x"y,z\n', "line 2"),
    ],
)
def test_a_table_that_cannot_be_read_is_a_mistake(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(text)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ("columns: {input: Frage}", "no column Frage"),
        ("colums: {}", "unknown key colums; did you mean columns"),
        ("columns: [a]", "a column's name by field"),
        ("encoding: gb2312", "encoding gb2312"),
        ("delimiter: ab", "one character"),
        ("json: reference", "list of fields"),
        ("- a", "expected names and values"),
        ("a: [", "not YAML"),
    ],
)
def test_a_mistake_in_a_layout_names_the_file(layout: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(HEAD + "a,x,y\n", layout)
    assert "mine.csv" in caught.value.message


def test_a_layout_says_the_delimiter() -> None:
    assert read("id;input;reference\na;x, y;z\n", "delimiter: ';'").samples[0].input == "x, y"
    assert read_layout("{}", "x.yaml") == Layout()


def test_jsonl_can_be_renamed_too() -> None:
    row = b'{"id": "a", "question": "x", "gold": "y"}'
    layout = "columns: {input: question, reference: gold}"
    assert read(row, layout, "m.jsonl").samples[0].reference == "y"


def test_parquet_keeps_lists_objects_and_numbers() -> None:
    rows = [
        {
            "id": 1,
            "input": "x",
            "reference": ["a", "b"],
            "labels": None,
            "about": {"when": date(2026, 1, 2), "much": Decimal("1.5"), "none": None},
        },
        {"id": 2, "input": "y", "reference": ["c"], "labels": ["c", "d"], "about": None},
    ]
    dataset = read(packed(rows), name="m.parquet")
    (first,) = dataset.samples
    assert (first.id, first.reference) == ("1", ("a", "b"))
    assert dict(first.extras) == {"about": {"when": "2026-01-02", "much": "1.5"}}  # type: ignore[attr-defined]
    assert (dataset.faults[0].where, dataset.faults[0].reason) == (
        "row 2",
        "the reference is not one of the labels",
    )


def test_a_parquet_file_may_hold_conversations_and_numbers_as_gold() -> None:
    rows = [{"id": "a", "messages": [{"role": "user", "content": "1+1?"}], "reference": 2}]
    (sample,) = read(packed(rows), name="m.parquet").samples
    assert (sample.input, sample.reference) == ("1+1?", "2")
    assert sample.messages == ({"role": "user", "content": "1+1?"},)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + b"x" * 50 + b"PAR1"])
def test_what_is_no_parquet_is_a_mistake(data: bytes) -> None:
    with pytest.raises(ConfigError, match="no Parquet file"):
        read(data, name="m.parquet")


def test_bounds_of_parquet_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[dict[str, Any]] = [{"id": str(i), "input": "x" * 50, "reference": "y"} for i in "ab"]
    dataset = read(
        packed([*rows, {"id": "c", "input": b"\xff".hex(), "reference": "z"}]), name="m.parquet"
    )
    assert len(dataset.samples) == 3
    bytes_row = packed(
        [{"id": b"\xff", "input": "x", "reference": "y"}, {"id": b"", "input": "", "reference": ""}]
    )
    with pytest.raises(ConfigError, match="id holds bytes, no text"):
        read(bytes_row, name="m.parquet")
    monkeypatch.setattr(tabular, "CELL_CHARS_MAX", 49)
    with pytest.raises(ConfigError, match="more than 49 characters"):
        read(packed(rows), name="m.parquet")
    monkeypatch.setattr(tabular, "TABLE_BYTES_MAX", 10)
    with pytest.raises(ConfigError, match="larger than"):
        read(packed(rows), name="m.parquet")
    monkeypatch.setattr(datasets, "ITEMS_MAX", 1)
    with pytest.raises(ConfigError, match="more than 1 items"):
        read(packed(rows), name="m.parquet")


def test_a_small_parquet_file_that_stands_for_a_huge_one_is_refused_unread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = "x" * 100_000
    rows = [{"input": f"{n}", "reference": "1", "deep": [{"a": [long, long]}]} for n in range(200)]
    columns = {"input": [str(n) for n in range(200)], "reference": [long] * 200}
    for table in (pyarrow.Table.from_pylist(rows), pyarrow.table(columns)):
        file = io.BytesIO()
        parquet.write_table(table, file, compression="zstd", dictionary_pagesize_limit=1 << 30)
        assert len(file.getvalue()) < 20_000
        monkeypatch.setattr(tabular, "TABLE_BYTES_MAX", 41_000_000)
        assert len(read(file.getvalue(), name="a.parquet").samples) == 200
        monkeypatch.setattr(tabular, "TABLE_BYTES_MAX", 10_000_000)
        with pytest.raises(ConfigError, match="larger than"):
            read(file.getvalue(), name="a.parquet")


def test_a_layout_that_nests_or_multiplies_is_a_mistake() -> None:
    for layout in ("[" * 100_000, "a: &a [1]\ncolumns: *a"):
        with pytest.raises(ConfigError, match="not YAML"):
            read("input,reference\nq,a\n", layout)
