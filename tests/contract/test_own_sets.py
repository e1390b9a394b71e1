"""What holds for every test set that we wrote ourselves (``source`` is ``steelyard``)."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest

from steelyard.weigh.catalog import shipped_tasks
from steelyard.weigh.datasets import SETS_FOLDER, load_set
from steelyard.weigh.graders.base import Item, grade_answer
from steelyard.weigh.graders.registry import find_graders

Row = dict[str, Any]

PER_SCENARIO_MIN = 100
GRAM_CHARS = 4
OVERLAP_MAX = 0.4
"""Shared 4-grams over all 4-grams of two inputs, frames left out; copies have over 0.6."""
FRAME_SHARE = 0.2
"""What stands in more of a set's inputs than this is its fixed frame."""
FAULTS = {
    "breaks a taboo",
    "breaks the way of speaking",
    "breaks a fact of the card",
    "leaks the prompt or leaves the role",
    "out of the era",
    "knows what the character cannot know",
}
PLACEHOLDER = re.compile(
    r"\{[a-z_]+\}|<[a-z_]+>|\bTO(?:DO)\b|\bTBD\b|\bFIX(?:ME)\b|\blorem\b|x{3,}|某某公司|\?{3,}|�",
    re.I,
)
HAN = re.compile(r"[一-鿿]")
FIGURE = re.compile(r"\d+(?:\.\d+)?")
REAL_NUMBER = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)|(?<!\d)400[- ]?\d{3,4}[- ]?\d{3,4}(?!\d)")


def _own_sets() -> dict[str, list[Row]]:
    sets = {}
    for path in sorted(SETS_FOLDER.glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            if json.loads(file.readline()).get("source") != "steelyard":
                continue
            file.seek(0)
            sets[path.stem] = [json.loads(line) for line in file]
    return sets


SETS = _own_sets()
every_set = pytest.mark.parametrize("name", SETS)


@every_set
def test_an_item_says_what_it_is_and_whose(name: str) -> None:
    for row in SETS[name]:
        assert row["task"] == name
        assert row["scenario"], row["id"]
        assert row["lang"] == _language(name)
        assert row["difficulty"] in {"easy", "medium", "hard"}
        assert row["source"] == "steelyard"
        assert row["author"] == "Steelyard contributors"
        assert row["licence"] == "CC0-1.0"


@every_set
def test_ids_follow_from_the_content(name: str) -> None:
    for row in SETS[name]:
        digest = hashlib.sha256((row["task"] + row["input"]).encode()).hexdigest()
        assert row["id"] == f"{row['task']}-{digest[:10]}"


def test_ids_occur_once_over_all_sets() -> None:
    ids = Counter(row["id"] for rows in SETS.values() for row in rows)
    assert [name for name, count in ids.items() if count > 1] == []


@every_set
def test_the_loader_takes_every_line(name: str) -> None:
    dataset = load_set(name)
    assert dataset.faults == ()
    assert len(dataset.samples) == len(SETS[name])


@every_set
def test_labels_are_one_closed_set_and_each_is_a_reference(name: str) -> None:
    rows = [row for row in SETS[name] if row["grader"] == "label"]
    labels = {tuple(row["labels"]) for row in rows}
    for row in rows:
        assert row["reference"] in row["labels"]
    if len(labels) == 1:
        (closed,) = labels
        assert {row["reference"] for row in rows} == set(closed)
        assert not any(a in b for a in closed for b in closed if a != b)


@every_set
def test_the_grader_can_score_every_item(name: str) -> None:
    graders = find_graders()
    for row in SETS[name]:
        assert graders[row["grader"]].fits(_item(row)) == "", row["id"]


@every_set
def test_references_get_full_marks(name: str) -> None:
    graders = find_graders()
    for row in SETS[name]:
        grader, parameters = graders[row["grader"]], _parameters(row)
        for answer in row.get("accepts", _right_answers(row)):
            grade = grade_answer(grader, answer, _item(row), parameters)
            assert grade.value == 1, (row["id"], answer, grade)
        for answer in row.get("rejects", ()):
            grade = grade_answer(grader, answer, _item(row), parameters)
            assert grade.value is not None, row["id"]
            assert grade.value < 1, (row["id"], answer)


@every_set
def test_copy_names_every_fact_and_nothing_forbidden(name: str) -> None:
    for row in SETS[name]:
        if row["grader"] != "facts":
            continue
        low, high = row["length"]
        assert low <= len(row["reference"]) <= high, row["id"]
        for spellings in row["facts"].values():
            assert any(text in row["input"] for text in spellings), (row["id"], spellings)
            assert any(text in row["reference"] for text in spellings), (row["id"], spellings)
        invented = set(FIGURE.findall(row["reference"])) - set(FIGURE.findall(row["input"]))
        assert not invented, (row["id"], invented)
        for word in row["forbidden"]:
            assert word not in row["reference"], (row["id"], word)
            assert not any(word in text for texts in row["facts"].values() for text in texts)


@every_set
def test_no_placeholder_and_no_number_that_might_ring(name: str) -> None:
    for row in SETS[name]:
        assert not PLACEHOLDER.search(row["input"]), row["id"]
        assert not REAL_NUMBER.search(row["input"]), row["id"]
        assert bool(HAN.search(row["input"])) is (row["lang"] == "zh"), row["id"]


@every_set
def test_no_item_is_another_in_a_few_other_words(name: str) -> None:
    texts = [re.sub(r"\s", "", row["input"]) for row in SETS[name]]
    grams = [
        {text[i : i + GRAM_CHARS] for i in range(len(text) - GRAM_CHARS + 1)} for text in texts
    ]
    seen_in = Counter(gram for each in grams for gram in each)
    frame = {gram for gram, count in seen_in.items() if count > FRAME_SHARE * len(texts)}
    own = [each - frame for each in grams]
    for (i, left), (j, right) in combinations(enumerate(own), 2):
        shared = len(left & right)
        assert shared <= OVERLAP_MAX * (len(left) + len(right) - shared), (texts[i], texts[j])


@every_set
def test_every_wrong_choice_has_one_named_fault(name: str) -> None:
    rows = [row for row in SETS[name] if "faults" in row]
    for row in rows:
        named = dict(zip(row["labels"], row["faults"], strict=True))
        assert named.pop(row["reference"]) == "" and set(named.values()) <= FAULTS, row["id"]
        assert len(set(row["choices"])) == len(row["labels"])
    longest = [
        len(row["choices"][row["labels"].index(row["reference"])]) == max(map(len, row["choices"]))
        for row in rows
    ]
    assert sum(longest) <= len(rows) / 3  # whoever takes the longest wins next to nothing


@every_set
def test_every_rule_of_a_manner_can_be_broken(name: str) -> None:
    """Each item has answers that break one, and the grader says which."""
    grader = find_graders()["manner"]
    for row in SETS[name]:
        if row["grader"] == "manner":
            reasons = {grade_answer(grader, each, _item(row), {}).reason for each in row["rejects"]}
            assert len(row["rejects"]) >= 2 and "" not in reasons, row["id"]


@every_set
def test_a_length_that_is_demanded_is_told(name: str) -> None:
    for row in SETS[name]:
        if "length" in row:
            assert str(row["length"][1]) in row["input"], row["id"]


@every_set
def test_difficulties_are_mixed(name: str) -> None:
    counts = Counter(row["difficulty"] for row in SETS[name])
    assert min(counts[level] for level in ("easy", "medium", "hard")) >= len(SETS[name]) / 10


def test_every_scenario_has_enough_items() -> None:
    counts = Counter(row["scenario"] for rows in SETS.values() for row in rows)
    assert {"after-sales", "office-assistant", "marketing-copy"} <= set(counts)
    assert {name: count for name, count in counts.items() if count < PER_SCENARIO_MIN} == {}


def test_every_own_set_is_a_shipped_task() -> None:
    assert set(SETS) <= {task.set_name for task in shipped_tasks().values()}


def _language(name: str) -> str:
    return next(task.language for task in shipped_tasks().values() if task.set_name == name)


def _item(row: Row) -> Item:
    reference = row["reference"]
    known = {"id", "input", "reference", "labels", "choices", "licence"}
    return Item(
        id=row["id"],
        input=row["input"],
        reference=tuple(reference) if isinstance(reference, list) else reference,
        labels=tuple(row.get("labels", ())),
        choices=tuple(row.get("choices", ())),
        extras={name: value for name, value in row.items() if name not in known},
    )


def _parameters(row: Row) -> dict[str, object]:
    """What the shipped task of this item's set gives the grader."""
    for task in shipped_tasks().values():
        if task.set_name == row["task"] and task.grader == row["grader"]:
            return dict(task.grader_parameters)
    return {}


def _right_answers(row: Row) -> list[str]:
    reference = row["reference"]
    if row["grader"] == "regex":  # the reference is a pattern; right answers are in ``accepts``
        return []
    if isinstance(reference, dict):
        return [json.dumps(reference, ensure_ascii=False)]
    return list(reference) if isinstance(reference, list) else [reference]


def test_a_wrong_label_gets_nothing() -> None:
    row = next(r for rows in SETS.values() for r in rows if r["grader"] == "label")
    wrong = next(label for label in row["labels"] if label != row["reference"])
    assert grade_answer(find_graders()["label"], wrong, _item(row), {}).value == Fraction(0)
