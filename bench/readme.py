"""Writes the measured figures into both READMEs, between their markers, missed ones marked."""

import json
import math
import sys
from pathlib import Path

from bench.results import DATA_PLANE, FOLDER, LOCAL, PEERS, PRICES, VENDORS, WEIGH, Target

ROOT = Path(__file__).parents[1]
BEGIN = "<!-- figures: from bench/results -->"
END = "<!-- figures end -->"
HEADS = {
    "README.md": "| figure | what | measured | must | aim |",
    "README.zh-CN.md": "| 指标 | 含义 | 实测 | 必须 | 目标 |",
}


def table(head: str) -> str:
    """Return the table of all figures that were measured; a missed must is bold."""
    rows = [head, "| --- | --- | ---: | ---: | ---: |"]
    for name, targets in (
        ("data-plane", DATA_PLANE),
        ("peers", PEERS),
        ("prices", PRICES),
        ("vendors", VENDORS),
        ("weigh", WEIGH),
        ("local-models", LOCAL),
    ):
        path = FOLDER / f"{name}.json"
        if path.exists():
            found = json.loads(path.read_text("utf-8"))
            rows += [_row(target, found[target.name]) for target in targets if target.name in found]
    return "\n".join(rows)


def filled(text: str, head: str) -> str:
    """Return a README with the table between its markers."""
    before, begin, rest = text.partition(BEGIN)
    if not begin:
        raise SystemExit(f"a README lacks the marker {BEGIN}")
    _, end, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table(head)}\n\n{END}{after if end else rest}"


def main() -> None:
    """Write both READMEs anew, or with `--check` only say whether they are up to date."""
    for name, head in HEADS.items():
        path = ROOT / name
        old = path.read_text("utf-8")
        new = filled(old, head)
        if "--check" in sys.argv and new != old:
            raise SystemExit(f"{name} does not show bench/results: run python -m bench.readme")
        path.write_text(new, "utf-8")


def _row(target: Target, value: float) -> str:
    shown = f"{value:.4g}"
    if not target.reaches(value, target.must):
        shown = f"**{shown}** (missed)"
    limits = [
        f"{target.sign()} {limit:g}" if math.isfinite(limit) else "–"
        for limit in (target.must, target.aim)
    ]
    return f"| `{target.name}` | {target.what} | {shown} | {limits[0]} | {limits[1]} |"


if __name__ == "__main__":
    main()
