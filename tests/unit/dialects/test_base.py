from steelyard.dialects.base import Answer, Call, Dialect
from steelyard.dialects.openai_chat import DIALECT


def test_an_answer_says_nothing_until_told() -> None:
    assert Answer(None) == (None, "", "", "", "", "", 0, "", None, False)


def test_a_dialect_fits_the_protocol() -> None:
    found: Dialect = DIALECT
    assert isinstance(found.read(b'{"model":"m","messages":[{"role":"user"}]}'), Call)
