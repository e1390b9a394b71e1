"""The logs in ``tests/fixtures/imports`` were written by Inspect 0.3.285 with its mock model."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh.importing import inspect_logs
from steelyard.weigh.importing.inspect_logs import read

LOGS = Path(__file__).parents[3] / "fixtures" / "imports"


def log(**change: Any) -> dict[str, Any]:
    about = {"task": "Mine", "model": "m", "scorers": [{"name": "includes", "options": {}}]}
    sample = {"id": "a", "epoch": 1, "input": "Capital?", "target": "Paris"}
    return {"version": 2, "eval": about, "plan": {"steps": []}, "samples": [sample], **change}


def written(tmp_path: Path, value: dict[str, Any]) -> Path:
    path = tmp_path / "log.json"
    path.write_text(json.dumps(value))
    return path


def test_an_eval_file_becomes_a_task_with_each_sample_once() -> None:
    (task,) = read(LOGS / "sums.eval")
    assert (task.name, task.grader, task.system) == ("sums", "number", "Be brief.")
    assert [(row["id"], row["reference"]) for row in task.rows] == [("a", ["2"]), ("b", ["5"])]
    assert task.dataset().faults == ()
    assert any("mockllm/model: accuracy 0 by match; told" in note for note in task.notes)


def test_choices_keep_their_letters() -> None:
    (task,) = read(LOGS / "quiz.eval", "my/quiz")
    assert (task.name, task.grader) == ("my/quiz", "choice")
    assert "{choices}" in task.user
    assert task.rows[0]["choices"] == ["sky", "blood", "grass"]
    assert [sample.reference for sample in task.dataset().samples] == ["B", "C"]


def test_a_json_log_with_a_conversation_is_taken_as_it_is() -> None:
    (task,) = read(LOGS / "chat.json")
    (sample,) = task.dataset().samples
    assert [m["role"] for m in sample.messages] == ["system", "user", "assistant", "user"]
    assert all(set(m) == {"role", "content"} for m in sample.messages)
    assert task.grader_parameters == {"fold": True}


def test_calls_of_tools_pictures_and_what_is_kept_aside_come_back(tmp_path: Path) -> None:
    aside = "0" * 32
    turns = [
        {"role": "user", "content": [{"type": "text", "text": f"attachment://{aside}"}]},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "1", "function": "look", "arguments": {"at": 1}, "type": "f"}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "rain"},
        {"role": "user", "content": [{"type": "image", "image": "data:,"}]},
    ]
    sample = {"id": 7, "input": turns, "target": "x", "attachments": {aside: "Long text"}}
    (task,) = read(written(tmp_path, log(samples=[sample])))
    messages: Any = task.rows[0]["messages"]
    assert messages[0]["content"] == [{"type": "text", "text": "Long text"}]
    assert messages[1]["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"at": 1}'}
    assert messages[2]["tool_call_id"] == "1"
    assert messages[3]["content"] == [{"type": "image_url", "image_url": {"url": "data:,"}}]


def test_solvers_make_the_prompt_or_are_named(tmp_path: Path) -> None:
    steps = [
        {"solver": "system_message", "params": {"template": "Be terse."}},
        {"solver": "prompt_template", "params": {"template": "Q: {prompt}!"}},
        {"solver": "inspect_ai/generate", "params": {}},
        {"solver": "self_critique", "params": {}},
    ]
    (task,) = read(written(tmp_path, log(plan={"steps": steps})))
    assert (task.system, task.user) == ("Be terse.", "Q: {input}!")
    assert any("self_critique" in note for note in task.notes)


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        ({"id": "", "input": "x", "target": "y"}, "without an id"),
        ({"id": "b", "input": "", "target": ""}, "without a target"),
        ({"id": "b", "input": [], "target": "y"}, "without an input"),
        (
            {"id": "b", "input": [{"role": "user", "content": [{"type": "audio"}]}], "target": "y"},
            "part of type audio",
        ),
    ],
)
def test_a_sample_that_cannot_be_taken_is_counted(
    tmp_path: Path, sample: dict[str, Any], reason: str
) -> None:
    (task,) = read(written(tmp_path, log(samples=[*log()["samples"], sample])))
    assert len(task.rows) == 1
    assert any(reason in note for note in task.notes)
    with pytest.raises(ConfigError, match=reason):
        read(written(tmp_path, log(samples=[sample])))


def test_scorers_that_are_not_known_are_named(tmp_path: Path) -> None:
    mine, known = {"name": "mine"}, {"name": "match", "options": {"numeric": True}}
    about = {"task": "T", "scorers": [mine, known]}
    sample = {"id": "a", "input": "x", "target": ["five", "5"]}
    (task,) = read(written(tmp_path, log(eval=about, samples=[sample])))
    assert task.rows[0]["reference"] == ["5"]
    assert "scorer mine left out" in task.notes
    with pytest.raises(ConfigError, match=r"no scorer that is known here .in the log: mine"):
        read(written(tmp_path, log(eval={"task": "T", "scorers": [mine]})))


def test_a_run_that_broke_off_is_read_by_its_beginning(tmp_path: Path) -> None:
    whole = log()
    path = tmp_path / "broken.eval"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("_journal/start.json", json.dumps({**whole, "samples": None}))
        made.writestr("samples/a_epoch_1.json", json.dumps(whole["samples"][0]))
    (task,) = read(path)
    assert len(task.rows) == 1


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[1]", b"{}", b'{"eval": {"task": "t"}}', b"[" * 100_000]
)
def test_what_is_no_log_is_a_mistake(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.json").write_bytes(data)
    with pytest.raises(ConfigError, match=r"x\.json"):
        read(tmp_path / "x.json")


def test_bounds_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = [{"id": str(i), "input": "x", "target": "y"} for i in range(3)]
    monkeypatch.setattr(inspect_logs, "ITEMS_MAX", 2)
    with pytest.raises(ConfigError, match="more than 2 samples"):
        read(written(tmp_path, log(samples=samples)))
    file = io.BytesIO(b"PK\x03\x04")
    (tmp_path / "y.eval").write_bytes(file.getvalue())
    with pytest.raises(ConfigError, match="no zip file"):
        read(tmp_path / "y.eval")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"choices": None}, "without choices"),
        ({"target": ["A", "B"]}, "several right choices"),
        ({"target": "C"}, "several right choices, or none"),
        ({"input": [{"role": "system", "content": "x"}]}, "without choices"),
    ],
)
def test_a_question_needs_options_and_one_right_letter(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    about = {"task": "T", "scorers": [{"name": "choice"}]}
    sample = {"id": "a", "input": "Which?", "choices": ["x", "y"], "target": "A", **change}
    with pytest.raises(ConfigError, match=reason):
        read(written(tmp_path, log(eval=about, samples=[sample])))


def test_a_single_message_of_a_user_is_a_plain_input(tmp_path: Path) -> None:
    asked = [{"role": "user", "content": "Capital?"}]
    (task,) = read(written(tmp_path, log(samples=[{"id": "a", "input": asked, "target": "P"}])))
    assert task.rows[0]["input"] == "Capital?"


def test_a_system_message_is_not_put_before_conversations(tmp_path: Path) -> None:
    steps = [{"solver": "system_message", "params": {"template": "Be terse."}}]
    asked = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]
    sample = {"id": "a", "input": asked, "target": "P"}
    (task,) = read(written(tmp_path, log(plan={"steps": steps}, samples=[sample])))
    assert any("not put before conversations" in note for note in task.notes)


def test_what_is_kept_aside_once_is_not_multiplied(tmp_path: Path) -> None:
    aside = "0" * 32
    part = {"type": "text", "text": f"attachment://{aside}"}
    turns = [{"role": "user", "content": [part] * 1_000}]
    sample = {"id": "a", "input": turns, "target": "x", "attachments": {aside: "y" * 10_000}}
    with pytest.raises(ConfigError, match="too long"):
        read(written(tmp_path, log(samples=[sample])))
