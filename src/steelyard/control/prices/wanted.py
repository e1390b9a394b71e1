"""Money that somebody names as the most that calls may cost: read strictly, for it will be paid.

Asked by whatever buys on demand: weighings, tests, measurements and probes.
"""

from __future__ import annotations

import re

from steelyard.config.amounts import read_money
from steelyard.domain.errors import ConfigError
from steelyard.domain.money import Money
from steelyard.pricebook.sources.currencies import CURRENCIES, OFTEN_WRITTEN, advise_currency

_BESIDE_CURRENCY = re.compile(r"[\d.,\s+\u2212-]")
"""What stands beside the currency in an amount."""


def wanted_money(text: str, key: str = "money") -> Money:
    """The money that somebody named for calls, more than nothing of a currency that there is.

    Args:
        text: as it was written, such as ``5 CNY``.
        key: what it was asked for as; a refusal begins with it.

    Raises:
        ConfigError: it is no such amount; says what to write.
    """
    written = _BESIDE_CURRENCY.sub("", text)
    meant = OFTEN_WRITTEN.get(written.upper(), written.upper())
    if meant in CURRENCIES and written != meant:
        raise ConfigError(f"{key}: {advise_currency(written)}, such as 100 {meant}")
    try:
        money = read_money(text.strip().lstrip("-\u2212"))
    except ValueError as error:
        raise ConfigError(f"{key}: {text!r} is no amount; {error}") from error
    if money.amount_pico <= 0 or text.strip().startswith(("-", "\u2212")):
        raise ConfigError(f"{key}: {text} pays for no call; it must be more than 0")
    if money.currency not in CURRENCIES:
        raise ConfigError(f"{key}: {advise_currency(money.currency)}")
    return money
