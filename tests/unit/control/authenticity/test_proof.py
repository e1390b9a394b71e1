"""What is collected for evidence; ledger lines of real calls are integration."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from control.authenticity.conftest import Add, make_record
from steelyard.control.authenticity import keeping, proof, run
from steelyard.control.control import Control
from steelyard.domain.errors import ConfigError, StoreUnavailable


def test_it_says_what_was_bought_asked_and_answered_and_no_secret(
    control: Control, add: Add
) -> None:
    record = make_record(run.folder_of(control), word="dog")
    # Its offers have prices since they were written down, a moment ago.
    number = add(sha256=record.digest(), began_ns=time.time_ns()).number
    found = asyncio.run(proof.document(control, number))
    assert found["bought"]["address"] == "http://shop.example/v1"
    items = {price["item"]: price["amount"] for price in found["bought"]["prices"]}
    assert set(items) == {"input", "output"}
    assert len(found["probes"]) == len(found["answers"]["reference"]) == 10
    suspect = found["answers"]["suspect"]
    assert {row["text"] for row in suspect} == {"dog"} and suspect[0]["call_id"] == "c-1-0"
    assert found["method"]["record_sha256"] == record.digest()
    text = json.dumps(found)
    for secret in ("sk-secret", "pass", "token=t"):
        assert secret not in text, secret


def test_a_record_that_was_changed_is_no_evidence(control: Control, add: Add) -> None:
    record = make_record(run.folder_of(control))
    number = add(sha256=record.digest()).number
    with record.path.open("a") as file:
        file.write('{"sent": ["suspect", "a", 0], "bound_pico": "1"}\n')
    with pytest.raises(ConfigError, match="was changed since"):
        asyncio.run(proof.document(control, number))
    record.path.unlink()
    with pytest.raises(StoreUnavailable):
        asyncio.run(proof.document(control, number))
    with pytest.raises(keeping.NoSuchTest):
        asyncio.run(proof.document(control, 999))
