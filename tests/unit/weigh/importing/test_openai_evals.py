import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh.graders.base import grade_answer
from steelyard.weigh.graders.registry import find_grader
from steelyard.weigh.importing import openai_evals
from steelyard.weigh.importing.openai_evals import read

ASKED = [
    {"role": "system", "content": "Answer shortly."},
    {"role": "user", "content": "Capital of France?"},
]


def registry(
    folder: Path, kind: str, samples: list[dict[str, Any]], args: dict[str, Any] | None = None
) -> Path:
    """A registry file with its samples, laid out as in the repository."""
    (folder / "evals").mkdir(exist_ok=True)
    (folder / "data" / "mine").mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(sample) + "\n" for sample in samples)
    (folder / "data" / "mine" / "samples.jsonl").write_text(lines)
    path = folder / "evals" / "mine.yaml"
    spec = {
        "mine": {"id": "mine.dev.v0", "metrics": ["accuracy"]},
        "mine.dev.v0": {
            "class": f"evals.elsuite.basic.x:{kind}",
            "args": {"samples_jsonl": "mine/samples.jsonl", **(args or {})},
        },
    }
    path.write_text(json.dumps(spec))  # JSON is YAML
    return path


@pytest.mark.parametrize(
    ("kind", "ideal", "args", "right", "wrong"),
    [
        ("Match", "Paris", {}, " Paris, of course", "It is Paris"),
        ("Match", ["A.", "B"], {}, "A. sure", "Ah"),
        ("Includes", ["Paris"], {}, "It is Paris", "it is paris"),
        ("Includes", ["Paris"], {"ignore_case": True}, "it is paris", "Rome"),
        ("FuzzyMatch", ["Paris"], {}, "it is PARIS!", "Rome"),
        ("FuzzyMatch", ["The Seine."], {}, "by the Seine, yes", "the Rhine"),
        ("JsonMatch", '{"a": 1}', {}, '{"a": 1}', '{"a": 2}'),
        ("JsonMatch", {"a": [1]}, {}, '{"a": [1]}', "{}"),
    ],
)
def test_a_class_means_the_same_here(
    tmp_path: Path, *, kind: str, ideal: object, args: dict[str, Any], right: str, wrong: str
) -> None:
    (task,) = read(registry(tmp_path, kind, [{"input": ASKED, "ideal": ideal}], args))
    assert task.name == "mine"
    (sample,) = task.dataset().samples
    assert list(sample.messages) == ASKED
    grader = find_grader(task.grader, task.grader_parameters)
    assert grader.fits(sample) == ""
    assert grade_answer(grader, right, sample, task.grader_parameters).value == 1
    assert grade_answer(grader, wrong, sample, task.grader_parameters).value == 0


def test_examples_go_before_the_question(tmp_path: Path) -> None:
    path = registry(
        tmp_path,
        "Match",
        [{"input": ASKED, "ideal": "x"}],
        {"num_few_shot": 1, "few_shot_jsonl": "mine/few.jsonl", "max_tokens": 9},
    )
    shot = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
    lines = (json.dumps({"sample": shot}) + "\n") * 2
    (tmp_path / "data" / "mine" / "few.jsonl").write_text(lines)
    (task,) = read(path)
    assert task.rows[0]["messages"] == [ASKED[0], *shot, ASKED[1]]
    assert task.output_tokens_max == 9


def test_a_prompt_may_be_a_text_or_a_system_message_alone(tmp_path: Path) -> None:
    samples = [
        {"input": "1+1=", "ideal": "2"},
        {"input": [{"role": "system", "content": "2+2="}], "ideal": "4"},
    ]
    (task,) = read(registry(tmp_path, "Match", samples))
    first, second = task.dataset().samples
    assert first.input == "1+1="
    assert second.messages == ({"role": "user", "content": "2+2="},)


def test_a_model_graded_one_is_a_judge_s(tmp_path: Path) -> None:
    args = {"modelgraded_spec": "closedqa"}
    (task,) = read(registry(tmp_path, "ModelBasedClassify", [{"input": ASKED}], args))
    assert task.grader == "judge"
    assert "its rubric closedqa is left out" in task.notes


def test_samples_alone_are_taken_as_a_match(tmp_path: Path) -> None:
    path = tmp_path / "towns.jsonl"
    path.write_text(json.dumps({"input": ASKED, "ideal": "Paris"}) + "\n\n")
    (task,) = read(path)
    assert (task.name, task.grader) == ("towns", "regex")


def test_of_several_those_that_can_be_taken_are(tmp_path: Path) -> None:
    path = registry(tmp_path, "Match", [{"input": ASKED, "ideal": "x"}])
    spec = json.loads(path.read_text())
    spec["other.v0"] = {
        "class": "evals.solvers:Other",
        "args": {"samples_jsonl": "mine/samples.jsonl"},
    }
    spec["third.v0"] = {"class": "x:Includes", "args": {"samples_jsonl": "mine/samples.jsonl"}}
    path.write_text(json.dumps(spec))
    tasks = read(path, "one-name")
    assert [task.name for task in tasks] == ["mine", "third-v0"]
    assert any("class Other has no counterpart" in note for note in tasks[0].notes)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        ([{"input": "", "ideal": "x"}], "without an input"),
        ([{"input": [{"role": "who"}], "ideal": "x"}], "no conversation"),
        ([{"input": "x"}], "without an ideal"),
        ([], "there is none"),
    ],
)
def test_samples_that_cannot_be_taken_say_why(
    tmp_path: Path, samples: list[dict[str, Any]], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        read(registry(tmp_path, "Match", samples))


@pytest.mark.parametrize("ideal", ["no json", "[1]", ['{"a": 1}', '{"b": 1}']])
def test_json_that_is_no_single_object_is_left_out(tmp_path: Path, ideal: object) -> None:
    with pytest.raises(ConfigError, match="ideal is no"):
        read(registry(tmp_path, "JsonMatch", [{"input": "x", "ideal": ideal}]))


def test_files_that_are_not_there_or_no_samples_are_mistakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = registry(tmp_path, "Match", [{"input": "x", "ideal": "y"}] * 2)
    samples = tmp_path / "data" / "mine" / "samples.jsonl"
    monkeypatch.setattr(openai_evals, "ITEMS_MAX", 1)
    with pytest.raises(ConfigError, match="more than 1 samples"):
        read(path)
    for text, reason in (("{", "line 1 is no JSON"), ("\n3", "line 2 is no object")):
        samples.write_text(text)
        with pytest.raises(ConfigError, match=reason):
            read(path)
    samples.unlink()
    with pytest.raises(ConfigError, match="lies neither beside"):
        read(path)
    for text in ("- a", "a: 1", "a: {class: 3}"):
        path.write_text(text)
        with pytest.raises(ConfigError, match="no evaluation"):
            read(path)
    path.write_text("a: {class: 'x:Match'}")
    with pytest.raises(ConfigError, match="names no samples_jsonl"):
        read(path)
    path.write_text("a: {class: 'x:Match', args: {samples_jsonl: /etc/passwd}}")
    with pytest.raises(ConfigError, match="outside"):
        read(path)


def test_the_criterion_goes_along(tmp_path: Path) -> None:
    samples = [{"input": ASKED, "criteria": "is it short?"}]
    args = {"modelgraded_spec": "closedqa"}
    (task,) = read(registry(tmp_path, "ModelBasedClassify", samples, args))
    assert task.rows[0]["rubric"] == "is it short?"
    assert task.grader_parameters == {"criteria": "is it short?"}
    args |= {"modelgraded_spec_args": {"criteria": {"kind": "is it kind?"}}}
    (task,) = read(registry(tmp_path, "ModelBasedClassify", samples, args))
    assert task.grader_parameters == {} and any("criteria differ" in note for note in task.notes)


def test_a_test_of_the_judge_itself_is_no_task(tmp_path: Path) -> None:
    samples = [{"input": ASKED, "ideal": "x", "completion": "y", "choice": "A"}]
    path = registry(tmp_path, "ModelBasedClassify", samples, {"metaeval": True})
    with pytest.raises(ConfigError, match="tests a judge by labelled answers"):
        read(path)


def test_a_class_without_a_counterpart_is_named_before_its_samples(tmp_path: Path) -> None:
    path = registry(tmp_path, "MMMU", [], {"samples_jsonl": None})
    with pytest.raises(ConfigError, match="class MMMU has no counterpart"):
        read(path)
