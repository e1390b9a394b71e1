from __future__ import annotations

from collections.abc import Callable
from typing import Any

from steelyard.control.proofs import measured
from steelyard.store import probes, revisions
from steelyard.store.database import Database

BODY = {"channel": "shop", "upstream_model": "chat", "features": ["stream", "tools"]}
PROBE = probes.Probe("shop/m", "shop", "chat", 5, {"has": ["images"], "lacks": ["tools"]})
CONFIG = """
channels: {shop: {base_url: "http://x/v1"}}
offers:
  - {model: m, channel: shop, upstream_model: chat, context: 9, features: [stream, tools]}
  - {model: n, channel: shop, context: 9}
"""


def test_measured_features_take_the_place_of_the_presets() -> None:
    found = measured.laid_over(BODY, PROBE)
    assert found["features"] == ["images", "stream"] and found["measured_at_ns"] == 5
    assert measured.laid_over(BODY, None) is BODY


def test_what_was_measured_elsewhere_says_nothing() -> None:
    for change in ({"channel": "other"}, {"upstream_model": "x"}, {"features_by": "file"}):
        body = {**BODY, **change}
        assert measured.laid_over(body, PROBE) is body


def test_all_offers_with_what_was_measured(database: Database, put: Callable[..., Any]) -> None:
    put(CONFIG)
    with database.write() as tx:
        before = measured.offers(tx)
        number = probes.add(tx, PROBE)
        found = probes.find(tx, number)
        assert found is not None
        probes.apply(tx, revisions.begin(tx, 1, "admin", "a test"), found)
        after = measured.offers(tx)
    assert after["shop/n"] == before["shop/n"]
    # Without the file's own word on the offer it is the measured that holds.
    if after["shop/m"].body.get("features_by") != "file":
        assert after["shop/m"].body["features"] == ["images", "stream"]
