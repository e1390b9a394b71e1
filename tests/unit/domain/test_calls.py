import pytest

from steelyard.domain.calls import Outcome, Why, attempt_id, call_id, parse_call_id


@pytest.mark.parametrize(("incarnation", "sequence"), [(1, 1), (31, 0x3A2B), (2**40, 2**47)])
def test_an_id_can_be_read_back(incarnation: int, sequence: int) -> None:
    assert parse_call_id(call_id(incarnation, sequence)) == (incarnation, sequence, None)
    assert parse_call_id(attempt_id(incarnation, sequence, 2)) == (incarnation, sequence, 2)


def test_people_see_one_short_string() -> None:
    assert call_id(31, 0x3A2B) == "c-1f-3a2b"
    assert attempt_id(31, 0x3A2B, 1) == "c-1f-3a2b-1"


@pytest.mark.parametrize("text", ["", "c-1", "c-g-1", "c-1-1-", "c-1-1-12345", "C-1-1", "c-1-1\n"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no call id"):
        parse_call_id(text)


def test_outcomes_and_reasons_are_written_as_plain_words() -> None:
    assert str(Outcome.CLIENT_GONE) == "client_gone"
    assert Why("fallback") is Why.FALLBACK
