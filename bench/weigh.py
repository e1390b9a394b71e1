"""Measures weighing; `make bench-weigh` runs it and writes `results/weigh.json`.

- `race`: 2,000 simulated weighings from real outcomes (`bench/weigh_race.py`)
- `harness`: 10,000 items through the gateway (`bench/harness.py`)
- `authenticity`: honest and other resellers from a pool of answers (`bench/authenticity.py`)
- `supply`: hidden limits and slowness (`bench/supply.py`)
- `drift`: standing samples (`bench/drift.py`)

`--only NAME` runs some of them; the figures of the others stay as they were measured before.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from bench import authenticity, drift, harness, results, supply, weigh_race

Measured = tuple[Mapping[str, float], Mapping[str, object]]
PARTS: dict[str, Callable[[], Measured]] = {
    "harness": harness.measure,
    "race": weigh_race.measure,
    "authenticity": authenticity.measure,
    "supply": supply.measure,
    "drift": drift.measure,
}
"""The one that measures time goes first, while nothing else has warmed the machine up."""


def main() -> int:
    """Measure, write and show the results; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, default=[])
    names = parser.parse_args().only or list(PARTS)
    figures, meta = _known() if len(names) < len(PARTS) else ({}, {})
    measured: dict[str, float] = {}
    for name in names:
        found, about = PARTS[name]()
        measured |= found
        at = datetime.now(UTC).isoformat(timespec="seconds")
        meta[name] = {**about, "measured_at": at}
    results.write("weigh", {**figures, **measured}, meta)
    return 0 if results.show("Weighing", results.WEIGH, measured) else 1


def _known() -> tuple[dict[str, float], dict[str, object]]:
    """Figures and meta of the parts that were measured before."""
    path = results.FOLDER / "weigh.json"
    if not path.exists():
        return {}, {}
    found = json.loads(path.read_text("utf-8"))
    meta = found.pop("meta")
    return found, {name: meta[name] for name in PARTS if name in meta}


if __name__ == "__main__":
    sys.exit(main())
