"""Laws of case analysis: every failure once, in whatever order; diffs and cleaning lose nothing."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.tasks import Grade, PromptForm, Task
from steelyard.weigh.cases.analysis import analyse, select
from steelyard.weigh.cases.diffs import Mark, diff
from steelyard.weigh.cases.texts import clean
from steelyard.weigh.datasets import read_set
from steelyard.weigh.runfile import Record

TOPICS = ("the battery died", "shipping took weeks", "退货还没有到账", "an odd thing", "fine")
FORM, AT = "f" * 16, datetime(2026, 11, 22, tzinfo=UTC)
TASK = Task("mood", "Moods", "en", "mood", "label", Decimal("0.6"), PromptForm("plain"))
LABELS = {"reference": "yes", "labels": ["yes", "no"]}
ROWS = ({"id": f"i{n:02}", "input": f"{TOPICS[n % 5]} on day {n}", **LABELS} for n in range(40))
SET = read_set("mood", "".join(json.dumps(row) + "\n" for row in ROWS).encode())
REASONS = ("the reference is yes", "no label in the answer", "the grader raised KeyError")

records = st.builds(
    lambda number, offer, value, said, is_cut: Record(
        f"shop/{offer}",
        FORM,
        f"i{number:02}",
        finished_at=AT,
        grade=Grade(value, REASONS[said], ("no", "", "")[said]),
        answer=("no", "hm " * 9, "")[said],
        finish_reason="length" if is_cut else "stop",
    ),
    st.integers(0, 39),
    st.sampled_from("abc"),
    st.sampled_from([None, Fraction(0), Fraction(1, 2), Fraction(1)]),
    st.integers(0, 2),
    st.booleans(),
)


@given(st.lists(records, max_size=120), st.integers(0, 2**32))
def test_every_failure_is_in_one_cluster_and_the_order_of_records_plays_no_part(
    found: list[Record], seed: int
) -> None:
    made = analyse(TASK, SET, found, {FORM})
    members = [place for cluster in made.clusters for place in cluster.failures]
    failing = [(name, offer) for name, case in made.cases.items() for offer in case.failing]
    assert sorted(members) == sorted(failing)
    assert made.n_failures == len(failing) == sum(t.failed for t in made.tallies.values())
    for cluster in made.clusters:
        assert sum(cluster.count(offer) for offer in made.tallies) == len(cluster.failures)
        for sample, offer in cluster.failures:
            kind = made.cases[sample].replies[offer].kind
            assert kind is not None and kind.slug == cluster.kind.slug
    assert [case.sample.id for case in select(made)] == [
        n for n, c in made.cases.items() if c.failing
    ]
    shuffled = list(found)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - no secret
    again = analyse(TASK, SET, shuffled, {FORM})
    assert again.clusters == made.clusters and list(again.cases) == list(made.cases)
    assert again.tallies == made.tallies


texts = st.text(alphabet="ab 退货。,\n", max_size=40)


@given(texts, texts)
def test_a_diff_holds_both_texts(first: str, second: str) -> None:
    pieces = diff(first, second)
    if pieces:
        old = "".join(piece.text for piece in pieces if piece.mark is not Mark.NEW)
        new = "".join(piece.text for piece in pieces if piece.mark is not Mark.GONE)
        assert "".join(old.split()) == "".join(first.split())
        assert new == second


@given(st.text())
def test_clean_text_can_be_sent_and_steers_nothing(text: str) -> None:
    made = clean(text)
    made.encode()
    assert len(made) == len(text) and clean(made) == made
    assert not {c for c in made if ord(c) < 32} - {"\n", "\t"}
