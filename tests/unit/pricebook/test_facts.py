from __future__ import annotations

import json
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from steelyard.domain.listings import Fact, Listing
from steelyard.pricebook import shipped
from steelyard.pricebook.contracts import Contract
from steelyard.pricebook.facts import parse
from steelyard.pricebook.limits import Amount, bounds, duration_text
from steelyard.pricebook.market import Market

ENTRY = """
facts:
  - vendor: Maker
    models: [one, two]
    from: 2024-05-21
    to: 2024-06-01
    limit: {rpm: 500, tpm: 200000, holder: account}
    note: after a cut
    source: a page
"""


def least(vendor: str, model: str, day: str, tokens: int) -> str:
    """How long so many tokens take under the shipped limits of a day."""
    facts = parse(shipped.read("facts.yaml")).facts
    at = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
    held = Market((), facts).facts_of(Listing(vendor, "official", model, "CNY"), at)
    seconds = bounds(held, Amount(tokens, 1))[0].least_s
    assert seconds is not None
    return duration_text(seconds)


def test_what_is_shipped_is_sound_and_dated() -> None:
    parsed = parse(shipped.read("facts.yaml"))
    assert parsed.findings == ()
    assert len(parsed.facts) > 20
    assert all(fact.source for fact in parsed.facts)


def test_ten_billion_tokens_take_their_time_for_nothing() -> None:
    assert least("Baidu", "ernie-speed-8k", "2024-05-22", 10**10) == "34.7 days"
    assert least("ByteDance", "doubao-pro-32k", "2024-05-15", 10**10) == "8.7 days"
    assert least("Baidu", "ernie-speed-8k", "2024-05-01", 10**10) == "8.7 days"


def test_an_entry_makes_a_fact_of_each_model_and_days_begin_in_china() -> None:
    parsed = parse(ENTRY.encode())
    assert parsed.is_sound
    assert parsed.facts[0] == Fact(
        "limit",
        "Maker",
        "one",
        datetime(2024, 5, 20, 16, tzinfo=UTC),
        datetime(2024, 5, 31, 16, tzinfo=UTC),
        {"rpm": 500, "tpm": 200000, "holder": "account", "note": "after a cut"},
        "a page",
    )
    assert [fact.model for fact in parsed.facts] == ["one", "two"]


def test_promises_allowances_and_contracts_are_facts_too() -> None:
    text = """
facts:
  - {vendor: V, from: 2024-05-22, zone: UTC, promise: free for ever, source: a page}
  - vendor: V
    from: 2024-05-22
    allowance: {unit: requests, amount: 1000, per: day, holder: key}
    source: a page
  - vendor: V
    channel: reseller
    from: 2024-05-22
    contract:
      {name: frame, currency: CNY, discount: "0.15", renews: 2027-01-01,
       fees: [{amount: "60000", from: 2026-01-01}]}
    source: signed
"""
    promise, allowance, contract = parse(text.encode()).facts
    assert promise.body == {"text": "free for ever"} and promise.model == ""
    assert allowance.body["holder"] == "key"
    assert (contract.kind, contract.channel) == ("contract", "reseller")
    assert json.loads(json.dumps(contract.body)) == contract.body
    terms = Contract.from_plain(contract.body)
    assert terms.renews_at == datetime(2027, 1, 1, tzinfo=UTC) and len(terms.fees) == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tpm: 200000", "tpm: 2e5", "whole number"),
        ("tpm: 200000", "tpn: 200000", "unknown tpn"),
        ("rpm: 500, tpm: 200000, ", "", "bounds one of"),
        ("limit:", "limits:", "exactly one"),
        ("    source: a page\n", "", "source is missing"),
        ("to: 2024-06-01", "to: 2024-05-01", "ends after"),
        ("from: 2024-05-21", "from: soon", "a day is written"),
        ("note:", "zone: Moon/Sea\n    note:", "no time zone"),
        ("note:", "remark:", "unknown remark"),
        ("holder: account", "holder: team", "holder is one of"),
        ("note:", "channel: friend\n    note:", "a channel is"),
        ("limit: {rpm: 500, tpm: 200000, holder: account}", "limit: [1]", "has fields"),
        ("limit: {rpm: 500, tpm: 200000, holder: account}", "promise: ''", "its text"),
        (
            "limit: {rpm: 500, tpm: 200000, holder: account}",
            "allowance: {unit: tokens, amount: 5, per: week}",
            "an allowance has",
        ),
        (
            "limit: {rpm: 500, tpm: 200000, holder: account}",
            "contract: {name: x}",
            "a name and a currency",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_nothing_is_taken(
    old: str, new: str, message: str
) -> None:
    good = "\n  - {vendor: V, from: 2024-05-22, promise: cheap, source: a page}\n"
    parsed = parse(ENTRY.replace("facts:", "facts:" + good).replace(old, new).encode())
    assert parsed.facts == () and not parsed.is_sound
    assert [finding.line for finding in parsed.findings] == [5]
    assert message in parsed.findings[0].message


def test_a_hostile_file_is_a_finding_and_takes_neither_memory_nor_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    laughs = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    texts = [
        "a0: &a0 ha\n" + laughs + "facts: [{vendor: V, from: *a9, source: p, limit: {rpm: 1}}]",
        "facts: " + "[" * 5000,
        "facts: [{vendor: V, from: 2026-13-41, source: p, limit: {rpm: 1}}]",
        f"facts: [{{vendor: V, from: 2026-01-01, source: p, limit: {{rpm: {'9' * 5000}}}}}]",
        "facts: [{vendor: V, from: 9999-12-31, source: p, limit: {rpm: 1}}]",
        "facts: [{vendor: V, from: 0001-01-01, source: p, limit: {rpm: 1}}]",
        "facts: [1]\nfacts: [2, 3]",
    ]
    for text in texts:
        parsed = parse(text.encode())
        assert parsed.facts == () and parsed.findings[0].is_error
        assert len(parsed.findings[0].message) < 500
    monkeypatch.setattr("steelyard.pricebook.facts.BYTES_MAX", 10)
    assert "larger than" in parse(ENTRY.encode()).findings[0].message


def test_what_is_no_list_of_facts_is_told() -> None:
    for text in ("facts: [", "facts: 3", "- 1", "facts: [1]", ""):
        assert not parse(text.encode()).is_sound
    assert not parse(b"\xff\xfe\x00").is_sound


def test_a_day_of_so_many_tokens_is_exact() -> None:
    fact = parse(ENTRY.encode()).facts[0]
    found = bounds([fact], Amount(10**10, 1))
    assert found[0].least_s == Fraction(50_000 * 60)
