import importlib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh import graders
from steelyard.weigh.graders import label, registry
from steelyard.weigh.graders.base import Grader
from steelyard.weigh.graders.registry import find_fitting, find_grader, find_graders


def test_every_grader_file_is_found_under_its_own_name() -> None:
    files = Path(graders.__path__[0]).glob("*.py")
    with_one = {path.stem for path in files if "\nGRADER = " in path.read_text("utf-8")}
    assert set(find_graders()) == with_one
    assert {"label", "number", "sql"} < with_one


def offer(monkeypatch: pytest.MonkeyPatch, thing: object) -> None:
    """Installs a package's entry point that loads ``thing``."""

    class Point(EntryPoint):
        def load(self) -> object:
            return thing

    point = Point("theirs", "their.module:GRADER", registry.ENTRY_POINTS)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])


def test_a_package_may_bring_a_grader(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = Grader("theirs", label.grade, label.fits, ())
    offer(monkeypatch, theirs)
    assert find_graders()["theirs"] is theirs


@pytest.mark.parametrize(
    ("thing", "message"), [("text", "is not a Grader"), (label.GRADER, "another grader called")]
)
def test_a_wrong_or_doubled_grader_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch, thing: object, message: str
) -> None:
    offer(monkeypatch, thing)
    with pytest.raises(ConfigError, match=message):
        find_graders()


def test_an_unknown_grader_or_parameter_names_what_there_is() -> None:
    with pytest.raises(ConfigError, match="no grader exct; did you mean exact"):
        find_grader("exct", {})
    with pytest.raises(ConfigError, match="no grader xyz; known: choice, .*, label, "):
        find_grader("xyz", {})
    with pytest.raises(ConfigError, match="no parameter strict; known: none"):
        find_grader("label", {"strict": True})


def test_what_a_grader_has_against_its_parameters_is_told() -> None:
    with pytest.raises(ConfigError, match="grader number: tolerance is 0 or more"):
        find_grader("number", {"tolerance": -1})


def test_what_a_machine_lacks_is_no_mistake_of_the_parameters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs = Grader("theirs", label.grade, label.fits, (), lacks=lambda: "no scales here")
    offer(monkeypatch, theirs)
    assert find_fitting("theirs", {}) is theirs
    with pytest.raises(ConfigError, match="grader theirs: no scales here"):
        find_grader("theirs", {})


def test_a_package_that_cannot_be_imported_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("theirs", "no_such_package.of_theirs:GRADER", registry.ENTRY_POINTS)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    with pytest.raises(ConfigError, match="no_such_package.of_theirs:GRADER: cannot be imported"):
        find_graders()


def test_finding_graders_imports_nothing_twice() -> None:
    assert find_graders()["label"] is importlib.import_module(label.__name__).GRADER
