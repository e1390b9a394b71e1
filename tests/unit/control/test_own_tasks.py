from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from steelyard.config.load import InvalidConfig, load
from steelyard.control import own_tasks
from steelyard.control.configuration import resolve
from steelyard.control.configuration.taskbook import digests
from steelyard.control.own_tasks import Addition, own_copy, plan, set_path, tasks_in_force
from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Constraint
from steelyard.weigh.catalog import shipped_tasks

TASK = shipped_tasks()["bank/intent"]


def written(home: Path, addition: Addition) -> None:
    for path, data in addition.sets.items():
        (home / path).parent.mkdir(exist_ok=True)
        (home / path).write_bytes(data)
    (home / "steelyard.yaml").write_text(addition.text, "utf-8")


def added(home: Path, name: str, floor: Decimal | None = None) -> Addition:
    entry, data = own_copy(TASK, name, floor)
    return plan(home, {}, {name: entry}, {set_path(name): data})


@pytest.mark.parametrize("name", shipped_tasks())
def test_a_copy_is_the_same_measurement(tmp_path: Path, name: str) -> None:
    task = shipped_tasks()[name]
    entry, data = own_copy(task, name, None)
    written(tmp_path, plan(tmp_path, {}, {name: entry}, {set_path(name): data}))
    copy = tasks_in_force(tmp_path, {})[name]
    assert digests(copy) == digests(task)  # so what was proven stays proven
    assert replace(copy, set_name=task.set_name) == task
    assert own_tasks.is_own(copy) and not own_tasks.is_own(task)


def test_every_part_of_a_form_comes_along(tmp_path: Path) -> None:
    form = replace(
        TASK.form, system="Be brief.", temperature=Decimal("0.3"), constraint=Constraint.GRAMMAR
    )
    entry, data = own_copy(replace(TASK, form=form, seed=7), "mine", None)
    written(tmp_path, plan(tmp_path, {}, {"mine": entry}, {set_path("mine"): data}))
    mine = tasks_in_force(tmp_path, {})["mine"]
    assert (mine.form, mine.seed) == (form, 7)


def test_what_looks_like_a_secret_s_place_stays_text(tmp_path: Path) -> None:
    # Who wrote what is imported would have keys put into prompts, which go to vendors.
    text = "Use ${MY_API_KEY}, $${MY_API_KEY}, ${ and ${a b}"
    entry, data = own_copy(replace(TASK, form=replace(TASK.form, system=text)), "mine", None)
    entry["title"] = text
    entry |= {"grader": "json_schema", "grader_parameters": {"schema": {"enum": [text, 1]}}}
    env = {"MY_API_KEY": "secret"}
    written(tmp_path, plan(tmp_path, env, {"mine": entry}, {set_path("mine"): data}))
    mine = tasks_in_force(tmp_path, env)["mine"]
    assert (mine.form.system, mine.title) == (text, text)
    assert mine.grader_parameters == {"schema": {"enum": [text, 1]}}


def test_a_grader_that_cannot_grade_is_not_written(tmp_path: Path) -> None:
    entry, data = own_copy(TASK, "mine", None)
    entry["grader_parameters"] = {"strict": True}
    with pytest.raises(InvalidConfig, match="grader label has no parameter strict"):
        plan(tmp_path, {}, {"mine": entry}, {set_path("mine"): data})


def test_comments_and_what_else_is_there_stay(tmp_path: Path) -> None:
    before = "# my own words\nlisten: 127.0.0.1:8080  # here\ntasks:\n  shop/review-sentiment:\n"
    (tmp_path / "steelyard.yaml").write_text(before)
    addition = added(tmp_path, "mine/intent", Decimal("0.9"))
    assert addition.text.startswith(before)
    written(tmp_path, addition)
    config = load(tmp_path / "steelyard.yaml", {}, resolve.RULES)
    assert config.tasks["mine/intent"] is not None
    assert config.tasks["mine/intent"].floor == Decimal("0.9")
    assert tasks_in_force(tmp_path, {})["mine/intent"].scenario == "after-sales"


def test_a_set_that_is_there_already_is_kept_or_stands_in_the_way(tmp_path: Path) -> None:
    first = added(tmp_path, "mine")
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "mine.jsonl").write_bytes(first.sets["sets/mine.jsonl"])
    assert added(tmp_path, "mine").sets == {}
    (tmp_path / "sets" / "mine.jsonl").write_text("{}")
    with pytest.raises(ConfigError, match="says something else"):
        added(tmp_path, "mine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tasks: {mine: {floor: 0.5}}\n", "speaks of the task mine already"),
        ("tasks: 3\n", "cannot be added to"),
        ("listen: [\n", "no valid YAML"),
        ("listne: x\n", "listne"),
        ("{listen: '127.0.0.1:1'}\n", "cannot be added to"),
    ],
)
def test_a_file_that_cannot_take_it_is_left_alone(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "steelyard.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        added(tmp_path, "mine")


def test_secrets_that_others_may_read_are_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("A=b\n")
    (tmp_path / "secrets.env").chmod(0o644)
    with pytest.raises(InvalidConfig):
        added(tmp_path, "mine")


def test_a_file_that_is_no_text_and_a_set_that_is_not_there_are_mistakes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="test set none"):
        own_copy(replace(TASK, set_name="none"), "mine", None)
    with pytest.raises(ConfigError, match="lower case"):
        own_copy(TASK, "Mine", None)
    (tmp_path / "steelyard.yaml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"steelyard\.yaml"):
        added(tmp_path, "mine")


def test_without_a_file_the_shipped_tasks_are_in_force(tmp_path: Path) -> None:
    assert tasks_in_force(tmp_path, {}) == shipped_tasks()
