"""What people may rely on is written down: commands, options, routes, codes, metrics, keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from arch import reference
from arch.source import PACKAGE, ROOT, tracked
from steelyard.console.pages import pages
from steelyard.control import api

REFERENCE = ROOT / "docs" / "reference"
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


@pytest.mark.parametrize("file", ["cli.md", "errors.md", "configuration.md", "tasks.md"])
def test_generated_reference_is_what_the_code_says(file: str) -> None:
    found = (REFERENCE / file).read_text("utf-8")
    assert found == reference.render_all()[file], "run: make docs"


def test_every_command_and_option_says_what_it_does() -> None:
    for name, command in reference.commands():
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name}: {parameter.name}"


def routes() -> Iterator[str]:
    for found in iter_modules(api.__path__):
        module = import_module(f"{api.__name__}.{found.name}")
        for route in getattr(module, "routes", ()):
            for method in sorted(set(route.methods or ()) - {"HEAD"}):
                yield f"{method} {re.sub(r':[a-z]+}', '}', route.path)}"
    for route in pages(None):  # type: ignore[arg-type] - it is kept for later only
        yield f"GET {route.path}"  # type: ignore[attr-defined]
    source = (PACKAGE / "gateway" / "routes.py").read_text("utf-8")
    yield from {f"GET {path}" for path in re.findall(r'path == b"(/[a-z]+)"', source)}


def test_every_route_is_documented() -> None:
    text = (REFERENCE / "api.md").read_text("utf-8")
    missing = {route for route in routes() if f"`{route}`" not in text}
    assert not missing - {"GET /v1"}


def metrics() -> set[str]:
    worker = (PACKAGE / "gateway" / "metrics.py").read_text("utf-8")
    control = (PACKAGE / "control" / "metrics.py").read_text("utf-8")
    found = set(re.findall(r'"(steelyard_[a-z_]+)"', worker))
    return found | {f"steelyard_{name}" for name in re.findall(r'gauge\("([a-z_]+)"', control)}


def test_every_metric_is_documented() -> None:
    text = (REFERENCE / "metrics.md").read_text("utf-8")
    assert len(metrics()) > 10
    assert not {name for name in metrics() if f"`{name}`" not in text}


def test_every_header_of_ours_is_documented() -> None:
    found: set[str] = set()
    for path in (PACKAGE / "gateway").glob("*.py"):
        found |= set(re.findall(r"x-steelyard-[a-z]+", path.read_text("utf-8")))
    text = (REFERENCE / "api.md").read_text("utf-8")
    assert not {name for name in found if f"`{name}`" not in text}


def documents() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md"]


def test_links_between_documents_lead_somewhere() -> None:
    for document in documents():
        for target in LINK.findall(document.read_text("utf-8")):
            if not target.startswith(("http://", "https://", "mailto:")):
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_decisions_are_numbered_without_gaps_and_say_the_same_things() -> None:
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    for file in files:
        text = file.read_text("utf-8")
        for part in (
            "**Context.**",
            "**Choice.**",
            "**Rejected.**",
            "**What would change our mind",
        ):
            assert part in text, f"{file.name} lacks {part}"


def test_architecture_stays_readable_in_one_sitting() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text("utf-8").splitlines()) <= 250


def test_files_that_the_architecture_names_are_there() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    named = re.findall(r"`([a-z_]+/[a-z_/]*(?:\.py)?)`", text)
    state_folders = {"journal/", "ledger/", "snapshot/", "models/", "weighings/", "logs/"}
    state_folders |= {"captures/", "authenticity/"}
    for name in set(named) - state_folders:
        assert (ROOT / name).exists() or (PACKAGE / name).exists(), name


def test_both_readmes_show_the_same_commands() -> None:
    def blocks(name: str) -> list[str]:
        text = (ROOT / name).read_text("utf-8")
        found: list[str] = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        return [re.sub(r" *#.*", "", block) for block in found]

    assert blocks("README.md") == blocks("README.zh-CN.md")
