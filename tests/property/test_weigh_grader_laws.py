"""No answer makes a grader raise; a judge's verdict does not depend on the order of a pair."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.domain.tasks import Constraint, Grade
from steelyard.weigh.asking import Answer
from steelyard.weigh.graders.base import Grader, grade_answer
from steelyard.weigh.graders.judge import Pair, read_opinion
from steelyard.weigh.graders.registry import find_graders
from steelyard.weigh.judging import Judge, Judged, judge_pair, report_on

GRADERS = find_graders()
IN_PROCESS = {n: g for n, g in GRADERS.items() if n not in {"code_tests", "python_function"}}
PARTS = st.sampled_from(
    [
        *("\x00", "\ud800", "\udfff", "```python\n", "```", "{", "}", "[", '"', "\\", "(", "$"),
        *("1,000", "-5%", "百分之", "一万二", "点", "分之", "9" * 400, "1e999", "/0", "٣", "²"),
        *("SELECT 1", "WITH RECURSIVE", ";", "'", "the answer is A", "<think>", "</think>"),
        *('{"a": 1}', "null", "NaN", "***", "******", "<<x>>", "[[A]]", "P.S.", "\u2028", "İ", "ﬁ"),
    ]
)
ANSWERS = st.lists(PARTS | st.text(max_size=8), max_size=12).map("".join)
ANY_TEXT = st.text(st.characters(), max_size=60) | ANSWERS


@pytest.mark.parametrize("grader", IN_PROCESS.values(), ids=IN_PROCESS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(answer=ANY_TEXT, data=st.data())
def test_any_answer_gets_a_grade(grader: Grader, answer: str, data: st.DataObject) -> None:
    example = data.draw(st.sampled_from(grader.examples))
    grade = grade_answer(grader, answer, example.sample, example.parameters)
    assert isinstance(grade, Grade)
    assert grade == grade_answer(grader, answer, example.sample, example.parameters)


@pytest.mark.parametrize("name", ["code_tests", "python_function"])
@settings(max_examples=4, deadline=None)
@given(answer=ANY_TEXT)
def test_any_answer_gets_a_grade_out_of_process(name: str, answer: str) -> None:
    example = GRADERS[name].examples[0]
    given_ = grade_answer(GRADERS[name], answer, example.sample, example.parameters)
    assert isinstance(given_, Grade)


@pytest.mark.parametrize("grader", GRADERS.values(), ids=GRADERS)
def test_ten_megabytes_are_unscored(grader: Grader) -> None:
    example = grader.examples[0]
    grade = grade_answer(grader, "\ud800" * (10 << 20), example.sample, example.parameters)
    assert grade.value is None


@given(text=ANY_TEXT)
def test_any_words_of_a_judge_are_an_opinion_or_nonsense(text: str) -> None:
    read_opinion(text)


OPINIONS = st.sampled_from(["[[A]]", "[[B]]", "[[C]]", "hm"])
TEXT = st.text("ab答", min_size=1, max_size=3)


@given(first=TEXT, second=TEXT, straight=OPINIONS, turned=OPINIONS)
def test_the_order_of_a_pair_changes_nothing(
    first: str, second: str, straight: str, turned: str
) -> None:
    """Whatever the judge says, as long as it says the same to the same words."""
    said = {(first, second): straight, (second, first): turned}
    one = _judge(said.__getitem__, Pair("q", first, second))
    other = _judge(said.__getitem__, Pair("q", second, first))
    if one.grade.value is None or other.grade.value is None:
        assert one.grade.value is other.grade.value is None
    else:
        assert one.grade.value == 1 - other.grade.value
    if one.settled and other.settled:
        assert one.settled.winner is other.settled.winner.turned
        assert one.settled.is_disagreed is other.settled.is_disagreed
        assert one.settled.favoured is other.settled.favoured


PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=12)


@settings(deadline=None)
@given(pairs=PAIRS, said=st.dictionaries(st.tuples(TEXT, TEXT), OPINIONS), other=OPINIONS)
def test_turning_all_pairs_turns_the_verdict_exactly(
    pairs: list[tuple[str, str]], said: dict[tuple[str, str], str], other: str
) -> None:
    def judged(pairs: list[tuple[str, str]]) -> list[Judged]:
        return [_judge(lambda shown: said.get(shown, other), Pair("q", *pair)) for pair in pairs]

    straight, turned = judged(pairs), judged([(second, first) for first, second in pairs])
    values = [
        (one.grade.value, other.grade.value) for one, other in zip(straight, turned, strict=True)
    ]
    assert all(one is other is None or one + other == 1 for one, other in values)  # type: ignore[operator]
    one, two = report_on(straight), report_on(turned)
    assert two == replace(one, won=one.lost, lost=one.won)


@given(
    reasons=st.text(st.characters(exclude_characters="[]\n"), max_size=240),
    opinion=st.sampled_from("ABC"),
)
def test_whatever_fits_the_grammar_is_an_opinion(reasons: str, opinion: str) -> None:
    text = f"{reasons}\n[[{opinion}]]" if reasons else f"[[{opinion}]]"
    if not text.lstrip().startswith("<think>"):
        assert read_opinion(text, Constraint.GRAMMAR) is read_opinion(f"[[{opinion}]]")


def _judge(say: Callable[[tuple[str, str]], str], pair: Pair) -> Judged:
    async def ask(offer: str, request: dict[str, object], *, task: str) -> Answer:
        messages = request["messages"]
        assert isinstance(messages, list)
        shown = [part.split("\n")[2] for part in messages[1]["content"].split("\n\n")[-2:]]
        return Answer(say((shown[0], shown[1])))

    return asyncio.run(judge_pair(ask, Judge("j", "gpt-4o"), pair, task="t"))
