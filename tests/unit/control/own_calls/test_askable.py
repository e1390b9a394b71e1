"""Offers that can be asked, and what a question costs at most."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from steelyard.control.own_calls.askable import Askable, askable, most_pico
from steelyard.domain.errors import ConfigError
from steelyard.gateway.bounds import IMAGE_TOKENS_MAX, MESSAGE_TOKENS_MAX
from steelyard.pricebook.book import flat
from steelyard.store.database import Database

CONFIG = """
channels:
  shop: {base_url: "http://shop.example/v1", credential: sk-secret-1}
offers:
  - {model: m, channel: shop, context: 9000, rates: {input: 1 CNY/mtok, output: 2 CNY/mtok}}
  - {model: free, channel: shop, context: 9000}
  - {model: off, channel: shop, context: 9000, enabled: false,
     rates: {input: 1 CNY/mtok, output: 1 CNY/mtok}}
  - {model: draws, channel: shop, context: 9000, features: [image_generation],
     rates: {input: 1 CNY/mtok, output: 1 CNY/mtok}}
"""
PERIOD = flat((0, 2**62), (2, 3, 2, 2, 2, 0), ("r1",))
"""2 for a token in, 3 for one out, pico-units."""


@pytest.fixture
def find(database: Database, put: Callable[..., list[str]]) -> Callable[[str], Askable]:
    put(CONFIG)

    def found(name: str) -> Askable:
        with database.read() as connection:
            return askable(connection, name, time.time_ns())

    return found


def test_an_offer_is_found_with_its_price_and_where_it_is_bought(
    find: Callable[[str], Askable],
) -> None:
    found = find("shop/m")
    assert (found.entry.currency, found.is_here) == ("CNY", False)
    assert most_pico(found.period, request("hi", max_tokens=1)) > 10**6  # 1 CNY/mtok, pico-units
    assert found.bought() == {
        **{"offer": "shop/m", "model": "m", "channel": "shop"},
        **{"vendor": found.channel.vendor, "upstream_model": "m"},
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shop/drawers", "No offer 'shop/drawers'; did you mean 'shop/draws'"),
        ("x", "No offer 'x'; steelyard offers lists them"),
        ("shop/off", "is disabled"),
        ("shop/draws", "takes no chats"),
        ("shop/free", "has no price"),
    ],
)
def test_who_cannot_be_asked_is_refused(
    find: Callable[[str], Askable], name: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        find(name)


def request(content: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}], **more}


def test_every_byte_may_be_a_token_and_every_choice_as_long_as_it_may() -> None:
    short, long = (most_pico(PERIOD, request("x" * n, max_tokens=7)) for n in (1, 51))
    assert long - short == 2 * 50
    assert short > 2 * MESSAGE_TOKENS_MAX + 3 * 7
    thrice = most_pico(PERIOD, request("x", max_tokens=7, n=3))
    assert thrice - short == 3 * 14 + 2 * len(', "n": 3')
    assert most_pico(PERIOD, {**request("x", max_tokens=7), "model": "m"}) == short


def test_an_image_costs_the_most_that_any_may_unless_its_size_is_known() -> None:
    image = request([{"type": "image_url", "image_url": {"url": "https://e.com/a.png"}}])
    known = most_pico(PERIOD, image, 100)
    assert most_pico(PERIOD, image) - known == 2 * (IMAGE_TOKENS_MAX - 100)
