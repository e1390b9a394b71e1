from fractions import Fraction
from pathlib import Path

import pytest

from steelyard.domain.tasks import Grade, Sample
from steelyard.weigh.graders.base import Item
from steelyard.weigh.graders.python_function import check, fits, grade

SAMPLE = Item("a", "why?", ("x", "y"), extras={"level": 3})

OWN = """
import os, time
print("noise")
def half(answer, item): return 0.5
def pair(answer, item): return True, "well said"
def none(answer, item): return None, "cannot tell"
def sees(answer, item): return (item["level"], item["reference"], answer) == (3, ["x", "y"], "问")
def bare(answer, item): return not set(os.environ) - {"LC_CTYPE", "PWD"}
def much(answer, item): return 7
def nan(answer, item): return float("nan")
def text(answer, item): return "good"
def fails(answer, item): raise ValueError("no idea")
def leaves(answer, item): raise SystemExit(0)
def dies(answer, item): os._exit(3)
def hangs(answer, item): time.sleep(60)
def spins(answer, item):
    while True: pass
def eats(answer, item): return bytearray(1 << 31)
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


def call(own: Path, name: str) -> Grade:
    parameters = {"function": f"{own}:{name}", "time_s": 1, "memory_mb": 256}
    return grade("问", SAMPLE, parameters)


def test_a_function_grades(own: Path) -> None:
    assert call(own, "half").value == Fraction(1, 2)
    assert call(own, "pair") == Grade(Fraction(1), "well said")
    assert call(own, "none") == Grade.unscored("cannot tell")
    assert call(own, "sees").value == 1
    assert call(own, "bare").value == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("much", "gave 7.0, not a number from 0 to 1"),
        ("nan", "gave nan"),
        ("text", "raised ValueError: could not convert"),
        ("fails", "raised ValueError: no idea"),
        ("leaves", "raised SystemExit: 0"),
        ("dies", "process ended with 3"),
        ("hangs", "the function took too long"),
        ("spins", "the function "),
        ("eats", "raised MemoryError"),
        ("missing", "raised AttributeError"),
    ],
)
def test_what_a_function_does_wrong_leaves_the_item_unscored(
    own: Path, name: str, reason: str
) -> None:
    given = call(own, name)
    assert given.value is None
    assert reason in given.reason


def test_a_file_may_be_named_from_here(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own.parent)
    parameters = {"function": "own.py:half", "time_s": 5, "memory_mb": 256}
    assert check(parameters) == ""
    assert grade("x", SAMPLE, parameters).value == Fraction(1, 2)
    assert grade("x", SAMPLE, {**parameters, "function": "own:half"}).value == Fraction(1, 2)
    assert check({**parameters, "function": "own:half"}) == ""


@pytest.mark.parametrize(
    "function", ["", "half", ":half", "json:", "json:a b", "nowhere.py:half", "no_such_module:half"]
)
def test_a_function_that_cannot_be_there_is_refused_at_the_start(function: str) -> None:
    assert check({"function": function, "time_s": 5, "memory_mb": 256})


BINDING = """
import math as maths
from operator import ne
if maths:
    def inside(answer, item): return 1
first, second = (lambda answer, item: 1), ne
def outer():
    global told
    told = ne
    def hidden(answer, item): return 1
raise SystemExit("a check runs nothing")
"""


@pytest.mark.parametrize("name", ["inside", "first", "second", "ne", "maths", "told", "outer"])
def test_a_name_that_a_file_binds_is_found_without_running_it(tmp_path: Path, name: str) -> None:
    file = tmp_path / "binding.py"
    file.write_text(BINDING)
    assert check({"function": f"{file}:{name}", "time_s": 5, "memory_mb": 256}) == ""


def test_a_name_that_is_not_in_the_file_is_refused_with_the_nearest(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(function: str) -> str:
        return check({"function": function, "time_s": 5, "memory_mb": 256})

    assert said(f"{own}:haalf") == "there is no function haalf in own.py; did you mean half?"
    (tmp_path / "binding.py").write_text(BINDING)
    assert said(f"{tmp_path / 'binding.py'}:hidden").startswith("there is no function hidden in ")
    (tmp_path / "whole.py").write_text("import time\ndef grade(answer, item): return 1\n")
    assert said(f"{tmp_path / 'whole.py'}:none").endswith("; known: grade")
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "__init__.py").write_text("raise SystemExit('nothing runs')\n")
    (tmp_path / "kit" / "mine.py").write_text("def good(answer, item): return 1\n")
    monkeypatch.chdir(tmp_path)
    assert said("kit.mine:good") == ""
    assert said("kit.mine:goood") == ("there is no function goood in kit.mine; did you mean good?")
    assert said("kit.yours:good") == "there is no module kit.yours"


@pytest.mark.parametrize(
    "text", ["from os.path import *", "def __getattr__(name): ...", "globals()['any'] = len"]
)
def test_a_file_that_may_hold_any_name_is_left_to_the_first_item(tmp_path: Path, text: str) -> None:
    file = tmp_path / "dynamic.py"
    file.write_text(text)
    assert check({"function": f"{file}:any", "time_s": 5, "memory_mb": 256}) == ""


def test_a_file_that_is_no_python_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("x = 1\ndef half(answer, item) return 1\n")
    said = check({"function": f"{file}:half", "time_s": 5, "memory_mb": 256})
    assert said.startswith("broken.py is no Python: line 2: ")


def test_bounds_have_bounds() -> None:
    good: dict[str, object] = {"function": "json.decoder:scanstring", "time_s": 5, "memory_mb": 256}
    assert check(good) == ""
    assert check({**good, "time_s": 0}).startswith("time_s is")
    assert check({**good, "memory_mb": "1"}).startswith("memory_mb is")
    assert fits(Sample("a", "?", "x")) == ""
