from decimal import Decimal
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Constraint
from steelyard.weigh import catalog
from steelyard.weigh.catalog import find_task, load_task, nearest, read_task, shipped_tasks

TEXT = """\
name: shop/mood
title: Mood
language: en
set: reviews-en
grader: label
floor: 0.7
form: {id: plain-1}
"""


def test_a_task_is_read() -> None:
    text = TEXT.replace("{id: plain-1}", "{id: f, constraint: grammar, temperature: 0.2}")
    task = read_task(text + "seed: 7\nweighed_when_idle: true\nwhy: because\n", "mood.yaml")
    assert task.floor == Decimal("0.7")  # exactly, though YAML reads a float
    assert task.form.temperature == Decimal("0.2")
    assert task.form.constraint is Constraint.GRAMMAR
    assert (task.seed, task.is_weighed_when_idle, task.scenario) == (7, True, "")


def test_a_task_may_say_its_scenario() -> None:
    assert read_task(TEXT + "scenario: e-commerce\n", "mood.yaml").scenario == "e-commerce"


def test_a_grader_may_bring_parameters() -> None:
    task = read_task(TEXT.replace("grader: label", "grader: {name: label, strict: true}"), "t.yaml")
    assert task.grader == "label"
    assert task.grader_parameters == {"strict": True}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("floor:", "flor:", "mood.yaml: unknown key flor; did you mean floor"),
        ("floor: 0.7", "", "mood.yaml: floor is missing"),
        ("floor: 0.7", "floor: high", "floor: high is not a number"),
        ("floor: 0.7", "floor: true", "floor is not a number"),
        ("floor: 0.7", "floor: 7", "floor lies between"),
        ("floor: 0.7", "floor: .nan", "floor lies between"),
        ("shop/mood", "Mood", "lower case"),
        ("{id: plain-1}", "plain-1", "form: expected names and values"),
        ("{id: plain-1}", "{}", "id is missing"),
        (
            "{id: plain-1}",
            "{id: x, token_max: 3}",
            "unknown key token_max; did you mean output_tok",
        ),
        ("{id: plain-1}", "{id: x, constraint: gramar}", "did you mean grammar"),
        ("{id: plain-1}", "{id: x, user: hello}", "must hold {input}"),
        ("{id: plain-1}", "{id: x, output_tokens_max: 1.5}", "not a whole number"),
        ("grader: label", "grader: {}", "name is missing"),
        ("grader: label", "grader: [label]", "grader: expected names"),
        ("title: Mood", "weighed_when_idle: 1\ntitle: Mood", "true or false"),
        ("title: Mood", "title: [", "not YAML"),
        ("title: Mood", "title: M\nscenario: e-comerce", "did you mean e-commerce"),
        (TEXT, "- a\n", "expected names and values"),
        (TEXT, "", "expected names and values"),
    ],
)
def test_a_mistake_names_file_key_and_the_nearest_known(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_task(TEXT.replace(old, new), "mood.yaml")
    assert message in caught.value.message
    assert "mood.yaml" in caught.value.message


def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        load_task(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"title: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.yaml"):
        load_task(tmp_path / "latin.yaml")


def test_two_files_may_not_hold_one_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(TEXT)
    monkeypatch.setattr(catalog, "TASKS_FOLDER", tmp_path)
    with pytest.raises(ConfigError, match="another file already holds task shop/mood"):
        shipped_tasks()


def test_a_task_is_found_by_name_or_the_nearest_is_named() -> None:
    tasks = shipped_tasks()
    assert find_task("bank/intent", tasks).set_name == "banking77"
    with pytest.raises(ConfigError, match="did you mean bank/intent"):
        find_task("bank/intents", tasks)
    with pytest.raises(ConfigError, match="no task zzz; steelyard tasks list shows them"):
        find_task("zzz", tasks)
    assert nearest("zzz", ["b", "a"]) == "; known: a, b"


def test_two_shipped_tasks_are_weighed_when_idle() -> None:
    idle = [task.name for task in shipped_tasks().values() if task.is_weighed_when_idle]
    assert idle == ["shop/booking-slots", "shop/review-sentiment"]
