"""One's own grader: a Python function, run in a process of its own with bounds.

The function gets the answer and the item (a dict with ``id``, ``input``, ``reference``, ``labels``,
``choices`` and the line's other fields) and gives a number from 0 to 1, True or False, None for
unscored, or a pair of one of these and a reason. It is trusted: it sees files and network as the
user does, though no environment. It is bounded all the same, since a grader may hang or raise.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from fractions import Fraction
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path

from steelyard.domain.tasks import Grade, Sample
from steelyard.weigh.catalog import nearest
from steelyard.weigh.graders.base import (
    Example,
    Grader,
    Item,
    Parameters,
    beyond_bounds,
    whole,
)
from steelyard.weigh.sandbox import Ended, Limits, run_trusted

_REASON_CHARS = 300
_BOUNDS = {"time_s": 600, "memory_mb": 65_536}
_SOURCE_BYTES_MAX = 4 << 20
"""A longer file is not looked through for its function."""
_ANY_NAME = frozenset(("__getattr__", "globals", "exec"))
"""A file that speaks of one of these may hold names that are written nowhere in it."""

_DRIVER = """
import importlib, importlib.util, json, os, sys
job = json.load(sys.stdin)
real = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
os.dup2(1, 2)
sys.path[:] = job["path"]
def tell(kind, value, reason=""):
    os.write(real, json.dumps([kind, value, str(reason)[:300]]).encode())
    os._exit(0)
try:
    where, _, name = job["function"].rpartition(":")
    if where.endswith(".py"):
        spec = importlib.util.spec_from_file_location("own_grader", where)
        module = importlib.util.module_from_spec(spec)
        sys.modules["own_grader"] = module
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(where)
    given = getattr(module, name)(job["answer"], job["item"])
    value, reason = given if isinstance(given, tuple) else (given, "")
    if value is None:
        tell("unscored", None, reason)
    tell("graded", str(float(value)), reason)
except BaseException as error:
    tell("raised", type(error).__name__, error)
"""


def grade(answer: str, sample: Sample, parameters: Parameters) -> Grade:
    """What the function says; unscored with the reason when it raises, hangs or says nonsense."""
    function = _absolute(str(parameters["function"]))
    if not function:
        return Grade.unscored("the task names no function")
    job = {
        "function": function,
        "path": [str(Path.cwd()), *filter(None, sys.path)],
        "answer": answer,
        "item": _plain_item(sample),
    }
    time_s = whole(parameters, "time_s")
    memory_bytes = whole(parameters, "memory_mb") << 20
    limits = Limits(cpu_s=time_s, wall_s=2.0 * time_s, memory_bytes=memory_bytes)
    try:
        outcome = run_trusted(_DRIVER, json.dumps(job).encode(), limits)
    except OSError as error:
        return Grade.unscored(f"the function cannot be run: {error}")
    if outcome.ended is not Ended.EXITED:
        return Grade.unscored(f"the function {outcome.ended}")
    try:
        kind, value, reason = json.loads(outcome.output)
    except ValueError:
        return Grade.unscored(f"the function's process ended with {outcome.exit_code}")
    return _read(kind, value, reason)


def fits(sample: Sample) -> str:
    """Takes every item; the function itself may say None."""
    return ""


def check(parameters: Parameters) -> str:
    """``function`` is ``module:function`` or ``file.py:function`` and can be found."""
    if wrong := beyond_bounds(parameters, _BOUNDS):
        return wrong
    where, _, name = str(parameters["function"]).rpartition(":")
    if not where or not name.isidentifier():
        return "function is module:function or path/to/file.py:function"
    if where.endswith(".py"):
        file = Path(where)
        return _lack(file, name) if file.is_file() else f"there is no file {where}"
    spec = _spec_of(where)
    if spec is None:
        return f"there is no module {where}"
    # Of compiled modules nothing can be said without running them.
    source = Path(spec.origin or "")
    return _lack(source, name, where) if source.suffix == ".py" and source.is_file() else ""


def _spec_of(module: str) -> ModuleSpec | None:
    """Where a module lies, by the path that the function's process has; imports nothing."""
    first, *inner = module.split(".")
    try:
        spec = PathFinder.find_spec(first, [str(Path.cwd())]) or find_spec(first)
        whole = first
        for part in inner:
            if spec is None:
                break
            whole += f".{part}"
            spec = PathFinder.find_spec(whole, spec.submodule_search_locations or [])
    except (ImportError, ValueError):
        return None
    return spec


def _lack(file: Path, name: str, where: str = "") -> str:
    """Why a file cannot hold the function, read and never run; empty when it may hold it."""
    shown = where or file.name
    try:
        with file.open("rb") as opened:
            source = opened.read(_SOURCE_BYTES_MAX + 1)
        if len(source) > _SOURCE_BYTES_MAX:
            return ""
        module = ast.parse(source)
    except OSError as error:
        return f"{file.name} cannot be read: {error.strerror or error}"
    except SyntaxError as error:
        return f"{file.name} is no Python: line {error.lineno or 1}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"{file.name} is no Python: {error or type(error).__name__}"
    bound = set(_names_bound(module))
    if name in bound or "*" in bound or bound & _ANY_NAME:
        return ""
    modules = {node.asname or node.name.partition(".")[0] for node in _imported(module)}
    public = [each for each in bound - modules if not each.startswith("_")]
    return f"there is no function {name} in {shown}{nearest(name, public) if public else ''}"


def _imported(module: ast.Module) -> list[ast.alias]:
    """Modules taken in whole: no function of the file, so none that anybody can have meant."""
    whole = [node for node in ast.walk(module) if isinstance(node, ast.Import)]
    return [alias for node in whole for alias in node.names]


def _names_bound(module: ast.Module) -> Iterator[str]:
    """Names that a module's own lines give something to, and those of ``_ANY_NAME`` it reads."""
    left: list[ast.AST] = list(module.body)
    while left:
        node = left.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
            # What stands in it is its own, but may be told to be the module's.
            yield from (n for g in ast.walk(node) if isinstance(g, ast.Global) for n in g.names)
            continue
        if isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
        elif isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store) or node.id in _ANY_NAME:
                yield node.id
        left.extend(ast.iter_child_nodes(node))


def _read(kind: object, value: object, reason: object) -> Grade:
    told = str(reason)[:_REASON_CHARS]
    if kind == "raised":
        return Grade.unscored(f"the function raised {value}: {told}"[:_REASON_CHARS])
    if kind == "unscored":
        return Grade.unscored(told or "the function gave None")
    try:
        number = Fraction(str(value))
    except ValueError:  # nan and infinities
        return Grade.unscored(f"the function gave {value}, not a number from 0 to 1")
    if not 0 <= number <= 1:
        return Grade.unscored(f"the function gave {value}, not a number from 0 to 1")
    return Grade(number.limit_denominator(1_000_000), told)


def _absolute(function: str) -> str:
    where, _, name = function.rpartition(":")
    if where.endswith(".py"):
        where = str(Path(where).resolve())
    return f"{where}:{name}" if where else ""


def _plain_item(sample: Sample) -> dict[str, object]:
    extras = dict(sample.extras) if isinstance(sample, Item) else {}
    reference = sample.reference
    return {
        **extras,
        "id": sample.id,
        "input": sample.input,
        "reference": list(reference) if isinstance(reference, tuple) else reference,
        "labels": list(sample.labels),
        "choices": list(sample.choices),
    }


# Functions of two arguments from the standard library will do for showing the way.
_CONTAINS = {"function": "operator:contains"}

GRADER = Grader(
    name="python_function",
    grade=grade,
    fits=fits,
    check=check,
    parameters={"function": "", "time_s": 5, "memory_mb": 1024},
    examples=(
        Example("yes", "yes", Grade(Fraction(1)), parameters={"function": "operator:ne"}),
        Example("yes", "yes", Grade(Fraction(0)), parameters={"function": "operator:eq"}),
        Example(
            "yes",
            "yes",
            Grade.unscored(
                "the function raised TypeError: 'in <string>' requires string as left operand,"
                " not dict"
            ),
            parameters=_CONTAINS,
        ),
        Example("yes", "yes", Grade.unscored("the task names no function")),
        Example("", "yes", Grade.unscored("the answer holds nothing")),
    ),
)
