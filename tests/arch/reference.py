"""The parts of ``docs/reference/`` that the code tells by itself.

``make docs`` writes them; ``test_docs`` fails when what is there is not what the code says.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import typer.main

from steelyard.cli.main import app
from steelyard.config.load import json_schema
from steelyard.domain import errors
from steelyard.weigh.catalog import shipped_tasks
from steelyard.weigh.coverage import LANGUAGES, cover
from steelyard.weigh.datasets import load_set

PACKAGE = Path(errors.__file__).parents[1]
FOLDER = PACKAGE.parents[1] / "docs" / "reference"
_NOTE = "<!-- Written by `make docs` from the code; a test holds it to that. -->\n"


def render_all() -> dict[str, str]:
    """File name to content."""
    return {
        "cli.md": cli(),
        "errors.md": error_codes(),
        "configuration.md": configuration(),
        "tasks.md": tasks(),
    }


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its whole name."""
    yield from _commands("steelyard", typer.main.get_command(app))


def _commands(name: str, command: Any) -> Iterator[tuple[str, click.Command]]:
    if hasattr(command, "commands"):
        if command.invoke_without_command:
            yield name, command
        for part, sub in command.commands.items():
            yield from _commands(f"{name} {part}", sub)
    else:
        yield name, command


def cli() -> str:
    """The commands with their options."""
    text = f"# Commands\n\n{_NOTE}\n"
    text += (
        "`STEELYARD_HOME` names the state folder (default `~/.steelyard`). Commands that ask the"
        " running steelyard say so\nwhen there is none. Exit codes: 0 done, 1 failed, 2 wrong usage"
        " or configuration.\n"
    )
    for name, command in commands():
        usage = " ".join(_argument(p) for p in command.params if p.param_type_name == "argument")
        text += f"\n## `{f'{name} {usage}'.strip()}`\n\n{_flat(command.help)}\n"
        rows = [row for p in command.params if (row := _option(p))]
        if rows:
            text += "\n| | |\n| --- | --- |\n" + "".join(rows)
    return text


def _argument(parameter: Any) -> str:
    name = str(parameter.metavar or parameter.name).upper()
    return name if parameter.required else f"[{name}]"


def _option(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = str(parameter.metavar or parameter.name).upper()
    else:
        name = ", ".join(parameter.opts)
    default = parameter.default
    is_told = default not in (None, False, "", ()) and not callable(default)
    shown = f" Default: {default}." if is_told else ""
    variable = f" Or `{parameter.envvar}`." if getattr(parameter, "envvar", None) else ""
    return f"| `{name}` | {_flat(parameter.help)}{shown}{variable} |\n"


def error_codes() -> str:
    """Every code, with the status and the meaning of its class."""
    rows: dict[str, tuple[int, str, str]] = {}
    for module in (errors, *_modules_with_errors()):
        for value in vars(module).values():
            if inspect.isclass(value) and issubclass(value, errors.SteelyardError):
                rows.setdefault(value.code, (value.status, value.kind, _flat(value.__doc__, True)))
    text = f"# Error codes\n\n{_NOTE}\n"
    text += (
        'Errors have OpenAI\'s shape: `{"error": {"message", "type", "param", "code"}}`. Programs'
        " match on `code`;\nmessages are for people and may change. After the first byte of a"
        " stream an error is its last event.\n\n| code | HTTP status | type | meaning |\n"
        "| --- | --- | --- | --- |\n"
    )
    for code, (status, kind, meaning) in sorted(rows.items()):
        text += f"| `{code}` | {status} | `{kind}` | {meaning} |\n"
    text += (
        "\nCodes that are told where a class is too coarse:\n\n| code | where |\n| --- | --- |\n"
    )
    for code, places in sorted(literal_codes().items()):
        if code not in rows:
            text += f"| `{code}` | {', '.join(sorted(places))} |\n"
    return text


def _modules_with_errors() -> list[Any]:
    from steelyard.supervisor import api  # noqa: PLC0415

    return [api]


def literal_codes() -> dict[str, set[str]]:
    """Codes written as ``code="…"`` where an error is raised, and the parts that do so."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if part == "testing":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "code":
                if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                    found.setdefault(node.value.value, set()).add(part)
    return found


def configuration() -> str:
    """The keys of ``steelyard.yaml``, section by section."""
    schema = json_schema()
    text = f"# `steelyard.yaml`\n\n{_NOTE}\n"
    text += (
        "It lies in the state folder and is applied whenever it changes; `steelyard check` says"
        " what is wrong with a file,\n`steelyard schema` prints the JSON Schema for editors."
        " Secrets come from the environment: `${NAME}`, or\n`${NAME:-default}`. Numbers with a"
        " fraction are read exactly; prices are texts such as `0.8 CNY/mtok`.\n"
    )
    text += "\n## The file\n\n" + _keys(schema)
    for name, section in sorted(schema["$defs"].items()):
        if "properties" in section:
            text += f"\n## {name.strip('_')}\n\n{_flat(section.get('description'))}\n\n"
            text += _keys(section)
    return text


def tasks() -> str:
    """The shipped tasks: scenario by language with the holes named, then each with its set."""
    shipped = shipped_tasks()
    scenarios = cover(shipped.values())
    text = f"# Tasks\n\n{_NOTE}\n"
    text += (
        "What comes with steelyard to weigh offers by. `steelyard tasks coverage` shows the same"
        " with your own tasks in it,\n`steelyard tasks show NAME` a task's prompt. Where the sets"
        " are from and on what terms stands in\n`src/steelyard/weigh/sets/README.md`. Public sets"
        " are old: larger models may have seen them.\n"
    )
    text += "\n## Scenario by language\n\nNumbers of items in brackets. A translation stands under"
    text += (
        " the language that it ends in; tasks that ask for fields\ncount under extraction too.\n"
    )
    text += "\n| scenario | English | Chinese |\n| --- | --- | --- |\n"
    sizes = {task.name: len(load_set(task.set_name).samples) for task in shipped.values()}
    for scenario in scenarios:
        cells = [
            ", ".join(f"`{name}` ({sizes[name]})" for name in scenario.tasks.get(language, ()))
            for language in LANGUAGES
        ]
        text += f"| {scenario.name} | {' | '.join(cell or '**none**' for cell in cells)} |\n"
    languages = {"en": "English", "zh": "Chinese"}
    holes = [f"{s.name} in {languages[each]}" for s in scenarios for each in s.holes]
    text += (
        f"\nHoles: {', '.join(holes) or 'none'}. Within scenarios that have tasks, Chinese has no"
        " set for summaries\nof meetings and none for open questions, English none for tickets or"
        " minutes.\n"
    )
    text += "\n## Each task\n\n| task | set | items | licence | grader | floor | tokens at most |\n"
    text += "| --- | --- | --- | --- | --- | --- | --- |\n"
    for name, task in sorted(shipped.items()):
        licences = sorted({sample.licence for sample in load_set(task.set_name).samples})
        text += (
            f"| `{name}` | `{task.set_name}` | {sizes[name]} | {', '.join(licences)} |"
            f" `{task.grader}` | {task.floor} | {task.form.output_tokens_max} |\n"
        )
    return text


def _keys(section: dict[str, Any]) -> str:
    rows = "| key | what | default |\n| --- | --- | --- |\n"
    for name, key in section["properties"].items():
        default = key.get("default", "needed" if name in section.get("required", []) else "")
        shown = "" if default in ("", None, {}, [], ()) else f"`{default}`"
        shown = "needed" if default == "needed" else shown
        rows += f"| `{name}` | {_flat(key.get('description'))} | {shown} |\n"
    return rows


def _flat(text: str | None, is_first_only: bool = False) -> str:
    lines = (text or "").strip().split("\n\n")[0] if is_first_only else (text or "")
    return " ".join(lines.split()).replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    for file, content in render_all().items():
        (FOLDER / file).write_text(content, "utf-8")
