"""A judged weighing of a real steelyard: the judge is held, and told when it says nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from steelyard.testing.replies import Answer
from steelyard.testing.system import System
from steelyard.testing.upstream import ScriptedVendor, Settings

CONFIG = """
weigh_when_idle: false
channels:
  shop: {{base_url: "{shop}"}}
  court: {{base_url: "{court}"}}
offers:
  - {{model: qwen-max, channel: shop, context: 32768, output_max: 64,
     rates: {{input: 3 CNY/mtok, output: 3 CNY/mtok}}}}
  - {{model: gpt-4o, channel: court, context: 32768, output_max: 2048,
     features: [stream, json_schema], rates: {{input: 3 CNY/mtok, output: 3 CNY/mtok}}}}
tasks:
  copy: {{set: copy.jsonl, grader: judge, grader_parameters: {{judge: court/gpt-4o}}, floor: 0.4,
     form: {{id: plain, output_tokens_max: 16}}}}
"""
ALWAYS_FIRST = '{"reasons": "[[B]] is no better.", "opinion": "[[A]]"}'


@contextmanager
def vendors(*words: str) -> Iterator[list[ScriptedVendor]]:
    """Vendors on a loop of their own, each with its one answer."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made = [ScriptedVendor(Settings(answer=Answer(parts=(text,)))) for text in words]
    with ExitStack() as stack:
        stack.callback(loop.close)
        stack.callback(thread.join, 5)
        stack.callback(loop.call_soon_threadsafe, loop.stop)
        for vendor in made:
            asyncio.run_coroutine_threadsafe(vendor.start(), loop).result(30)
            stack.callback(
                lambda one=vendor: asyncio.run_coroutine_threadsafe(one.stop(), loop).result(30)
            )
        yield made


def steelyard(system: System, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "steelyard", *words]
    environment = {**system._environment, "COLUMNS": "400"}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def weighed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[System, ScriptedVendor]]:
    folder = tmp_path_factory.mktemp("judged")
    with vendors("mine", ALWAYS_FIRST) as (shop, court), ExitStack() as stack:
        config = CONFIG.format(shop=shop.base_url, court=court.base_url)
        system = System(folder, config, {})
        rows = ({"id": f"i{n}", "input": f"Item {n}?", "reference": "yours"} for n in range(40))
        (system.home / "copy.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        stack.callback(system.stop)
        system.start(workers=1)
        system.until_up(workers=1)
        yield system, court


def test_a_judge_that_says_nothing_is_held_heard_and_proves_nothing(
    weighed: tuple[System, ScriptedVendor],
) -> None:
    system, court = weighed
    done = steelyard(system, "weigh", "copy", "--offer", "shop/qwen-max", "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    (row,), (verdict,) = found["weighings"], found["verdicts"]
    asked = [json.loads(each.body)["response_format"] for each in list(court.received)]
    assert {one["type"] for one in asked} == {"json_schema"}
    assert len(asked) == 2 * row["judge"]["pairs"]
    # Asked freely, its reasons and its opinion would have contradicted each other: nonsense.
    assert row["judge"]["unscored"] == 0 and not row["judge"]["is_reading"]
    assert row["judge"]["first_favoured"]["count"] == row["judge"]["pairs"]
    assert "nothing shows so far that the judge reads" in row["detail"]
    # All ties: at this floor they alone would have proven the offer.
    assert (verdict["quality"], verdict["status"]) == (0.5, "not_proven")
    assert (verdict["cause"], float(verdict["upper"])) == ("judge", 1)
    shown = steelyard(system, "verdicts", "--task", "copy").stdout
    assert "nothing shows that its judge reads" in " ".join(shown.split())
