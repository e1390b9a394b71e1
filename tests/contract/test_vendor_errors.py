"""Every row of every vendor's error table, held to an answer of that vendor's shape.

``tests/fixtures/vendors/<vendor>/errors.json`` lists answers in the vendor's own shape and what
they mean. A row without one is a row nobody has tried; a vendor whose codes are not known is held
to what its statuses mean.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.config.model import Channel
from steelyard.config.presets import packaged_vendors
from steelyard.config.vendor import Vendor
from steelyard.control.configuration.channels import channel_body, channel_entry
from steelyard.dialects.base import Refusal
from steelyard.dialects.error_table import MEANINGS, NO_ERRORS, ErrorTable, alarm
from steelyard.dialects.refusals import listed, refusal, refusal_in_200

FIXTURES = Path(__file__).parents[1] / "fixtures" / "vendors"
CODES = {
    "rate_limited": "upstream_rate_limited",
    "out_of_money": "upstream_out_of_money",
    "overloaded": "upstream_unavailable",
    "bad_request": "rejected_by_vendor",
    "too_long": "context_length_exceeded",
    "filtered": "content_filter",
    "credential": "upstream_credential_rejected",
    "not_found": "upstream_rejected",
    "vendor_fault": "upstream_error",
}
"""What the client sees, which never changes with the vendor."""


def table_of(name: str) -> ErrorTable:
    """The table as a worker has it, after preset, database and snapshot."""
    body = channel_body(Channel(vendor=name), packaged_vendors())
    return channel_entry("c", json.loads(json.dumps(body))).errors or NO_ERRORS


def cases_of(name: str) -> list[dict[str, Any]]:
    file = FIXTURES / name / "errors.json"
    found: list[dict[str, Any]] = json.loads(file.read_text("utf-8")) if file.exists() else []
    return found


def judged(case: dict[str, Any], table: ErrorTable) -> Refusal | None:
    """What the gateway makes of an answer."""
    headers = {name.encode(): value.encode() for name, value in case["headers"].items()}
    body = json.dumps(case["body"], ensure_ascii=False).encode()
    if case["status"] != 200:
        return refusal(case["status"], headers, body, table)
    sign = alarm(table)
    assert sign is not None and sign.search(body), "nobody would look into this answer"
    return refusal_in_200(headers, body, table)


VENDORS = sorted(packaged_vendors().items())
CASES = [(name, at, case) for name, _ in VENDORS for at, case in enumerate(cases_of(name))]


def test_every_meaning_has_a_stable_code() -> None:
    assert set(CODES) == set(MEANINGS)


@pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name, _, case in CASES],
    ids=[f"{name}-{at}-{case['means']}" for name, at, case in CASES],
)
def test_an_error_means_what_the_vendor_means(name: str, case: dict[str, Any]) -> None:
    found = judged(case, table_of(name))
    assert found is not None
    assert found.error.code == CODES[case["means"]]
    if "wait_s" in case:
        assert found.error.retry_after_s == case["wait_s"]
    assert "sk-secret" not in found.error.message
    if case["means"] != "vendor_fault" or case["status"] in (200, 500):
        is_callers = case["means"] in ("bad_request", "too_long", "filtered")
        assert found.tries_others is not is_callers
    assert found.is_free is (case["means"] != "vendor_fault")


@pytest.mark.parametrize(("name", "vendor"), VENDORS, ids=[name for name, _ in VENDORS])
def test_every_row_is_the_first_that_fits_some_answer(name: str, vendor: Vendor) -> None:
    table = table_of(name)
    tried = set()
    for case in cases_of(name):
        for count in range(1, len(table.rows) + 1):
            some = ErrorTable(table.rows[:count], table.in_200)
            headers = {n.encode(): v.encode() for n, v in case["headers"].items()}
            if listed(case["status"], headers, json.dumps(case["body"]).encode(), some):
                tried.add(count - 1)
                assert table.rows[count - 1].means == case["means"]
                break
    missing = [table.rows[at] for at in range(len(table.rows)) if at not in tried]
    assert not missing
    assert len(table.rows) == len(vendor.errors)


def test_no_fixture_is_a_strangers() -> None:
    folders = {folder.name for folder in FIXTURES.iterdir() if folder.is_dir()}
    assert folders == {name for name, one in VENDORS if one.kind != "embedded"}
    assert all(cases_of(name) for name in folders)


def test_balances_are_found_wherever_vendors_hide_them() -> None:
    empty = {case["status"] for _, _, case in CASES if case["means"] == "out_of_money"}
    assert empty >= {200, 400, 402, 403, 429}


def test_the_same_code_means_money_at_one_vendor_and_a_minute_at_another() -> None:
    body = {"error": {"code": "insufficient_quota", "message": "m"}}
    case = {"status": 429, "headers": {}, "body": body}
    here, there = (judged(case, table_of(name)) for name in ("dashscope", "openai"))
    assert here is not None and here.error.code == "upstream_rate_limited"
    assert there is not None and there.error.code == "upstream_out_of_money"
