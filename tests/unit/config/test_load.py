"""Mistakes are named: file, line, key, nearest known key; several at once; no secret in sight."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.config.load import InvalidConfig, json_schema, load, load_text


def problems(text: str, env: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(InvalidConfig) as caught:
        load_text(text, "s.yaml", env or {})
    return [str(finding) for finding in caught.value.findings]


def test_an_empty_file_is_all_defaults() -> None:
    config = load_text("", "s.yaml", {})
    assert config.listen == "127.0.0.1:8080"
    assert config.offers == ()


def test_an_unknown_key_names_the_nearest_one() -> None:
    assert problems("chanels: {}\n") == ["s.yaml:1: chanels: unknown key; did you mean 'channels'?"]


def test_nested_keys_are_compared_with_those_of_their_own_section() -> None:
    text = """
channels:
  a: {base_url: http://x/v1, credentail: x}
local:
  models:
    m: {slotss: 1}
accounts:
  org:
    accounts:
      dep: {limts: []}
"""
    assert problems(text) == [
        "s.yaml:3: channels.a.credentail: unknown key; did you mean 'credential'?",
        "s.yaml:6: local.models.m.slotss: unknown key; did you mean 'slots'?",
        "s.yaml:10: accounts.org.accounts.dep.limts: unknown key; did you mean 'limits'?",
    ]


def test_an_unknown_key_without_a_near_one_lists_what_there_is() -> None:
    assert "known: file, source" in problems("exchange_rates: {zzz: 1}")[0]


def test_a_missing_key_is_said_where_its_section_stands() -> None:
    assert problems("offers:\n  - model: m\n") == ["s.yaml:2: offers[0].channel: is missing"]


def test_several_mistakes_of_all_kinds_come_at_once() -> None:
    text = """listen: nowhere
channels: {a: {base_url: http://x/v1, credential: "${NOPE}"}}
offers:
  - {model: m, channel: a, context: -1, rates: {input: 0.1}}
"""
    found = problems(text)
    assert len(found) == 4
    assert [line.split(" ")[1] for line in found] == [
        "listen:",
        "channels.a.credential:",
        "offers[0].context:",
        "offers[0].rates.input:",
    ]


def test_money_is_never_a_float() -> None:
    text = "accounts: {a: {limits: [{money: 0.1, period: day}]}}"
    assert "write an amount and a currency" in problems(text)[0]


def test_secrets_stay_out_of_messages_and_pictures() -> None:
    secret = "sk-live-1234567890"
    text = f"""
channels:
  a: {{base_url: http://x/v1, credential: {secret}, kind: nonsense}}
  b: {{base_url: http://x/v1, credential: [{secret}]}}
keys: {{k: {{account: a, secret: {{x: {secret}}}}}}}
"""
    with pytest.raises(InvalidConfig) as caught:
        load_text(text, "s.yaml", {})
    assert secret not in str(caught.value)
    assert secret not in repr(caught.value.findings)
    assert caught.value.__cause__ is None
    good = f"channels: {{a: {{base_url: http://x/v1, credential: {secret}}}}}"
    assert secret not in repr(load_text(good, "s.yaml", {}))


def test_a_credential_of_digits_is_text() -> None:
    text = "channels: {a: {base_url: http://x/v1, credential: 12345}}"
    credential = load_text(text, "s.yaml", {}).channels["a"].credential
    assert credential is not None
    assert credential.get_secret_value() == "12345"


def test_a_file_that_is_not_there_or_not_text_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="cannot be read: No such file"):
        load(tmp_path / "none.yaml", {})
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidConfig, match="is not UTF-8"):
        load(tmp_path / "bytes.yaml", {})


def test_a_list_is_no_configuration() -> None:
    assert problems("[1]") == ["s.yaml:1: the file must hold keys and values"]


def test_a_long_list_of_mistakes_is_cut() -> None:
    with pytest.raises(InvalidConfig, match="and 10 more"):
        load_text("\n".join(f"x{n}: 1" for n in range(30)), "s.yaml", {})


def test_rules_of_others_are_asked_too() -> None:
    with pytest.raises(InvalidConfig, match="aliases: never on Sundays"):
        load_text("aliases: {}\n", "s", {}, [lambda config: [(("aliases",), "never on Sundays")]])


def test_the_schema_describes_every_key() -> None:
    schema = json_schema()
    assert set(schema["properties"]) >= {"channels", "offers", "local", "accounts"}
    for section in [schema, *schema["$defs"].values()]:
        for name, key in section.get("properties", {}).items():
            assert "description" in key or "$ref" in key, name


def test_test_sets_of_ones_own_start_at_the_files_folder(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(
        "tasks:\n"
        "  a: {set: sets/a.jsonl, grader: label, floor: 0.5, form: {id: f}}\n"
        "  b: {set: /elsewhere/b.jsonl, grader: label, floor: 0.5, form: {id: f}}\n"
        "  c: {set: reviews-en, grader: label, floor: 0.5, form: {id: f}}\n"
        "  d:\n"
    )
    tasks = load(file, {}).tasks
    sets = {name: task.set if task else None for name, task in tasks.items()}
    assert sets == {
        "a": str(tmp_path / "sets" / "a.jsonl"),
        "b": "/elsewhere/b.jsonl",
        "c": "reviews-en",
        "d": None,
    }
    with pytest.raises(InvalidConfig, match="tasks"):
        load_text("tasks: [1]", "s", {}, (), tmp_path)


def test_functions_of_ones_own_start_at_the_files_folder_too(tmp_path: Path) -> None:
    file = tmp_path / "steelyard.yaml"
    rest = "set: a.jsonl, floor: 0.5, form: {id: f}"
    file.write_text(
        "tasks:\n"
        f"  a: {{grader: {{name: python_function, function: 'own/a.py:grade'}}, {rest}}}\n"
        f"  b: {{grader: python_function, grader_parameters: {{function: 'b.py:g'}}, {rest}}}\n"
        f"  c: {{grader: {{name: python_function, function: 'my.module:grade'}}, {rest}}}\n"
    )
    tasks = load(file, {}).tasks
    functions = {name: task.grader_parameters["function"] for name, task in tasks.items() if task}
    assert functions == {
        "a": f"{tmp_path}/own/a.py:grade",
        "b": f"{tmp_path}/b.py:g",
        "c": "my.module:grade",
    }
