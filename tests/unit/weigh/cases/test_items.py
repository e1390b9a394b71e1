"""A case becomes an item: checked, new, written whole or not at all."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from steelyard.domain.errors import ConfigError, InvalidRequest, StoreUnavailable
from steelyard.domain.tasks import Sample
from steelyard.weigh.cases.items import append, item_row
from steelyard.weigh.datasets import load_set
from steelyard.weigh.graders.registry import find_graders
from weigh.cases.case_rig import item, mood

LABEL = find_graders()["label"]
ROW = {"input": "Is it not?", "reference": "no", "labels": ["yes", "no"]}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "mood.jsonl"
    path.write_text(json.dumps(mood("a", "Is it so?")))  # without a line end
    path.chmod(0o640)
    return path


def test_an_item_is_added_with_an_id_from_its_content(own: Path) -> None:
    name = append(own, ROW, LABEL.fits)
    assert name.startswith("mood-") and len(name) == len("mood-") + 10
    samples = load_set(str(own)).samples
    assert [sample.id for sample in samples] == ["a", name]
    assert (samples[1].input, samples[1].reference) == ("Is it not?", "no")
    assert stat.S_IMODE(own.stat().st_mode) == 0o640
    assert os.listdir(own.parent) == ["mood.jsonl"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({**ROW, "input": "  IS it so?"}, "asks this already"),
        ({**ROW, "reference": "maybe"}, "not one of the labels"),
        ({**ROW, "input": " "}, "the input is empty"),
        ({**ROW, "input": "\ud800"}, "surrogate"),
        ({"input": "What?", "reference": "x"}, "cannot be graded"),
        ({**ROW, "reference": None}, "reference is missing"),
        ({**ROW, "input": "x" * 2_000_000}, "longer than"),
    ],
)
def test_what_is_no_new_item_is_refused_and_the_set_is_as_it_was(
    own: Path, row: Mapping[str, object], reason: str
) -> None:
    before = own.read_bytes()
    with pytest.raises(InvalidRequest, match=reason):
        append(own, row, LABEL.fits)
    assert own.read_bytes() == before


def test_the_same_item_is_not_added_twice(own: Path) -> None:
    append(own, ROW, LABEL.fits)
    with pytest.raises(InvalidRequest, match="has this item already"):
        append(own, ROW, LABEL.fits)


def test_a_link_stays_a_link(own: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.jsonl"
    link.symlink_to(own)
    append(link, ROW, LABEL.fits)
    assert link.is_symlink() and len(load_set(str(own)).samples) == 2


def test_a_set_that_cannot_be_read_or_written_is_said(own: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none.jsonl"):
        append(tmp_path / "none.jsonl", ROW, LABEL.fits)
    with pytest.raises(ConfigError, match="folder"):
        append(tmp_path / "nowhere" / "none.jsonl", ROW, LABEL.fits)
    (own.parent / f".mood.jsonl.{os.getpid()}").mkdir()  # where the new file would be written
    with pytest.raises((StoreUnavailable, OSError)):
        append(own, ROW, LABEL.fits)
    assert len(load_set(str(own)).samples) == 1


def row_of(original: Sample, shown: Sample | None = None, **more: Any) -> Mapping[str, object]:
    return item_row(original, shown or original, **more)


def test_what_is_not_given_stays_and_what_belongs_to_the_old_text_goes() -> None:
    original = item("yes", labels=("yes", "no"), licence="CC0-1.0", extras={"hard": True})
    assert row_of(original) == {
        **{"input": "Is it so?", "reference": "yes", "labels": ["yes", "no"]},
        **{"licence": "CC0-1.0", "hard": True, "made_from": "a"},
    }
    changed = row_of(original, input_text="Or so?", reference="no")
    assert (changed["input"], changed["reference"]) == ("Or so?", "no") and "licence" not in changed


def test_a_letter_is_taken_as_it_was_sent() -> None:
    original = item("A", choices=("good", "rude", "late"))
    shown = item("C", choices=("rude", "late", "good"), labels=("A", "B", "C"))
    row = row_of(original, shown, reference=" b")
    assert row["reference"] == "C" and row["choices"] == ["good", "rude", "late"]
    assert "labels" not in row
    for wrong in ("D", "", "AB"):
        with pytest.raises(InvalidRequest, match="from A to C"):
            row_of(original, shown, reference=wrong)


def test_references_of_each_kind() -> None:
    assert row_of(item({"x": "1"}), reference='{"x": "2"}')["reference"] == {"x": "2"}
    assert row_of(item(("a", "b")), reference='["c"]')["reference"] == ["c"]
    assert row_of(item(("a", "b")), reference="5 days")["reference"] == "5 days"
    assert row_of(item(("a", "b")), reference="5")["reference"] == "5"
    assert row_of(item(()))["reference"] is None
    for wrong in ("2", "[1]", "no"):
        with pytest.raises(InvalidRequest, match="object of texts"):
            row_of(item({"x": "1"}), reference=wrong)


def test_a_conversation_keeps_its_messages_and_takes_no_other_question() -> None:
    said = ({"role": "user", "content": "Is it so?"},)
    original = item(messages=said, request_fields={"stop": ["x"]})
    row = row_of(original)
    assert row["messages"] == list(said) and row["stop"] == ["x"]
    with pytest.raises(InvalidRequest, match="whole conversation"):
        row_of(original, input_text="Or so?")


def test_a_conversation_becomes_an_item_of_another_set(own: Path) -> None:
    said = ({"role": "user", "content": "Is it really?"},)
    name = append(own, row_of(item("yes", "Is it really?", messages=said)), lambda _: "")
    assert load_set(str(own)).samples[-1].messages == said and name.startswith("mood-")
