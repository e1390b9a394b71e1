import json
from decimal import Decimal
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh.graders.patterns import is_found
from steelyard.weigh.importing import imported
from steelyard.weigh.importing.imported import (
    Imported,
    counted,
    escaped,
    inside,
    read_text,
    read_yaml,
    task_name,
    with_ids,
)

ROW: dict[str, object] = {"id": "a", "input": "1+1?", "reference": ["2"]}


def test_a_task_becomes_a_set_and_a_section() -> None:
    task = Imported("sums", "Sums", (ROW,), "number", {"tolerance": 1}, "Be brief.", "Q: {input}")
    assert [sample.id for sample in task.dataset().samples] == ["a"]
    assert task.section("sets/sums.jsonl", Decimal("0.8")) == {
        "title": "Sums",
        "language": "en",
        "set": "sets/sums.jsonl",
        "grader": "number",
        "grader_parameters": {"tolerance": 1},
        "floor": Decimal("0.8"),
        "form": {
            "id": "imported-1",
            "system": "Be brief.",
            "user": "Q: {input}",
            "output_tokens_max": 512,
        },
    }


def test_the_language_is_told_by_the_signs() -> None:
    zh = {
        "id": "a",
        "input": "今天天气怎么样，适合出门散步吗？请用一句话回答。",
        "reference": "适合",
    }
    assert Imported("a", "A", (zh,), "exact").language == "zh"
    short = {"id": "support-0123456789", "input": "发票呢", "labels": ["refund", "invoice"]}
    assert Imported("a", "A", (short,), "exact").language == "zh"
    chat = {"id": "a", "messages": [{"role": "user", "content": "什么时候发货"}]}
    assert Imported("a", "A", (chat,), "exact").language == "zh"
    assert Imported("a", "A", (ROW,), "exact").section("s", Decimal(1))["language"] == "en"


@pytest.mark.parametrize(
    ("text", "name"),
    [("My Eval! v2", "my-eval-v2"), ("a//B_c", "a/b-c"), ("！", "imported"), ("x" * 99, "x" * 64)],
)
def test_any_text_gives_a_name(text: str, name: str) -> None:
    assert task_name(text) == name


def test_an_item_that_is_there_twice_is_taken_once() -> None:
    rows, notes = with_ids("n", [{"input": "a"}, {"input": "b"}, {"input": "a"}])
    assert [row["input"] for row in rows] == ["a", "b"]
    assert str(rows[0]["id"]).startswith("n-")
    assert notes == ("1 items were there twice and are taken once",)


def test_files_that_cannot_be_read_are_mistakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        read_yaml(tmp_path / "none.yaml")
    (tmp_path / "p.jsonl").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(ConfigError, match="git lfs pull"):
        read_text(tmp_path / "p.jsonl")
    (tmp_path / "l.txt").write_bytes(b"caf\xe9")
    with pytest.raises(ConfigError, match="not UTF-8 at byte 3"):
        read_text(tmp_path / "l.txt")
    monkeypatch.setattr(imported, "YAML_BYTES_MAX", 3)
    (tmp_path / "big.yaml").write_text("a: 1234")
    with pytest.raises(ConfigError, match="larger than"):
        read_yaml(tmp_path / "big.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "[" * 10_000,
        "a: &x [*x]",
        "!!python/object/apply:os.getcwd []",
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 100)),
        "a0: &a0 {k: v}\n"
        + "".join(f"a{n}: &a{n} {{<<: [{f'*a{n - 1},' * 10}]}}\n" for n in range(1, 9)),
    ],
)
def test_yaml_that_does_more_than_say_values_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ConfigError, match="not YAML that can be read"):
        read_yaml(tmp_path / "bad.yaml")


def test_yaml_says_what_it_says_in_its_newer_version(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "a: Yes\nb: 12:30\nc: 010\nd: 2026-01-02\ne: &e {x: -3, y: 1.5e+1}\n"
        "f: {<<: *e, y: ~}\ng: true\nh: 1e5\ni: *e\n"
    )
    assert read_yaml(tmp_path / "a.yaml") == {
        "a": "Yes",
        "b": "12:30",
        "c": "010",
        "d": "2026-01-02",
        "e": {"x": -3, "y": 15.0},
        "f": {"x": -3, "y": None},
        "g": True,
        "h": 1e5,
        "i": {"x": -3, "y": 15.0},
    }
    (tmp_path / "none.yaml").write_text("# nothing\n")
    assert read_yaml(tmp_path / "none.yaml") is None


def test_files_elsewhere_are_not_read(tmp_path: Path) -> None:
    assert inside(tmp_path, "a/b.txt") == (tmp_path / "a" / "b.txt").resolve()
    for name in ("../b.txt", "/etc/passwd"):
        with pytest.raises(ConfigError, match="outside"):
            inside(tmp_path, name)


def test_what_was_left_out_is_counted_by_kind() -> None:
    assert counted(["b", "a", "b"], "x:") == ("x: 1 left out, a", "x: 2 left out, b")


def test_an_escaped_text_means_itself() -> None:
    text = r"a.b*(c) [d] ^$ {1} | \ / + ? - é"
    assert is_found(f"^{escaped(text)}$", text)
    assert not is_found(f"^{escaped('a.b')}$", "axb")
    assert json.loads(json.dumps(escaped(text))) == escaped(text)
