"""Measures weighing; `make bench-weigh` runs it and writes `results/weigh.json`.

- `race`: 2,000 simulated weighings from real outcomes (`bench/weigh_race.py`)
- `harness`: 10,000 items through the gateway (`bench/harness.py`)
- `authenticity`: honest and other resellers from a pool of answers (`bench/authenticity.py`)
- `supply`: hidden limits and slowness (`bench/supply.py`)
- `drift`: standing samples (`bench/drift.py`)

`--only NAME` runs some of them and shows them without writing.
"""

import argparse
import sys
from collections.abc import Callable, Mapping

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
    only = parser.parse_args().only
    figures: dict[str, float] = {}
    meta: dict[str, object] = {}
    for name in only or PARTS:
        found, about = PARTS[name]()
        figures |= found
        meta[name] = dict(about)
    if not only:
        results.write("weigh", figures, meta)
    return 0 if results.show("Weighing", results.WEIGH, figures) else 1


if __name__ == "__main__":
    sys.exit(main())
