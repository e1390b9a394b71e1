"""Evidence is judged again by whoever reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh.authenticity.evidence import answer_of, answer_row, differences, recompute
from steelyard.weigh.authenticity.probes import ProbeAnswer
from weigh.authenticity.evidence_rig import document


def read(changed: dict[str, Any]) -> dict[str, Any]:
    """As it is after it was written to a file and read."""
    told: dict[str, Any] = json.loads(json.dumps(changed))
    return told


def test_what_was_written_and_read_gives_the_same_verdict() -> None:
    for is_swapped in (True, False):
        assert differences(read(document(is_swapped=is_swapped))) == []
    assert document()["verdict"]["state"] == "not_genuine"


def test_changed_answers_or_verdicts_are_found_out() -> None:
    forged = read(document())
    forged["answers"]["suspect"] = forged["answers"]["reference"]
    assert any(
        line.startswith("verdict.state: not_genuine is told") for line in differences(forged)
    )
    forged = read(document(is_swapped=False))
    forged["verdict"]["findings"][0]["p_value"] = 1e-9
    assert [line.partition(":")[0] for line in differences(forged)] == [
        "verdict.findings.0.p_value"
    ]


def test_a_question_that_was_another_one_is_found_out() -> None:
    forged = read(document())
    forged["probes"][0]["prompt"] = "What is 1 + 1?"
    forged["probes"][1]["id"] = "no-such-probe"
    found = differences(forged)
    assert len(found) == 2 and "open-en-" in found[0]


def test_what_other_machines_round_otherwise_is_no_difference() -> None:
    told = read(document())
    finding = next(f for f in told["verdict"]["findings"] if f["p_value"])
    finding["p_value"] *= 1 + 1e-9
    assert differences(told) == []


@pytest.mark.parametrize(
    "change",
    [
        {"format": "another"},
        {"version": 99},
        {"answers": {}},
        {"answers": {"reference": [{}], "suspect": []}},
        {"method": {"error": "x", "seed": 1}},
        {"method": {"error": "2", "seed": 1}},
    ],
)
def test_what_is_no_evidence_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        recompute({**document(), **change})


def test_an_answer_comes_back_as_it_was() -> None:
    answer = ProbeAnswer("open-en-00", "a", "stop", 1, 2, 0.25, 1.5, (("a", -0.5),))
    row = read(answer_row(answer))
    assert answer_of(row) == answer
    assert answer_of({**row, "call_id": "c-1-1", "logprobs": None}).logprobs is None
