from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh.importing import promptfoo
from steelyard.weigh.importing.promptfoo import read

CONFIG = """\
description: Town quiz
prompts:
  - "Capital of {{country}}? {{ hint }}"
  - "Second: {{country}}"
providers: [openai:gpt-4.1]
defaultTest:
  vars: {hint: ""}
  assert: [{type: cost, threshold: 0.1}]
tests:
  - vars: {country: France}
    assert: [{type: icontains, value: Paris}]
  - vars: {country: [Italy, Latium], hint: Short.}
    assert: [{type: icontains, value: Rome}]
  - vars: {country: Spain}
    assert: [{type: javascript, value: output.length}]
"""


def written(folder: Path, text: str, name: str = "promptfooconfig.yaml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_prompts_and_tests_become_items(tmp_path: Path) -> None:
    (task,) = read(written(tmp_path, CONFIG))
    assert (task.name, task.grader, task.grader_parameters) == (
        "town-quiz",
        "contains",
        {"fold": True},
    )
    assert [row["input"] for row in task.rows] == [
        "Capital of France? ",
        "Capital of Italy? Short.",
        "Capital of Latium? Short.",
    ]
    assert task.dataset().faults == ()
    assert "1 further prompts left out: a task has one" in task.notes
    assert "assertions: 3 left out, cost" in task.notes
    assert any(
        "1 left out, whose assertions are not known here (cost, javascript)" in note
        for note in task.notes
    )


def test_tests_that_need_several_graders_become_several_tasks(tmp_path: Path) -> None:
    text = CONFIG.replace("{type: javascript, value: output.length}", "{type: equals, value: '4'}")
    tasks = read(written(tmp_path, text), "town")
    assert [task.name for task in tasks] == ["town-contains", "town-exact"]
    assert tasks[1].grader_parameters == {"fold": False}


def test_a_prompt_in_a_file_may_be_a_conversation(tmp_path: Path) -> None:
    chat = (
        '[{"role": "system", "content": "Terse."}, {"role": "user", "content": "To {{country}}?"}]'
    )
    written(tmp_path, chat, "chat.json")
    text = CONFIG.replace('"Capital of {{country}}? {{ hint }}"', "file://chat.json")
    text = text.replace("country: France", "country: '\"La\" France'")
    (task,) = read(written(tmp_path, text))
    messages = task.dataset().samples[0].messages
    assert [m["content"] for m in messages] == ["Terse.", 'To "La" France?']


def test_tests_may_lie_in_other_files_beside_it(tmp_path: Path) -> None:
    written(tmp_path, "country,__expected\nFrance,icontains: Paris\nSpain,Madrid\n", "t.csv")
    written(tmp_path, "- vars: {country: Chad}\n  assert: [{type: equals, value: x}]\n", "t.yaml")
    head = CONFIG.partition("tests:")[0]
    tasks = read(written(tmp_path, f"{head}tests: [file://t.csv, file://t.yaml, t.xlsx]\n"))
    assert [(task.grader, len(task.rows)) for task in tasks] == [("contains", 1), ("exact", 2)]
    assert any("t.xlsx left out" in note for note in tasks[0].notes)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("{{ hint }}", "{{ hint | upper }}", "template language"),
        ("{{ hint }}", "{% if hint %}x{% endif %}", "template language"),
        ("{{ hint }}", "{{env.SECRET}}", "without the variable env.SECRET"),
        ("{{ hint }}", "{{ other }}", "without the variable other"),
        ("{country: France}", "{country: file://x.txt}", "variables in files"),
    ],
)
def test_what_needs_more_than_variables_is_left_out(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    path = written(tmp_path, CONFIG.replace(old, new).replace('  - "Second: {{country}}"\n', ""))
    if "country: file" in new:
        (task,) = read(path)
        assert any(reason in note for note in task.notes)
    else:
        with pytest.raises(ConfigError, match=reason):
            read(path)


def test_rubrics_are_for_a_judge(tmp_path: Path) -> None:
    text = CONFIG.replace("icontains", "llm-rubric")
    (task,) = read(written(tmp_path, text))
    assert task.grader == "judge"
    assert any("rubrics differ" in note for note in task.notes)
    (task,) = read(written(tmp_path, text.replace("Rome", "Paris")))
    assert task.grader_parameters == {"criteria": "Paris"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- a\n", "no configuration"),
        ("prompts: [x]\n", "no configuration"),
        ("prompts: [{id: 3}, file://x.py]\ntests: []\n", "no prompt"),
        ("prompts: [x]\ntests: []\n", "no test can be taken"),
        ("prompts: [x]\ntests: [3, {vars: {}}]\n", "no test can be taken"),
        ("prompts: [file:///etc/passwd.txt]\ntests: []\n", "outside"),
        ("prompts: [x]\ntests: file://../t.csv\n", "outside"),
    ],
)
def test_what_cannot_be_taken_is_a_mistake(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        read(written(tmp_path, text))


def test_variables_that_multiply_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promptfoo, "ITEMS_MAX", 50)
    many = "[" + ", ".join(map(str, range(100))) + "]"
    text = f"prompts: ['{{{{a}}}}{{{{b}}}}{{{{c}}}}']\ntests: [{{vars: {{a: {many}, b: {many}, "
    text += f"c: {many}}}, assert: [{{type: equals, value: x}}]}}]\n"
    with pytest.raises(ConfigError, match="more than 50 tests"):
        read(written(tmp_path, text))


def test_case_counts_where_a_test_says_so_and_nowhere_else(tmp_path: Path) -> None:
    text = CONFIG.replace("icontains, value: Rome", "contains, value: Rome")
    (task,) = read(written(tmp_path, text))
    assert task.grader == "manner"
    assert [row["must"] for row in task.rows] == [["(?i:Paris)"], *[["(?:Rome)"]] * 2]
    assert task.dataset().faults == ()
    (task,) = read(written(tmp_path, text.replace("icontains", "contains")))
    assert task.grader_parameters == {"fold": False}


def test_the_first_prompt_that_needs_variables_alone_is_taken(tmp_path: Path) -> None:
    (task,) = read(written(tmp_path, CONFIG.replace("{{ hint }}", "{{ hint | upper }}")))
    assert task.rows[0]["input"] == "Second: France"
    assert any("not the first prompt" in note for note in task.notes)


@pytest.mark.parametrize("name", ["gone.txt", "none/*.md", "../up.txt", ".hidden.txt"])
def test_only_the_prompt_that_is_taken_must_be_there(tmp_path: Path, name: str) -> None:
    missing = CONFIG.replace('"Second: {{country}}"', f"file://{name}")
    tasks = read(written(tmp_path, missing))
    assert tasks[0].rows[0]["input"] == "Capital of France? "
    assert any("further prompt left out" in note for note in tasks[0].notes)
    first = missing.replace('"Capital of {{country}}? {{ hint }}"', "file://first.txt")
    with pytest.raises(ConfigError, match=r"first\.txt: No such file"):
        read(written(tmp_path, first))
    (tmp_path / "first.txt").write_text("Of {{country}}?")
    assert read(written(tmp_path, first))[0].rows[0]["input"] == "Of France?"


def test_code_that_comes_before_an_assertion_is_not_passed_over(tmp_path: Path) -> None:
    text = CONFIG.replace("value: Paris}", "value: Paris, transform: output.name}")
    (task,) = read(written(tmp_path, text))
    assert len(task.rows) == 2
    assert any("icontains behind a transform" in note for note in task.notes)
    whole = CONFIG.replace("defaultTest:", "defaultTest:\n  options: {transform: output.trim()}")
    with pytest.raises(ConfigError, match="icontains behind a transform"):
        read(written(tmp_path, whole))
    parsed = whole.replace("output.trim()", "JSON.parse(output)").replace("icontains", "is-json")
    (task,) = read(written(tmp_path, parsed.replace("value: Paris", "metric: x")))
    assert (task.grader, len(task.rows)) == ("json_schema", 1)
    code = CONFIG.replace("defaultTest:", "defaultTest:\n  options: {transformVars: '{...vars}'}")
    with pytest.raises(ConfigError, match="whose variables code makes"):
        read(written(tmp_path, code))


def test_shared_parts_are_written_out(tmp_path: Path) -> None:
    text = """\
prompts: ["{{user.name}} of {{user.town.name}}?"]
assertionTemplates:
  kind: &kind {type: icontains, value: dear}
tests:
  - vars: {user: {name: Li, town: {name: Hefei}}}
    options: {prefix: "Who is ", suffix: " Say."}
    assert:
      - $ref: '#/assertionTemplates/kind'
      - {type: assert-set, assert: [{type: icontains, value: Li}, *kind]}
      - {type: assert-set, threshold: 0.5, assert: [{type: icontains, value: x}]}
"""
    (task,) = read(written(tmp_path, text))
    assert task.rows[0]["input"] == "Who is Li of Hefei? Say."
    assert task.rows[0]["contains"] == {"all": ["dear", "Li", "dear"]}
    assert "assertions: 1 left out, assert-set" in task.notes


def test_a_prompt_of_yaml_may_hold_its_messages_in_parts(tmp_path: Path) -> None:
    chat = """\
messages:
  - {role: system, content: [{type: text, text: Be concise, cache_control: {type: ephemeral}}]}
  - role: user
    content:
      - {type: text, text: "To {{country}}?"}
"""
    written(tmp_path, chat, "chat.yaml")
    text = CONFIG.replace('"Capital of {{country}}? {{ hint }}"', "file://chat.yaml")
    (task,) = read(written(tmp_path, text.replace("France", "'a: \"b\"'")))
    assert task.rows[0]["messages"] == [
        {"role": "system", "content": "Be concise"},
        {"role": "user", "content": 'To a: "b"?'},
    ]


def test_defaults_may_lie_in_a_file_and_tests_may_say_nothing(tmp_path: Path) -> None:
    written(tmp_path, "assert: [{type: equals, value: x}]\n", "default.yaml")
    text = "prompts: [hi]\ndefaultTest: file://default.yaml\ntests: [{vars: {}}]\n"
    (task,) = read(written(tmp_path, text))
    assert task.grader == "exact"
    with pytest.raises(ConfigError, match="without assertions"):
        read(written(tmp_path, "prompts: [hi]\ntests: [{vars: {}}]\n"))
    with pytest.raises(ConfigError, match="makes its tests when it runs"):
        read(written(tmp_path, "prompts: [hi]\nredteam: {plugins: [bias]}\n"))


def test_a_bracket_alone_makes_no_conversation(tmp_path: Path) -> None:
    text = CONFIG.replace('"Capital', '"[INST] Capital').replace("hint: Short.", 'hint: "a\\nb"')
    (task,) = read(written(tmp_path, text))
    assert task.rows[1]["input"] == "[INST] Capital of Italy? a\nb"
    chat = "- role: user\n  content: To {{country}}?\n"
    written(tmp_path, chat, "chat.txt")
    text = CONFIG.replace('"Capital of {{country}}? {{ hint }}"', "file://chat.txt")
    (task,) = read(written(tmp_path, text))
    assert task.rows[0]["messages"] == [{"role": "user", "content": "To France?"}]


def test_a_prompt_of_brackets_ends_nothing(tmp_path: Path) -> None:
    written(tmp_path, "[" * 50_000 + "{{country}}", "deep.txt")
    text = CONFIG.replace('"Capital of {{country}}? {{ hint }}"', "file://deep.txt")
    (task,) = read(written(tmp_path, text))
    assert str(task.rows[0]["input"]).endswith("[France")


def test_days_are_text_and_prompts_that_multiply_their_variables_are_left_out(
    tmp_path: Path,
) -> None:
    test = "tests: [{vars: {day: 2026-01-02}, assert: [{type: equals, value: a}]}]"
    (task,) = read(written(tmp_path, f'prompts: ["On {{{{day}}}}?"]\n{test}'))
    assert task.rows[0]["input"] == "On 2026-01-02?"
    (task,) = read(written(tmp_path, f'prompts: ["- {{role: user, content: 2026-01-02}}"]\n{test}'))
    assert b"2026-01-02" in task.set_bytes()
    long, many = "x" * 100_000, "{{long}}" * 1_000
    asked = f"[{{vars: {{long: {long}}}, assert: [{{type: equals, value: a}}]}}]"
    bomb = f'prompts: ["{many}"]\ntests: {asked}'
    with pytest.raises(ConfigError, match="too long"):
        read(written(tmp_path, bomb))
