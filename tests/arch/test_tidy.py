"""Style that is not executed decays, so ours is executed."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from arch.source import PACKAGE, ROOT, modules, name_of, tracked, tree
from arch.waivers import MOST, WAIVERS
from long_modules import LONGEST_FIRST

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400
PARAMETERS_MAX = 6
BANNED_WORDS = frozenset({"provider", "quota", "ratio", "spend", "transaction"})
BANNED_MODULES = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "manager"})
VENDORS_MAY_BE_NAMED = ("pricebook/sources/",)

Function = ast.FunctionDef | ast.AsyncFunctionDef
Finding = tuple[str, str, str]
"""Kind, file, what is wrong there."""


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def long_functions() -> Iterator[Finding]:
    for path in modules():
        for node in functions(path):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield "function", name_of(path), f"{node.name} has {lines} lines"


def long_files() -> Iterator[Finding]:
    for path in [*modules(), *sorted((ROOT / "tests").rglob("*.py"))]:
        lines = path.read_text("utf-8").count("\n")
        if lines > FILE_LINES_MAX:
            yield "file", name_of(path), f"{lines} lines"


def many_parameters() -> Iterator[Finding]:
    for path in modules():
        if name_of(path).startswith("src/steelyard/cli/"):
            continue  # a command's parameters are its options, which people read as a list
        for node in functions(path):
            everything = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = sum(argument.arg not in {"self", "cls"} for argument in everything)
            if count > PARAMETERS_MAX:
                yield "parameters", name_of(path), f"{node.name} takes {count}"


def banned_words() -> Iterator[Finding]:
    for path in modules():
        tokens = tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
        for token in tokens:
            if token.type in {tokenize.NAME, tokenize.COMMENT}:
                for word in _words(token.string) & BANNED_WORDS:
                    yield "word", name_of(path), f"line {token.start[0]}: {word}"


def _words(text: str) -> set[str]:
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text)
    return {part.lower().removesuffix("s") for part in parts} | {part.lower() for part in parts}


def banned_modules() -> Iterator[Finding]:
    for path in modules():
        if BANNED_MODULES & {path.stem, path.parent.name}:
            yield "module", name_of(path), "says nothing about what is in it"


def vendor_names() -> Iterator[Finding]:
    names = [path.stem for path in (PACKAGE / "vendors").glob("*.yaml")]
    names = [n for n in names if n not in {"local", "openai", "anthropic", "steelyard.default"}]
    pattern = re.compile("|".join(rf"\b{re.escape(n)}\b" for n in sorted(names)), re.IGNORECASE)
    for path in modules():
        inside = path.relative_to(PACKAGE).as_posix()
        if inside.startswith(VENDORS_MAY_BE_NAMED) or not names:
            continue
        nodes = list(ast.walk(tree(path)))
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found = pattern.search(node.value)
                # A file of one vendor's own may speak of it: dialects, signers.
                if found is None or found[0].lower().replace("-", "_") in path.stem:
                    continue
                if id(node) not in docstrings:
                    yield "vendor", name_of(path), f"line {node.lineno}: {found[0]}"


def modules_without_tests() -> Iterator[Finding]:
    for path in modules():
        inside = path.relative_to(PACKAGE)
        if path.name in {"__init__.py", "__main__.py"} or "migrations" in inside.parts:
            continue
        test = ROOT / "tests" / "unit" / inside.with_name(f"test_{path.name}")
        if not test.exists():
            yield "untested", name_of(path), f"has no {name_of(test)}"


def strays() -> Iterator[Finding]:
    for test in sorted((ROOT / "tests" / "unit").rglob("test_*.py")):
        inside = test.relative_to(ROOT / "tests" / "unit")
        if not (PACKAGE / inside.with_name(test.name.removeprefix("test_"))).exists():
            yield "stray", name_of(test), "tests no module of that name"


def places_of_strangers() -> Iterator[Finding]:
    hosts = "|".join(["py" + r"pi\.org", "python" + r"hosted\.org", r"registry\.npm" + r"js\.org"])
    paths = "|".join(["/ro" + "ot/", "/wo" + "rk/", "/home/[a-z]"])
    pattern = re.compile(f"{hosts}|(?<![\\w.])(?:{paths})".encode())
    for path in tracked():
        found = pattern.search(path.read_bytes())
        if found and path.suffix not in {".png", ".gguf"}:
            yield "place", name_of(path), f"names {found[0].decode()}"


def left_over_marks() -> Iterator[Finding]:
    pattern = re.compile("FIX" + r"ME|XX" + r"X\b|TO" + "DO")
    for path in [*modules(), *sorted((ROOT / "tests").rglob("*.py"))]:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if pattern.search(line):
                yield "mark", name_of(path), f"line {number}"


def bare_types() -> Iterator[Finding]:
    """``except Exception`` stands only where layout allows it, always with its reason."""
    allowed = (
        *("gateway/exchange.py", "gateway/reading.py", "gateway/realtime.py"),
        *("control/", "supervisor/", "wire/"),
    )
    for path in modules():
        inside = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name):
                if node.type.id in {"Exception", "BaseException"}:
                    if not inside.startswith(allowed):
                        yield "except", name_of(path), f"line {node.lineno}"


RULES: tuple[Callable[[], Iterator[Finding]], ...] = (
    long_functions,
    long_files,
    many_parameters,
    banned_words,
    banned_modules,
    vendor_names,
    modules_without_tests,
    strays,
    places_of_strangers,
    left_over_marks,
    bare_types,
)


@cache
def findings_of(rule: Callable[[], Iterator[Finding]]) -> tuple[Finding, ...]:
    return tuple(rule())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_tidy(rule: Callable[[], Iterator[Finding]]) -> None:
    findings = [f for f in findings_of(rule) if (f[0], f[1]) not in WAIVERS]
    assert not findings, "\n".join(f"{file}: {what}" for _, file, what in findings)


def test_waivers_are_needed_and_do_not_grow() -> None:
    found = {(kind, file) for rule in RULES for kind, file, _ in findings_of(rule)}
    assert not set(WAIVERS) - found, "these waivers are no longer needed: take them out"
    assert len(WAIVERS) <= MOST, "mend what is new instead of waiving it"
    assert all(len(reason) > 10 for reason in WAIVERS.values())


def test_packaged_data_is_readable() -> None:
    for path in PACKAGE.rglob("*.yaml"):
        assert yaml.safe_load(path.read_text("utf-8")), path


def test_modules_that_begin_first_are_there() -> None:
    assert [name for name in LONGEST_FIRST if not (ROOT / name).is_file()] == []
