"""The how-to is followed to the letter: its made-up vendor comes, is priced, and goes again."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from steelyard.config import presets
from steelyard.config.load import InvalidConfig, load_text
from steelyard.config.presets import packaged_vendors
from steelyard.control.configuration.apply import apply
from steelyard.control.configuration.resolve import RULES
from steelyard.control.prices.book import load_market, offer_rates
from steelyard.control.prices.lists import TAKEN, Order, take
from steelyard.control.snapshot.compile import compile_core
from steelyard.dialects.refusals import refusal
from steelyard.domain.listings import Listing
from steelyard.domain.usage import Usage
from steelyard.gateway.snapshot import Core, decode_offers
from steelyard.pricebook.book import card_of, period_at, price
from steelyard.pricebook.compiling import compile_periods
from steelyard.store import objects
from steelyard.store.database import Database
from steelyard.store.migrate import upgrade

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "add-a-vendor.md"
VENDOR, STEELYARD = re.findall(r"```yaml\n(.*?)```", HOWTO.read_text("utf-8"), re.DOTALL)
(LIST,) = re.findall(r"```csv\n(.*?)```", HOWTO.read_text("utf-8"), re.DOTALL)
OWN = "vendors:\n  example:\n" + textwrap.indent(VENDOR, "    ") + STEELYARD
ENV = {"EXAMPLE_API_KEY": "sk-example"}
LISTING = Listing("Example", "official", "example-large", "CNY")
APRIL, NOVEMBER = (
    int(datetime(2026, month, 21, tzinfo=UTC).timestamp()) * 10**9 for month in (4, 11)
)
USAGE = Usage(input_tokens=1000, cache_read_tokens=400, output_tokens=500)
"""The call that the how-to reckons up."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "control.db")
    upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture(params=["a packaged file", "a section of one's own"])
def text(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """What steelyard.yaml says once the vendor was added in one of the two ways."""
    if request.param == "a section of one's own":
        yield OWN
        return
    folder = tmp_path / "vendors"
    folder.mkdir()
    (folder / "example.yaml").write_text(VENDOR, "utf-8")
    monkeypatch.setattr(presets, "_folder", lambda: folder)
    packaged_vendors.cache_clear()
    yield STEELYARD
    packaged_vendors.cache_clear()


def put(database: Database, text: str, at_ns: int) -> Core:
    apply(database, load_text(text, "steelyard.yaml", ENV, RULES), at_ns)
    with database.read() as connection:
        return compile_core(connection, at_ns)


def cost_millionths(database: Database, at_ns: int) -> int | None:
    """What the call costs at an instant by what the book says, in 10^-6 CNY."""
    with database.read() as connection:
        rates = load_market(connection).of(LISTING)
    period = period_at(compile_periods(rates), at_ns) if rates else None
    card = card_of(period, USAGE) if period else None
    return price(period, card, USAGE) // 10**6 if period and card else None


def test_it_is_added_priced_and_removed_and_old_bills_can_be_recomputed(
    database: Database, text: str
) -> None:
    taken = take(database, Order("example.csv", LIST.encode()), APRIL, "admin")
    assert (taken.state, len(taken.difference.steps)) == (TAKEN, 5)
    core = put(database, text, APRIL)
    channel = core.channels["example"]
    assert channel.base_url == "https://api.models.example/v1"
    assert channel.headers == (("x-example-version", "2"),)
    assert channel.speaks["anthropic_messages"].base_url.endswith("/anthropic/v1")
    assert channel.errors is not None
    empty = b'{"error":{"code":"1113","message":"m"}}'
    assert refusal(429, {}, empty, channel.errors).error.code == "upstream_out_of_money"
    (offer,) = decode_offers(core.models["example-large"])
    assert offer.features == {"stream", "tools", "thinking:type", "reasoning:back"}
    assert core.public_ids == ("example-large",)
    with database.read() as connection:
        (rates,) = offer_rates(connection, objects.current(connection, "offer")).values()
    assert len(rates) == 5
    assert cost_millionths(database, APRIL) == 3_000
    assert cost_millionths(database, NOVEMBER) == 1_544

    core = put(database, "", NOVEMBER)
    assert core.public_ids == ()
    assert "example" not in core.channels
    assert cost_millionths(database, APRIL) == 3_000


def test_without_the_file_its_name_is_a_mistake_with_a_line() -> None:
    with pytest.raises(InvalidConfig, match=r"steelyard\.yaml:2: channels\.example\.vendor"):
        load_text(STEELYARD, "steelyard.yaml", ENV, RULES)
