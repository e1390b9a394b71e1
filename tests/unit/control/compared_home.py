"""A state folder with sixty items, two offers that answered all, and one verdict on each."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from weigh.cases.case_rig import mood, right

from control.case_home import CONFIG, TWO, make_home, no, write_runs
from steelyard.control.configuration import taskbook
from steelyard.control.control import Control
from steelyard.domain.tasks import Verdict
from steelyard.store import proofs

JUDGED = """
  taste: {set: mood.jsonl, grader: {name: judge, judge: shop/one}, floor: 0.6, form: {id: plain}}
"""
NAMES = [f"item-{number}" for number in range(60)]


def make_compared(home: Path) -> Control:
    """ONE is right on every other item, TWO on all; both answered an older set, too."""
    control = make_home(home)
    (home / "mood.jsonl").write_text(
        "".join(json.dumps(mood(name, f"Is {name} so?")) + "\n" for name in NAMES)
    )
    (home / "steelyard.yaml").write_text(CONFIG + JUDGED)
    asyncio.run(control.read_config())
    return control


def write_answers(control: Control) -> Path:
    ones = (right(name) if at % 2 else no(name) for at, name in enumerate(NAMES))
    twos = (right(name, TWO) for name in NAMES)
    return write_runs(control, "mood-18ea4760483163a0.jsonl", *ones, *twos)


def give_verdict(control: Control, offer: str, lower: str, cost_pico: int) -> None:
    """What a weighing came to: of a hundred items seventy right."""
    assert control.config is not None
    digest = taskbook.digests(taskbook.tasks(control.config)["mood"])[0]
    verdict = Verdict(
        **{"task": "mood", "offer": offer, "form_digest": digest, "floor": Decimal("0.6")},
        **{"total": Fraction(70), "n": 100, "n_unscored": 0, "confidence": Decimal("0.95")},
        **{"lower": Decimal(lower), "upper": Decimal("0.99"), "cost_pico": cost_pico},
        **{"currency": "CNY", "time_s": 1.0, "model_answered": "m-1"},
        decided_at=datetime.now(UTC),
        cost_lower_pico=0,
    )
    with control.database.write() as tx:
        proofs.add_verdict(tx, verdict)
