from __future__ import annotations

from decimal import Decimal

import pytest

from steelyard.config.document import parse
from steelyard.config.presets import default_text
from steelyard.control.moving.merging import CannotMerge, flow, insert, merge, text_of
from steelyard.control.moving.notes import Notes
from steelyard.control.moving.part import Part

PART = Part(
    channels={"new": {"vendor": "openai", "credential": "${NEW}"}},
    offers=[{"model": "m", "channel": "new"}, {"model": "n", "channel": "new", "enabled": False}],
    aliases={"a": "m"},
    policies={"p": {"channels": ["new"]}},
)


def _merged(text: str, part: Part = PART) -> str:
    return merge(text, part, Notes()).text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing yet",
        "listen: 127.0.0.1:1",
        "channels:\noffers:\n",
        "channels: {}\noffers: []\npolicies: {}",
        "channels: {old: {vendor: openai}}\noffers: [{model: m, channel: old}]\n",
        "channels: {old: {vendor: openai}, }\noffers: [ ]\n",
        "channels:\n  old:\n    vendor: openai\n    # why\n\n# about offers\noffers:\n"
        "- model: m\n  channel: old\n",
        "channels:\n    old: {vendor: openai} # mine\noffers:\n"
        "    - {model: m, channel: old}\nlisten: x\n",
        "channels:\n  old:\n    headers:\n      x-a: |\n        text\nlisten: x\n",
        default_text(),
    ],
)
def test_entries_are_added_and_the_rest_stays(text: str) -> None:
    before = parse(text, "s").value or {}
    merged = _merged(text)
    after = parse(merged, "s").value
    assert after["channels"] == {**(before.get("channels") or {}), **PART.channels}
    assert after["offers"] == [*(before.get("offers") or []), *PART.offers]
    assert (after["aliases"], after["policies"]) == (PART.aliases, PART.policies)
    for line in text.splitlines():
        assert line.split("#")[0].rstrip("}] ") in merged
        assert "#" not in line or line.partition("#")[2] in merged
    assert merge(merged, PART, Notes()) == (merged, {})


def test_comments_stay_where_they_are() -> None:
    merged = _merged("channels:\n  old: {} # mine\n  # below\nlisten: x\n", Part(PART.channels))
    assert merged == (
        "channels:\n  old: {} # mine\n"
        '  new: {vendor: openai, credential: "${NEW}"}\n  # below\nlisten: x\n'
    )


def test_what_the_file_says_already_is_left_and_told() -> None:
    text = (
        "channels: {new: {vendor: anthropic}}\noffers: [{model: m, channel: new, context: 5},"
        " {model: a, channel: new}]\npolicies: {p: {channels: []}}\n"
    )
    notes = Notes()
    merged = merge(text, PART, notes)
    assert merged.added == {"offers": 1}
    assert [row["which"] for row in notes.rows()] == [
        [
            "channel new: left as it is",
            "policy p: left as it is",
            "alias a: left as it is",
        ]
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[1]",
        "a: [",
        "channels: 5",
        "{listen: x}",
        "offers: {a: 1}",
        "channels: {old: {vendor: openai} # mine\n  }\n",
        "base: &b {vendor: openai}\nchannels: *b\n",
    ],
)
def test_files_that_cannot_be_added_to(text: str) -> None:
    with pytest.raises(CannotMerge):
        _merged(text)


@pytest.mark.parametrize(
    "value",
    [
        {"a": "b c", "d": "x: y", "e": "#", "f": "1.5", "g": "Null", "h": "中文", "i": "- x"},
        {"a": [True, 5, "yes", "", " x", "x ", 'q"q', "${A}", "2026-11-22", "12:30"]},
        {"weird key": {}, "b": []},
    ],
)
def test_values_on_one_line_are_read_again(value: object) -> None:
    assert parse(flow(value), "s").value == value


def test_the_part_as_a_file() -> None:
    text = text_of(PART)
    assert parse(text, "s").value == PART.sections()
    assert text.startswith('channels:\n  new: {vendor: openai, credential: "${NEW}"}\noffers:\n')
    assert text_of(Part()) == ""


ENTRY = {
    "title": "A: b",
    "floor": Decimal("0.85"),
    "grader_parameters": {"fold": True, "all": ["x", "yes"], "tolerance": 0.5, "none": {}},
    "form": {"user": "Two\n\n lines {input}", "system": " odd\n", "output_tokens_max": 8},
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# mine\nlisten: 127.0.0.1:1  # here\n",
        "tasks:\n",
        "tasks: {}\nlisten: 127.0.0.1:1",
        "tasks:\n    other: {floor: 0.5}  # keep\n# after\nlisten: 127.0.0.1:1\n",
        "tasks:\n  other:\n    floor: 0.5\n\nlisten: 127.0.0.1:1\n",
    ],
)
def test_an_entry_of_several_lines_is_put_into_its_section(text: str) -> None:
    made = insert(text, "tasks", {"a/b": ENTRY, "whole": {"floor": Decimal(1)}})
    value = parse(made, "f").value
    assert value["tasks"]["a/b"]["form"] == ENTRY["form"]
    assert value["tasks"]["a/b"]["floor"] == "0.85"
    assert value["tasks"]["a/b"]["grader_parameters"]["tolerance"] == "0.5"
    assert value["tasks"]["whole"] == {"floor": 1}
    for comment in ("# mine", "# here", "# keep", "# after"):
        assert (comment in made) == (comment in text)
    if "{}" not in text:
        assert "user: |-" in made


@pytest.mark.parametrize("text", ["tasks: 3", "tasks: [a]", "- a", "{tasks: {a: {}}}", "a: ["])
def test_a_section_that_cannot_be_added_to_is_left_alone(text: str) -> None:
    with pytest.raises(CannotMerge):
        insert(text, "tasks", {"b": {"floor": Decimal("0.5")}})
