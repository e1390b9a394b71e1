import json
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh import datasets
from steelyard.weigh.datasets import (
    LINE_BYTES_MAX,
    SETS_FOLDER,
    digest_of,
    is_file,
    load_set,
    read_set,
)

GOOD = {"id": "a", "input": "Good?", "reference": "yes", "labels": ["yes", "no"]}


def line(**change: object) -> bytes:
    return json.dumps({**GOOD, **change}).encode() + b"\n"


def test_a_set_is_read_with_its_digest() -> None:
    data = line() + b"\n" + line(id="b", reference="no", source="somewhere", licence="MIT")
    dataset = read_set("mine", data)
    assert [sample.id for sample in dataset.samples] == ["a", "b"]
    assert dataset.samples[1].licence == "MIT"
    assert dataset.faults == ()
    assert len(dataset.digest) == 16
    assert read_set("mine", data + b" ").digest != dataset.digest


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    dataset = read_set("mine", b"\xef\xbb\xbf" + line().replace(b"\n", b"\r\n"))
    assert len(dataset.samples) == 1
    assert not dataset.faults


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'"text"', "not a JSON object"),
        (b'{"id": "x", "input": "\xff"}', "not UTF-8 at byte"),
        (b'{"id": "x", "input": "\\ud800", "reference": "y"}', "lone surrogate"),
        (line(id="a"), "the id a occurs twice"),
        (line(id=7), "id is not a string"),
        (line(id=""), "needs an id"),
        (line(id="x", input=None), "input is missing"),
        (line(id="x", input=["turn"]), "input is not a string"),
        (line(id="x", input=" "), "input is empty"),
        (line(id="x", reference=None), "reference is missing"),
        (line(id="x", reference=""), "reference is missing"),
        (line(id="x", reference=3), "reference is not"),
        (line(id="x", reference={"time": 9}), "reference is not"),
        (line(id="x", reference="maybe"), "not one of the labels"),
        (line(id="x", labels="yes"), "labels is not a list"),
        (line(id="x", labels=["yes", " "]), "labels is not a list"),
        (line(id="x", labels=[], choices=["one"], reference="A"), "2 to 26 choices"),
        (line(id="x", labels=[], choices=["1", "2"], reference="C"), "letter of a choice"),
        (b'{"id": "' + b"x" * LINE_BYTES_MAX + b'"}', "longer than"),
    ],
)
def test_a_bad_line_is_a_fault_and_the_rest_is_kept(bad: bytes, reason: str) -> None:
    dataset = read_set("mine", line() + bad.rstrip(b"\n") + b"\n" + line(id="b"))
    assert [sample.id for sample in dataset.samples] == ["a", "b"]
    (fault,) = dataset.faults
    assert fault.where == "line 2"
    assert reason in fault.reason


@pytest.mark.parametrize("data", [b"", b"\n \n", "\ufeff".encode()])
def test_an_empty_set_is_a_mistake(data: bytes) -> None:
    with pytest.raises(ConfigError, match="no usable item .it is empty"):
        read_set("mine", data)


def test_a_set_in_another_encoding_says_so() -> None:
    with pytest.raises(ConfigError, match="no usable item; line 1: not UTF-8"):
        read_set("mine", line().decode().encode("utf-16"))


def test_a_set_beyond_all_bounds_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "ITEMS_MAX", 1)
    with pytest.raises(ConfigError, match="more than 1 items"):
        read_set("mine", line() + line(id="b"))
    monkeypatch.setattr(datasets, "FILE_BYTES_MAX", 10)
    (tmp_path / "mine.jsonl").write_bytes(line())
    with pytest.raises(ConfigError, match="larger than"):
        load_set("mine.jsonl", tmp_path)


def test_slots_and_several_answers_are_references_too() -> None:
    dataset = read_set(
        "mine",
        line(labels=[], reference={"time": "9 pm"}) + line(id="b", labels=[], reference=["x", "y"]),
    )
    assert dataset.samples[0].reference == {"time": "9 pm"}
    assert dataset.samples[1].reference == ("x", "y")


def test_a_file_of_ones_own_is_found_beside_its_task(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_bytes(line())
    assert load_set("mine.jsonl", tmp_path).samples[0].id == "a"


def test_a_missing_set_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"did you mean reviews-en.*\? \(a file of your own ends"):
        load_set("review-en")
    with pytest.raises(ConfigError, match=r"No such file or directory \(a file of your own ends"):
        load_set("zzzzzz")
    (tmp_path / "mine.jsonl").write_bytes(line())
    with pytest.raises(ConfigError, match=r"directory; did you mean mine.jsonl\?$"):
        load_set("mien.jsonl", tmp_path)
    with pytest.raises(ConfigError, match=r"directory$"):
        load_set("nowhere/mine.jsonl", tmp_path)


@pytest.mark.parametrize("path", sorted(SETS_FOLDER.glob("*.jsonl")), ids=lambda path: path.stem)
def test_every_shipped_set_is_whole_licensed_and_attributed(path: Path) -> None:
    dataset = load_set(path.stem)
    assert not dataset.faults
    # Of a scenario there are a hundred and more; some are of several kinds, a set each.
    assert len(dataset.samples) >= 30
    free = {"MIT", "Apache-2.0", "CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-4.0"}
    assert {sample.licence for sample in dataset.samples} <= free
    assert f"`{path.name}`" in (SETS_FOLDER / "README.md").read_text("utf-8")


def asked(*roles: str, **change: object) -> bytes:
    messages = [{"role": role, "content": f"{role} says"} for role in roles]
    row = {"id": "m", "messages": messages, "reference": "x", **change}
    return json.dumps(row).encode() + b"\n"


def test_a_line_may_be_a_whole_conversation() -> None:
    tools = [{"type": "function", "function": {"name": "look"}}]
    (sample,) = read_set("m", asked("system", "user", tools=tools, stop="END")).samples
    assert [message["role"] for message in sample.messages] == ["system", "user"]
    assert sample.request_fields == {"tools": tools, "stop": "END"}
    assert sample.input == "system: system says\n\nuser: user says"


def test_the_text_of_one_message_stands_for_it() -> None:
    assert read_set("m", asked("user")).samples[0].input == "user says"
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {}}]
    messages = [{"role": "user", "content": parts}]
    (sample,) = read_set("m", asked(messages=messages)).samples
    assert sample.input == "What is it?"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (asked("user", input="x"), "no input and no choices"),
        (asked("user", choices=["a", "b"]), "no input and no choices"),
        (asked(), "not a list of messages"),
        (asked(messages="x"), "not a list of messages"),
        (asked(messages=[{"content": "x"}]), "not a list of messages"),
        (asked("user", "assistant"), "not one that is to be answered"),
        (asked(messages=[{"role": "user", "content": ""}]), "input is empty"),
    ],
)
def test_messages_that_cannot_be_sent_are_a_fault(bad: bytes, reason: str) -> None:
    dataset = read_set("mine", line() + bad)
    assert reason in dataset.faults[0].reason


def test_fields_of_requests_are_ordinary_fields_of_a_plain_item() -> None:
    (sample,) = read_set("mine", line(stop="x")).samples
    assert sample.request_fields == {}


def test_a_file_is_told_by_its_ending(tmp_path: Path) -> None:
    assert is_file("a/b.parquet") and not is_file("reviews-en")
    (tmp_path / "mine.jsonl").write_bytes(line())
    path = str(tmp_path / "mine.jsonl")
    first = digest_of(path)
    (tmp_path / "mine.jsonl.yaml").write_text("columns: {note: other}")
    assert digest_of(path) != first
    assert digest_of("reviews-en") == load_set("reviews-en").digest


def test_a_layout_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_bytes(line())
    (tmp_path / "mine.jsonl.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"mine\.jsonl\.yaml"):
        load_set("mine.jsonl", tmp_path)
    (tmp_path / "mine.jsonl.yaml").rmdir()
    (tmp_path / "mine.jsonl.yaml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_set("mine.jsonl", tmp_path)


# Pinned where running measurements rely on them.
@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("reviews-en", "51d10b0ca6b4ecf1"),
        ("asap-aspect", "ae5378c02b893c28"),
        ("after-sales-intent-zh", "622480a897368cf9"),
    ],
)
def test_digests_of_shipped_sets_stay(name: str, digest: str) -> None:
    assert load_set(name).digest == digest
