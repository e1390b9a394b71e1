"""The small model as ``serve`` runs it: real answers, plain and streamed, and what they cost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from newcomer_rig import Place, chat, until

MODEL = "smollm2-135m-instruct"
CONFIG = f"""
listen: 127.0.0.1:0
demo_key: true
weigh_when_idle: false
workers: 1
local:
  price_per_cpu_hour: 0.30 CNY
  models:
    {MODEL}: {{threads: 1, slots: 1}}
accounts:
  demo: {{}}
"""


@pytest.mark.models
def test_small_model_answers_and_is_booked(tmp_path: Path) -> None:
    place = Place(tmp_path)
    # The model is fetched once for this machine, not once for each test.
    place.environment.pop("STEELYARD_CACHE")
    if cache := os.environ.get("STEELYARD_CACHE"):
        place.environment["STEELYARD_CACHE"] = cache
    (place.home / "steelyard.yaml").write_text(CONFIG)
    with place.serving():
        plain = chat(place, model=MODEL, temperature=0, max_tokens=20)
        assert "Paris" in plain.choices[0].message.content
        events = chat(place, model=MODEL, temperature=0, max_tokens=20, stream=True)
        text = "".join(e.choices[0].delta.content or "" for e in events if e.choices)
        assert text == plain.choices[0].message.content
        until(lambda: [row["attempts"] for row in place.json("ledger")] == [2])
        streamed, booked = place.json("ledger", "--lines")
    assert booked["outcome"] == streamed["outcome"] == "completed"
    assert booked["usage_source"] == streamed["usage_source"] == "reported"
    assert booked["output_tokens"] == plain.usage.completion_tokens
    assert booked["input_tokens"] == streamed["input_tokens"] == plain.usage.prompt_tokens
    assert int(booked["cost_pico"]) > 0 and booked["currency"] == "CNY"
