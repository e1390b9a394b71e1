"""A set written out as JSONL has the same items."""

from __future__ import annotations

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh import datasets
from steelyard.weigh.conversion import as_jsonl
from steelyard.weigh.datasets import load_set, read_set

LAYOUT = "columns: {id: 工单号, input: 内容, reference: 类别}\nencoding: gb18030\n".encode()
TABLE = "工单号,内容,类别,labels,note\nT1,退款不对,退款,退款|物流,\nT2,没收到,物流,,急\n"
CHAT = (
    '{"messages": [{"role": "user", "content": "q"}], "reference": null, "stop": ["x"]}\n'
    '{"id": "b", "input": "q", "reference": {"day": "6"}, "facts": ["f"]}\n'
    '{"id": "c", "input": "q", "reference": "A", "choices": ["a", "b"], "licence": "MIT"}\n'
    '{"id": "d", "input": "q", "reference": ["a", "b"]}\n'
)


def test_a_table_keeps_its_items_ids_and_what_else_they_have() -> None:
    table = read_set("t.csv", TABLE.encode("gb18030"), LAYOUT)
    data = as_jsonl(table, "t.jsonl")
    assert read_set("t.jsonl", data).samples == table.samples
    assert data.splitlines()[1].decode() == (
        '{"id": "T2", "input": "没收到", "reference": "物流", "note": "急"}'
    )


def test_every_kind_of_item_comes_along() -> None:
    told = read_set("t.jsonl", CHAT.encode())
    assert len(told.samples) == 4
    assert read_set("u.jsonl", as_jsonl(told, "u.jsonl")).samples == told.samples


def test_a_shipped_set_comes_along_whole() -> None:
    shipped = load_set("reviews-en")
    assert read_set("x.jsonl", as_jsonl(shipped, "x.jsonl")).samples == shipped.samples


def test_what_no_line_can_hold_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    half = b'id,input,reference,messages\na,,x,"[{""role"":""user"",""content"":""\\ud800""}]"\n'
    with pytest.raises(ConfigError, match="a cannot be written: a lone surrogate"):
        as_jsonl(read_set("t.csv", half), "t.jsonl")
    monkeypatch.setattr(datasets, "LINE_BYTES_MAX", 1024)
    long = read_set("t.csv", b"id,input,reference\nok,1,1\nbig," + b"x" * 2000 + b",y\n")
    with pytest.raises(ConfigError, match="big cannot be written: longer than 1 KiB"):
        as_jsonl(long, "t.jsonl")
