"""A control with a maker and a shop, and tests that were made before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from migrated import copy_migrated

from steelyard.control.authenticity.heard import Heard
from steelyard.control.authenticity.record import Record
from steelyard.control.authenticity.schedule import Side, Slot, digest
from steelyard.control.control import Control
from steelyard.control.places import Places
from steelyard.store import measurements
from steelyard.store.measurements import Measurement
from steelyard.weigh.authenticity.probes import Kind, probes

CONFIG = """
weigh_when_idle: false
channels:
  maker: {base_url: "http://maker.example:81/v1", credential: sk-secret-1}
  shop: {base_url: "http://user:pass@shop.example/v1?token=t", credential: sk-secret-2}
offers:
  - {model: m, channel: maker, context: 9000, rates: {input: 1 USD/mtok, output: 2 USD/mtok}}
  - {model: m, channel: shop, context: 9000, rates: {input: 1 CNY/mtok, output: 2 CNY/mtok}}
  - {model: n, channel: shop, context: 9000, rates: {input: 1 CNY/mtok, output: 2 CNY/mtok}}
  - {model: free, channel: shop, context: 9000}
  - {model: off, channel: shop, context: 9000, enabled: false,
     rates: {input: 1 CNY/mtok, output: 1 CNY/mtok}}
  - {model: draws, channel: shop, context: 9000, features: [image_generation],
     rates: {input: 1 CNY/mtok, output: 1 CNY/mtok}}
"""
BEGAN_NS = 1_773_144_000 * 10**9
OPEN = [probe for probe in probes() if probe.kind is Kind.OPEN][:10]
Add = Callable[..., Measurement]


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    (tmp_path / "steelyard.yaml").write_text(CONFIG)
    copy_migrated(tmp_path, has_prices=True)
    made = Control(Places(tmp_path, tmp_path, 1), {})
    made.prepare()
    yield made
    made.close()


def bought(offer: str) -> dict[str, str]:
    channel, _, model = offer.partition("/")
    names = {"offer": offer, "model": model, "channel": channel, "vendor": channel}
    return {**names, "upstream_model": model}


def make_record(folder: Path, offer: str = "shop/m", word: str = "cat") -> Record:
    """The closed record of a test against the maker: few answers, all the same."""
    path = folder / f"{offer.replace('/', '-')}.jsonl"
    head = {
        **{"suspect": bought(offer), "reference": bought("maker/m"), "error": "1/100"},
        **{"probes": digest(probes()), "sampling": {"temperature": 1}, "calls": 300},
        **{"began_ns": BEGAN_NS, "seed": 5},
    }
    with Record(path) as record:
        record.begin(head)
        for number, probe in enumerate(OPEN):
            for side in (Side.SUSPECT, Side.REFERENCE):
                slot = Slot(side, probe.id, 0)
                record.send(slot, 10)
                text = word if side == Side.SUSPECT else "cat"
                call_id = f"c-1-{number:x}"
                heard = Heard(text, "stop", 5, 1, model="m-1", call_id=call_id, cost_pico=2)
                record.hear(slot, heard)
        lost = Slot(Side.SUSPECT, OPEN[0].id, 1)
        record.send(lost, 10)
        record.hear(lost, Heard(error="HTTP 500"))
    return record


@pytest.fixture
def add(control: Control) -> Add:
    """Writes a test's measurement down."""

    def write(
        offer: str = "shop/m", state: str = "genuine", at_ns: int = BEGAN_NS + 1, **body: Any
    ) -> Measurement:
        told = {
            **{"why": "as was seen", "error": "1/100", "findings": [], "hints": []},
            **{"n_suspect": 10, "n_reference": 10, "swapped_at_least": 0.0, "calls": 11},
            **{"calls_reference": 10, "lost": 1, "stopped": "", "cost_pico": "40"},
            **{"currency": "CNY", "answered": {}, "lags": [], "alike": [], "sha256": ""},
            **{"bought": bought(offer), "reference": bought("maker/m"), "began_ns": BEGAN_NS},
            "record": f"{offer.replace('/', '-')}.jsonl",
        }
        found = Measurement("authenticity", offer, at_ns, state, {**told, **body})
        with control.database.write() as connection:
            return found._replace(number=measurements.add(connection, found))

    return write
