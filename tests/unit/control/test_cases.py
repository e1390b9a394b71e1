"""Run files are found and read beside a writer; notes are kept; cases become items."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from weigh.cases.case_rig import right

from control.case_home import ONE, TWO, make_home, no, write_runs
from steelyard.control import cases
from steelyard.control.cases import NewNote, Wish
from steelyard.control.control import Control
from steelyard.domain.errors import ConfigError, InvalidRequest
from steelyard.weigh.datasets import load_set
from steelyard.weigh.runfile import RunFile


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    made = make_home(tmp_path)
    yield made
    made.close()


def look(control: Control) -> cases.Found:
    return asyncio.run(cases.look(control, "mood"))


def note(control: Control, sample: str, **more: Any) -> Any:
    return asyncio.run(cases.annotate(control, "mood", NewNote(sample, **more), "admin"))


def promote(control: Control, **more: Any) -> dict[str, Any]:
    return asyncio.run(cases.promote(control, more.pop("task", "mood"), Wish(**more)))


def test_all_run_files_of_the_task_count_and_no_other_s(control: Control) -> None:
    write_runs(control, "mood-18ea4760483163a0.jsonl", right("item-a"))
    write_runs(control, "mood-swing-18ea4760483163a1.jsonl", right("item-a", TWO))
    found = look(control)
    assert list(found.analysis.cases) == ["item-a", "item-b", "item-c"]
    assert found.analysis.cases["item-a"].failing == (TWO,)
    assert not found.problems and not found.analysis.is_outdated


def test_a_file_that_is_being_written_or_cannot_be_read_stops_nothing(control: Control) -> None:
    path = write_runs(control, "mood-18ea4760483163a0.jsonl", right("item-a"))
    with RunFile(path):
        with path.open("ab") as torn:
            torn.write(b'{"v":1,')
        assert look(control).analysis.cases["item-a"].failing == (TWO,)
    (control.places.home / "weighings" / "mood-18ea4760483163a2.jsonl").write_text('{"v":7}\n')
    found = look(control)
    assert len(found.problems) == 1 and "mood-18ea4760483163a2" in found.problems[0]
    assert len(found.analysis.cases) == 3


def test_a_case_is_found_by_the_end_of_its_id(control: Control) -> None:
    analysis = look(control).analysis
    assert cases.case_of(analysis, "-b").sample.id == "item-b"
    for wrong in ("item", "", "zzz"):
        with pytest.raises(InvalidRequest):
            cases.case_of(analysis, wrong)
    with pytest.raises(ConfigError, match="did you mean mood"):
        asyncio.run(cases.look(control, "moot"))


def test_notes_and_tags_add_up_and_old_ones_stay(control: Control) -> None:
    made = note(control, "a", note="sad", add_tags=("angry", "zh"))
    assert (made.sample, made.tags, made.note) == ("item-a", ("angry", "zh"), "sad")
    made = note(control, "a", add_tags=("late", "zh"), remove_tags=("angry",))
    assert (made.tags, made.note) == (("zh", "late"), "sad")
    note(control, "b", offer=ONE, add_tags=("zh",))
    notes = look(control).notes
    assert set(notes) == {("item-a", ""), ("item-b", ONE)}
    assert cases.tagged(notes, "zh") == {"item-a", "item-b"}
    assert cases.tagged(notes, "zh", TWO) == {"item-a"} and not cases.tagged(notes, "angry")
    assert cases.all_tags(notes.values()) == ["late", "zh"]
    with control.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM case_notes").scalar() == 3


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"sample": "zzz"}, "that was asked is called 'zzz'; steelyard cases"),
        ({"sample": "a", "offer": "shop/none"}, "did not answer"),
        ({"sample": "a", "add_tags": ("two words",)}, "one word"),
        ({"sample": "a", "add_tags": ("=cmd",)}, "one word"),
        ({"sample": "a", "add_tags": tuple(f"t{n}" for n in range(21))}, "20 tags"),
    ],
)
def test_a_note_that_is_not_right_is_refused(
    control: Control, given: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        note(control, **given)
    assert not look(control).notes


def test_a_case_becomes_an_item_and_the_old_answers_are_outdated(control: Control) -> None:
    made = promote(control, sample="a", input="Is it not so?", reference="no")
    assert made["task"] == "mood" and made["set"].endswith("mood.jsonl")
    assert load_set(made["set"]).samples[-1].id == made["item"]
    assert look(control).analysis.is_outdated
    write_runs(control, "mood-18ea4760483163a0.jsonl", no("item-a"), no(made["item"]))
    found = look(control)
    assert set(found.analysis.cases) == {"item-a", made["item"]} and not found.analysis.is_outdated


def test_a_case_of_another_task_may_be_taken_over(control: Control) -> None:
    sample = next(s for s in load_set("reviews-en").samples if s.reference == "positive")
    with pytest.raises(InvalidRequest, match="not right: the reference is not one of the labels"):
        promote(control, task="shop/review-sentiment", to_task="mood", sample=sample.id,
                reference="yes")  # fmt: skip
    made = promote(control, task="shop/review-sentiment", to_task="mood", sample=sample.id)
    assert load_set(made["set"]).samples[-1].labels == sample.labels


def test_a_shipped_set_is_left_alone(control: Control) -> None:
    with pytest.raises(InvalidRequest, match="tasks add shop/review-sentiment --as my/shop"):
        promote(control, task="shop/review-sentiment", sample="x")
    with pytest.raises(InvalidRequest, match="No item is called"):
        promote(control, sample="zzz", input="new")
    with pytest.raises(InvalidRequest, match="3 items are called"):
        (control.places.home / "mood.jsonl").write_text(
            "".join(
                f'{{"id": "{n}x", "input": "{n}?", "reference": "yes", "labels": ["yes", "no"]}}\n'
                for n in "abc"
            )
        )
        promote(control, sample="x", input="new")


def test_a_table_is_left_alone_and_the_way_on_is_named(control: Control) -> None:
    home = control.places.home
    (home / "my set.csv").write_text("input,reference,labels\nx?,yes,yes|no\n")
    file = home / "steelyard.yaml"
    file.write_text(file.read_text().replace("mood.jsonl", "my set.csv"))
    asyncio.run(control.read_config())
    with pytest.raises(InvalidRequest) as refused:
        promote(control, sample="x", input="new")
    told = refused.value.message
    assert f"tasks convert '{home}/my set.csv' --to '{home}/my set.jsonl'" in told
    assert "`set: my set.jsonl` in mood" in told


def test_rows_for_programs(control: Control) -> None:
    note(control, "a", note="sad", add_tags=("zh",))
    note(control, "a", offer=TWO, note="worse")
    found = look(control)
    row = cases.case_row(found.analysis.cases["item-a"], found.notes)
    assert (row["sample"], row["failing"], row["is_failed_by_all"]) == ("item-a", [ONE, TWO], True)
    assert (row["tags"], row["note"], row["reference"]) == (["zh"], "sad", "yes")
    first, second = row["answers"]
    assert (first["kind"], first["grade"], first["note"]) == ("wrong_label:yes → no", "0", "")
    assert second["note"] == "worse" and second["cost_pico"] == "1000000000"
    (cluster,) = (cases.cluster_row(c, found.analysis) for c in found.analysis.clusters)
    assert (cluster["kind"], cluster["failures"], cluster["items"]) == ("wrong_label", 3, 2)
    assert cluster["offers"][ONE] == {"failures": 2, "share": 1.0}
    assert [row["failed"] for row in cases.tally_rows(found.analysis)] == [2, 1]
    assert cases.reference_of(()) is None and cases.reference_of(("a",)) == ["a"]
    assert cases.reference_of({"x": "1"}) == {"x": "1"}
