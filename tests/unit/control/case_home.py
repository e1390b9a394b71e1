"""A state folder with a weighed task of one's own: its set, its run files, its control."""

from __future__ import annotations

import json
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

from migrated import copy_migrated
from weigh.cases.case_rig import mood, record, right

from steelyard.control.configuration import taskbook
from steelyard.control.control import Control
from steelyard.control.places import Places
from steelyard.domain.tasks import Grade
from steelyard.weigh.runfile import Record, RunFile

CONFIG = """
weigh_when_idle: false
channels: {shop: {base_url: "http://x/v1"}}
offers:
  - {model: one, channel: shop, context: 9, rates: {input: 1 CNY/mtok, output: 1 CNY/mtok}}
  - {model: two, channel: shop, context: 9, rates: {input: 1 CNY/mtok, output: 1 CNY/mtok}}
tasks:
  mood: {set: mood.jsonl, grader: label, floor: 0.6, form: {id: plain}}
"""
ONE, TWO = "shop/one", "shop/two"
SECRET = "the-question-nobody-may-log"


def no(sample: str, offer: str = ONE) -> Record:
    grade = Grade(Fraction(0), "the reference is yes", "no")
    return record(sample, offer, grade=grade, answer=f"no, {SECRET}")


def make_home(home: Path) -> Control:
    """Item a is failed by both, b by one, c by none."""
    (home / "steelyard.yaml").write_text(CONFIG)
    rows = [mood(f"item-{name}", f"Is {name} so? {SECRET}") for name in "abc"]
    (home / "mood.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    copy_migrated(home, has_prices=True)
    control = Control(Places(home, home, 8080), {})
    control.prepare()
    write_runs(
        control,
        "mood-idle-0123456789abcdef.jsonl",
        *(no("item-a"), no("item-a", TWO), no("item-b"), right("item-b", TWO)),
        *(right("item-c"), right("item-c", TWO)),
    )
    return control


def write_runs(control: Control, name: str, *records: Record) -> Path:
    """A run file of records in the form that counts today, a second later each time."""
    assert control.config is not None
    digest = taskbook.digests(taskbook.tasks(control.config)["mood"])[0]
    folder = control.places.home / "weighings"
    later = timedelta(seconds=len(list(folder.glob("*")))) if folder.exists() else timedelta()
    with RunFile(folder / name) as file:
        for one in records:
            file.append(
                Record(
                    *(one.offer, digest, one.sample, one.grade, one.finished_at + later),
                    answer=one.answer,
                    cost_pico=one.cost_pico,
                    currency=one.currency,
                )
            )
    return folder / name
