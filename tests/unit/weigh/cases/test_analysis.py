"""Cases, their clusters, what is chosen of many records, and filters."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

from steelyard.domain.tasks import Grade
from steelyard.weigh.cases.analysis import Analysis, analyse, select
from steelyard.weigh.halting import by_hand
from steelyard.weigh.runfile import Record
from weigh.cases.case_rig import AT, FORM, dataset, mood, record, right, task

ZERO = Fraction(0)
DAY = timedelta(days=1)
ONE, TWO = "shop/one", "shop/two"
SET = dataset(*(mood(name, f"Is matter {name} so?") for name in "abcd"))


def no(sample: str, offer: str = ONE) -> Record:
    return record(sample, offer, grade=Grade(ZERO, "the reference is yes", "no"))


def analysis(*records: Record) -> Analysis:
    return analyse(task(), SET, records, {FORM})


def test_cases_stand_side_by_side_worst_first() -> None:
    found = analysis(
        *(right("a"), right("a", TWO), no("b"), right("b", TWO), no("c"), no("c", TWO)),
        *(record("d", grade=Grade.unscored("the answer holds nothing"), answer=""),),
    )
    assert list(found.cases) == ["c", "b", "d", "a"] or list(found.cases) == ["c", "d", "b", "a"]
    a, b, c, d = (found.cases[name] for name in "abcd")
    assert c.is_failed_by_all and not c.is_disputed and c.only == ""
    assert b.is_disputed and b.only == ONE and b.failing == (ONE,)
    assert not a.failing and not a.is_disputed
    assert d.is_failed_by_all and d.only == ""
    assert found.tallies[ONE].asked == 4 and found.tallies[ONE].failed == 3
    assert found.tallies[ONE].unscored == 1 and found.tallies[TWO].accepted == 2
    assert found.tallies[TWO].cost_pico == 3 * 10**9
    assert found.n_failures == 4


def test_a_call_that_somebody_cut_off_is_no_failure_of_the_offer() -> None:
    stopped = Grade.unscored(by_hand("admin"))
    cut = [record(name, grade=stopped, answer="", finished_at=AT + DAY) for name in "ab"]
    found = analysis(right("a"), no("c"), *cut)
    assert set(found.cases) == {"a", "c"} and found.tallies[ONE].asked == 2
    assert found.n_failures == 1


def test_clusters_are_kinds_with_counts_by_offer() -> None:
    found = analysis(
        *(no("a"), no("b"), no("b", TWO), record("c", TWO, grade=Grade(ZERO, "no label in it"))),
    )
    first, second = found.clusters
    assert str(first.kind) == "wrong_label:yes → no"
    assert first.failures == (("a", ONE), ("b", ONE), ("b", TWO)) and first.samples == ("a", "b")
    assert (first.count(ONE), first.count(TWO), second.count(TWO)) == (2, 1, 1)
    assert first.terms == () and not first.is_rest


def test_a_large_kind_is_split_by_what_its_items_are_about() -> None:
    topics = [mood(f"b{n:02}", f"The battery of phone number {n} died") for n in range(6)]
    topics += [mood(f"z{n:02}", word) for n, word in enumerate(("rain", "dust", "mud"))]
    fine = [mood(f"y{n:02}", f"A fine {word} day") for n, word in enumerate(("red", "sunny") * 20)]
    records = [no(row["id"]) for row in topics] + [right(row["id"]) for row in fine]
    found = analyse(task(), dataset(*topics, *fine), records, {FORM})
    group, rest = found.clusters
    assert len(group.failures) == 6 and "battery" in group.terms
    assert rest.is_rest and rest.terms == () and len(rest.failures) == 3


def test_words_of_all_items_name_no_cluster() -> None:
    rows = [mood(f"b{n:02}", f"Read the review and answer: number {n}") for n in range(40)]
    found = analyse(task(), dataset(*rows), [no(row["id"]) for row in rows], {FORM})
    (whole,) = found.clusters
    assert whole.terms == () and not whole.is_rest and len(whole.failures) == 40


def test_parts_are_counted_and_the_most_frequent_splits_the_kind() -> None:
    rows = ({"id": n, "input": f"Item {n}", "reference": {"x": "1", "y": "2"}} for n in "abc")
    slots = dataset(*rows)
    said = {"a": '{"x": "9", "y": "9"}', "b": '{"y": "9", "x": "1"}', "c": '{"x": "9", "y": "2"}'}
    records = [
        record(name, grade=Grade(Fraction(1, 2), "", text), answer=text)
        for name, text in said.items()
    ]
    found = analyse(task("json_slots"), slots, records, {FORM})
    assert [(str(c.kind), c.parts) for c in found.clusters] == [
        ("wrong_slots:wrong:x", (("wrong:x", 2), ("wrong:y", 1))),
        ("wrong_slots:wrong:y", (("wrong:y", 1),)),
    ]


def test_the_newest_record_of_an_item_counts_and_others_are_not_seen() -> None:
    later = replace(right("a"), finished_at=AT + timedelta(seconds=1))
    foreign = record("unknown-item")
    for records in ((no("a"), later, foreign), (later, foreign, no("a"))):
        found = analysis(*records)
        assert list(found.cases) == ["a"] and not found.clusters


def test_of_two_forms_of_an_offer_the_one_asked_last_counts_whole() -> None:
    old = [replace(no(name), form_digest="0" * 16) for name in "ab"]
    new = replace(right("a"), finished_at=AT + timedelta(hours=1))
    found = analyse(task(), SET, [*old, new], {FORM, "0" * 16})
    assert list(found.cases) == ["a"] and found.tallies[ONE].failed == 0
    assert not found.is_outdated


def test_without_a_record_that_counts_today_the_last_ones_are_shown_as_outdated() -> None:
    found = analyse(task(), SET, [no("a")], {"another"})
    assert found.is_outdated and list(found.cases) == ["a"]
    assert not analyse(task(), SET, [], {"another"}).is_outdated
    both = analyse(task(), SET, [no("a"), replace(no("b", TWO), form_digest="new")], {"new"})
    assert list(both.cases) == ["b"] and not both.is_outdated


def test_a_lone_surrogate_is_made_text() -> None:
    odd = record("a", answer="x\ud800", grade=Grade(ZERO, "\ud800", "\ud800"))
    shown = analysis(odd).cases["a"].replies[ONE].record
    assert (shown.answer, shown.grade.reason, shown.grade.extracted) == ("x\ufffd", *"\ufffd\ufffd")


def test_filters() -> None:
    found = analysis(
        *(no("a"), right("a", TWO), right("b"), no("b", TWO), no("c"), no("c", TWO)),
        *(record("d", grade=Grade(ZERO, "no label in the answer"), answer="hm"), right("d", TWO)),
    )

    def names(**wish: object) -> list[str]:
        return sorted(case.sample.id for case in select(found, **wish))  # type: ignore[arg-type]

    assert names() == ["a", "b", "c", "d"] and names(offer=TWO) == ["b", "c"]
    assert names(is_alone=True) == ["a", "b", "d"] and names(is_alone=True, offer=ONE) == ["a", "d"]
    assert names(kind="wrong_form") == ["d"] and names(kind="wrong_label:yes → no") == list("abc")
    assert names(kind="wrong_label", offer=TWO) == ["b", "c"]
    assert names(samples={"a", "zzz"}) == ["a"] and names(samples=set()) == []
