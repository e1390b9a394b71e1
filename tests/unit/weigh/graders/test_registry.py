import importlib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh import graders
from steelyard.weigh.graders import label, registry
from steelyard.weigh.graders.base import Grader
from steelyard.weigh.graders.registry import find_grader, find_graders


def test_every_grader_file_is_found_under_its_own_name() -> None:
    files = {path.stem for path in Path(graders.__path__[0]).glob("*.py")}
    assert set(find_graders()) == files - {"__init__", "base", "registry"}


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
    with pytest.raises(ConfigError, match="no grader labels; there are choice, json_slots, label"):
        find_grader("labels", {})
    with pytest.raises(ConfigError, match="no parameter strict; known: none"):
        find_grader("label", {"strict": True})


def test_finding_graders_imports_nothing_twice() -> None:
    assert find_graders()["label"] is importlib.import_module(label.__name__).GRADER
