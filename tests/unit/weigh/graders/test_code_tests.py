from collections.abc import Iterator, Mapping

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Grade
from steelyard.weigh.graders import code_tests
from steelyard.weigh.graders.base import Item
from steelyard.weigh.graders.code_tests import check, fits, grade, lacks
from steelyard.weigh.sandbox import Ended, Outcome, unsafe_code

PLAIN: Mapping[str, object] = {"cpu_s": 1, "memory_mb": 256}
ITEM = Item("a", "?", "", extras={"tests": "assert f(2) == 4"})
BEGUN = Item(
    "a",
    "?",
    "",
    extras={
        "tests": "def check(c):\n    assert c(2) == 4\ncheck(f)",
        "prompt_code": "import math\n\ndef f(x):\n    '''Doubles.'''\n",
        "entry_point": "f",
    },
)


@pytest.mark.parametrize(
    "answer",
    [
        "    return 2 * x",
        "return 2 * x",
        "```python\ndef f(x):\n    return int(math.pow(x, 2))\n```",
        "def f(x):\n    return 4\nif __name__ == '__main__':\n    raise RuntimeError",
        "def f(x):\n    return 4\nexit()",
    ],
)
def test_a_function_or_its_body_may_be_given(answer: str) -> None:
    assert grade(answer, BEGUN, PLAIN).value == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("def f(x): return 5", "AssertionError"),
        ("def f(x) return 5", "SyntaxError"),
        ("import os; os._exit(0)", "the tests did not end"),
        ("import sys\ndef f(x): sys.exit(0)", "the tests did not end"),
        ("def f(x):\n    while True: pass", "the code used up its CPU time"),
        ("def f(x):\n    while True: print('x' * 999)", "the code wrote too much"),
        ("def f(x): return bytearray(1 << 30)", "MemoryError"),
        ("x = '\ud800'", "UnicodeEncodeError"),
        ("\0", "too long or holds a NUL"),
    ],
)
def test_code_that_does_not_pass_gets_0_with_the_reason(answer: str, reason: str) -> None:
    given = grade(answer, ITEM, PLAIN)
    assert given.value == 0
    assert reason in given.reason


@pytest.mark.parametrize(
    "wrong", [Outcome(Ended.BROKEN, "no mount"), ConfigError("no sandbox"), OSError("no memory")]
)
def test_a_sandbox_that_fails_is_not_the_answer_s_fault(
    monkeypatch: pytest.MonkeyPatch, wrong: object
) -> None:
    def run(*args: object, **named: object) -> object:
        if isinstance(wrong, Exception):
            raise wrong
        return wrong

    monkeypatch.setattr(code_tests, "run_python", run)
    given = grade("x", ITEM, PLAIN)
    assert given.value is None
    assert "no " in given.reason


@pytest.fixture(autouse=True)
def with_leave() -> Iterator[None]:
    """A machine without a sandbox runs these programs all the same."""
    token = unsafe_code.set(True)
    yield
    unsafe_code.reset(token)


def test_without_a_sandbox_a_weighing_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(*, allow_unsafe: bool) -> None:
        if not allow_unsafe:
            raise ConfigError("no sandbox for code works here")

    monkeypatch.setattr(code_tests, "find_method", find)
    unsafe_code.set(False)
    assert lacks() == "no sandbox for code works here"
    unsafe_code.set(True)
    assert lacks() == ""


def test_tests_that_are_python_are_needed() -> None:
    assert fits(ITEM) == ""
    assert "needs tests" in fits(Item("a", "?", ""))
    assert "no Python" in fits(Item("a", "?", "", extras={"tests": "assert ("}))
    assert grade("x", Item("a", "?", ""), PLAIN) == Grade.unscored("the item has no tests")


@pytest.mark.parametrize("wrong", [{"cpu_s": 0}, {"cpu_s": True}, {"memory_mb": 10**9}])
def test_parameters_have_their_bounds(wrong: Mapping[str, object]) -> None:
    assert check({**PLAIN, **wrong})
