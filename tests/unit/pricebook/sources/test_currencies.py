import pytest

from steelyard.pricebook.sources.currencies import CURRENCIES, OFTEN_WRITTEN, advise_currency


def test_codes_are_three_capital_letters() -> None:
    assert {"CNY", "USD", "EUR", "JPY", "HKD", "XCG"} <= CURRENCIES
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCIES)
    assert set(OFTEN_WRITTEN.values()) <= CURRENCIES


@pytest.mark.parametrize(
    ("text", "says"),
    [("rmb", "write CNY"), ("元", "write CNY"), ("eur", "write EUR"), ("BTC", "ISO 4217")],
)
def test_advice(text: str, says: str) -> None:
    assert says in advise_currency(text)
