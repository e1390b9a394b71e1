"""What price lists say."""

from __future__ import annotations

from steelyard.domain.listings import Finding, Listing, Parsed


def test_a_listing_reads_as_people_say_it() -> None:
    assert (
        str(Listing("DeepSeek", "official", "deepseek-chat", "CNY"))
        == "DeepSeek deepseek-chat in CNY"
    )
    assert str(Listing("OpenAI", "reseller", "gpt-4o", "USD")) == "OpenAI gpt-4o (reseller) in USD"


def test_one_error_makes_a_list_unsound_and_a_remark_does_not() -> None:
    remark = Finding("encoding", "read as GBK", is_error=False)
    assert Parsed((), ()).is_sound
    assert Parsed((), (remark,)).is_sound
    assert not Parsed((), (remark, Finding("unit_unknown", "per fen", 7))).is_sound


def test_lists_differ_in_case_and_mean_the_same() -> None:
    one = Listing("DeepSeek", "official", "DeepSeek-Chat", "CNY")
    assert one.folded == Listing("deepseek", "official", "deepseek-chat", "CNY").folded
    assert one.folded != one._replace(channel="reseller").folded
