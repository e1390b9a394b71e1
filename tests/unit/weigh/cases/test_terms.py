from __future__ import annotations

from steelyard.weigh.cases.terms import GROUP_MIN, groups, han_share, share_within, terms_of

FILL = [f"a plain remark about matter number {word}" for word in ("ink", "tea", "sun", "oak")]


def test_terms_are_words_and_runs_of_han_characters() -> None:
    assert terms_of("The REFUND of order 123") == {"refund", "order"}
    assert terms_of("退货") == {"退货"} and "的货" not in terms_of("我的货物")
    assert "货物" in terms_of("我的货物")
    assert terms_of("") == frozenset()


def test_texts_that_share_a_term_stand_together_and_are_named_by_it() -> None:
    texts = {f"b{n}": terms_of(f"the battery died {n}") for n in range(4)}
    texts |= {f"s{n}": terms_of(f"shipping took {n} weeks") for n in range(3)}
    texts |= {"z": terms_of("nothing like the rest")}
    elsewhere = [terms_of(text) for text in FILL * 5]
    found, left_over = groups(texts, elsewhere)
    assert [(group.names, group.terms[0]) for group in found] == [
        (("b0", "b1", "b2", "b3"), "battery"),
        (("s0", "s1", "s2"), "shipping"),
    ]
    assert left_over == ("z",)


def test_what_is_as_frequent_elsewhere_makes_no_group() -> None:
    texts = {f"b{n}": terms_of(f"the battery died {n}") for n in range(9)}
    assert groups(texts, list(texts.values())) == ([], tuple(sorted(texts)))
    few = dict(list(texts.items())[: GROUP_MIN - 1])
    assert groups(few, [terms_of(FILL[0])] * 50)[0] == []


def test_chinese_groups_have_words_that_do_not_overlap() -> None:
    texts = {f"c{n}": terms_of(f"第{n}份合同需要法务盖章") for n in range(5)}
    found, _ = groups(texts, [terms_of("电脑蓝屏了"), terms_of("今天天气真好")] * 9)
    assert len(found) == 1
    for term in found[0].terms:
        assert not any(term != other and term in other for other in found[0].terms)


def test_shares() -> None:
    assert share_within("battery died", "my battery has died today") == 1
    assert share_within("battery died", "nothing of it") == 0 == share_within("", "x")
    assert han_share("abc") is None and han_share("今天天气真的很好啊") == 1
    assert han_share("only english letters") == 0
