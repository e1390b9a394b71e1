"""Files that a configuration names: which are read, and which are not whatever it says."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh.importing import promptfoo_files
from steelyard.weigh.importing.promptfoo_files import read_prompts, read_tests, read_values


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The path of a configuration with files beside it and one that is not to be read above."""
    folder = tmp_path / "own"
    (folder / "cases").mkdir(parents=True)
    files = {
        "prompts.txt": "One {{a}}\n---\nTwo\n---\n",
        "chat.json": '[{"role": "user", "content": "---"}]',
        "cases/a.yaml": "- {vars: {a: 1}}\n- 3\n",
        "cases/b.yaml": "- {vars: {a: 2}}\n",
        "t.jsonl": '{"vars": {"a": 3}}\n\n{"vars": {"a": 4}}\n',
        "t.csv": "a,__expected\n5,contains: x\n",
        "bad.jsonl": "{",
        "bad.csv": "a\n" + "x" * 200_000,
        "run.py": "",
        ".env": "KEY=secret",
        ".hidden.txt": "secret",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "cases" / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder / "promptfooconfig.yaml"


@pytest.mark.parametrize(
    ("value", "prompts"),
    [
        ("Say {{a}}.", ["Say {{a}}."]),
        ("file://prompts.txt", ["One {{a}}", "Two"]),
        ("./prompts.txt", ["One {{a}}", "Two"]),
        ({"prompts.txt": "label", "hello": "other"}, ["One {{a}}", "Two", "hello"]),
        ([{"id": "file://chat.json", "label": "x"}], ['[{"role": "user", "content": "---"}]']),
        ([{"raw": "hi"}, 3, "run.py:make"], ["hi"]),
        ("Read notes.txt", ["Read notes.txt"]),
    ],
)
def test_prompts_are_texts_or_files_of_text(
    config: Path, value: object, prompts: list[str]
) -> None:
    notes: list[str] = []
    assert list(read_prompts(config, value, notes)) == prompts
    assert len(notes) == (2 if 3 in (value if isinstance(value, list) else []) else 0)


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        ("file://cases/*.yaml", [1, 2]),
        (["t.jsonl", {"vars": {"a": 9}}], [3, 4, 9]),
        ("t.csv", ["5"]),
        (["run.py:make", "https://example.com/t.csv", "huggingface://datasets/x", 3], []),
    ],
)
def test_tests_are_written_down_somewhere(
    config: Path, value: object, numbers: list[object]
) -> None:
    notes: list[str] = []
    found = list(read_tests(config, value, notes))
    assert [test["vars"]["a"] for test in found] == numbers
    assert len(notes) == (0 if numbers else 4)


def test_a_variable_may_be_a_file_of_text(config: Path) -> None:
    assert read_values(config, "file://chat.json") == ['[{"role": "user", "content": "---"}]']
    assert len(read_values(config, "file://cases/?.y*ml")) == 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("file://.env", "hidden"),
        ("file://.hidden.txt", "hidden"),
        ("file://run.py", "no text"),
        ("file://../secret.txt", "outside"),
        ("file://cases/*.txt", "outside"),
        ("file://none/*.txt", "finds no file"),
        ("file:///etc/*.txt", "outside"),
        ("file://none.txt", "No such file"),
    ],
)
def test_what_lies_elsewhere_or_is_hidden_is_not_read(config: Path, name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        read_values(config, name)


@pytest.fixture
def usual_fields() -> Iterator[None]:
    """The longest field of a CSV file as Python has it: a process has one, which sets raise."""
    before = csv.field_size_limit(131_072)
    yield
    csv.field_size_limit(before)


@pytest.mark.usefixtures("usual_fields")
def test_broken_files_are_mistakes(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bad.jsonl", "bad.csv"):
        with pytest.raises(ConfigError, match=name):
            list(read_tests(config, name, []))
    monkeypatch.setattr(promptfoo_files, "ITEMS_MAX", 1)
    with pytest.raises(ConfigError, match="more than 1 files"):
        read_values(config, "file://cases/*.yaml")
