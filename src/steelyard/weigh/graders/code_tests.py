"""Code: the item's tests, run after the answer's code in the sandbox."""

from __future__ import annotations

import ast
import json
import secrets
from fractions import Fraction

from steelyard.domain.errors import ConfigError
from steelyard.domain.tasks import Grade, Sample
from steelyard.weigh.graders.base import (
    Example,
    Grader,
    Parameters,
    beyond_bounds,
    extra,
    whole,
)
from steelyard.weigh.graders.codeblock import code_of
from steelyard.weigh.sandbox import Ended, Limits, find_method, run_python, unsafe_code

_REASON_CHARS = 200
_CODE_CHARS_MAX = 200_000
_BOUNDS = {"cpu_s": 600, "memory_mb": 65_536}

_DRIVER = """
import json, sys
job = json.load(sys.stdin)
space = {"__name__": "answer", "__builtins__": __builtins__}
space["exit"] = space["quit"] = sys.exit  # as in an ordinary Python
def run(code, where):
    exec(compile(code, where, "exec"), space)
try:
    run(job["code"], "answer")
except SystemExit:
    pass  # a script that ends by exit() has defined what it has
run(job["tests"], "tests")
sys.stdout.flush()
print("\\n" + job["word"])
"""
"""The word at the end is new for each run, so leaving early by ``exit`` passes nothing."""


def grade(answer: str, sample: Sample, parameters: Parameters) -> Grade:
    """1 when the tests run to their end after the code, else 0 with the last line of the error.

    The code is the answer's Python blocks, or the whole answer without any. Where the item gives
    ``prompt_code`` (the beginning of a function) the answer may be that function or only its body.
    Too much time, memory, output or processes is 0; a sandbox that fails is unscored.
    """
    tests = extra(sample, "tests")
    if not isinstance(tests, str):
        return Grade.unscored("the item has no tests")
    code = _code(answer, sample)
    if len(code) > _CODE_CHARS_MAX or "\0" in code:
        return Grade(Fraction(0), "the code is too long or holds a NUL")
    word = secrets.token_hex(16)
    job = json.dumps({"code": code, "tests": tests, "word": word}).encode()
    limits = Limits(
        cpu_s=whole(parameters, "cpu_s"),
        wall_s=3.0 * whole(parameters, "cpu_s") + 5,
        memory_bytes=whole(parameters, "memory_mb") << 20,
    )
    try:
        outcome = run_python(_DRIVER, job, limits, allow_unsafe=unsafe_code.get())
    except (ConfigError, OSError) as error:
        return Grade.unscored(f"the code cannot be run: {error}")
    lines = outcome.output.strip().splitlines() or [""]
    if outcome.ended is Ended.BROKEN:
        return Grade.unscored(f"{outcome.ended}: {lines[-1][:_REASON_CHARS]}")
    if outcome.ended is not Ended.EXITED:
        return Grade(Fraction(0), f"the code {outcome.ended}")
    if outcome.exit_code == 0 and lines[-1] == word:
        return Grade(Fraction(1))
    return Grade(
        Fraction(0), lines[-1].replace(word, "")[:_REASON_CHARS] or "the tests did not end"
    )


def fits(sample: Sample) -> str:
    """Needs tests that are Python."""
    tests = extra(sample, "tests")
    if not isinstance(tests, str) or not tests.strip():
        return "the code_tests grader needs tests"
    try:
        ast.parse(tests)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"the tests are no Python: {error}"
    return ""


def check(parameters: Parameters) -> str:
    """Bounds within reason."""
    return beyond_bounds(parameters, _BOUNDS)


def lacks() -> str:
    """A sandbox, where none works and one may not go without."""
    try:
        find_method(allow_unsafe=unsafe_code.get())
    except ConfigError as error:
        return str(error)
    return ""


def _code(answer: str, sample: Sample) -> str:
    code = code_of(answer, ("python", "py", "python3"))
    beginning, name = extra(sample, "prompt_code"), extra(sample, "entry_point")
    if not isinstance(beginning, str):
        return code
    if f"def {name}(" in code:
        # What stands before the function (imports, other functions) is the task's, not the model's.
        before = beginning.partition(f"def {name}(")[0]
        return f"{before}\n{code}"
    body = code if code[:1] in {" ", "\t"} else "".join(f"    {x}" for x in code.splitlines(True))
    return beginning + body


_TESTS = {"tests": "assert double(2) == 4"}
_BEGUN = {**_TESTS, "prompt_code": "def double(x):\n", "entry_point": "double"}

GRADER = Grader(
    name="code_tests",
    grade=grade,
    fits=fits,
    check=check,
    lacks=lacks,
    parameters={"cpu_s": 5, "memory_mb": 512},
    examples=(
        Example(
            "Sure:\n```python\ndef double(x):\n    return 2 * x\n```\nIt doubles.",
            "-",
            Grade(Fraction(1)),
            extras=_TESTS,
        ),
        Example("    return x + x", "-", Grade(Fraction(1)), extras=_BEGUN),
        Example(
            "def double(x): return x", "-", Grade(Fraction(0), "AssertionError"), extras=_TESTS
        ),
        Example(
            "import os\nos._exit(0)",
            "-",
            Grade(Fraction(0), "the tests did not end"),
            extras=_TESTS,
        ),
        Example("", "-", Grade.unscored("the answer holds nothing"), extras=_TESTS),
    ),
)
