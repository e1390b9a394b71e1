from __future__ import annotations

import pytest

from pricebook.claims_rig import exchange, market
from steelyard.pricebook.claims import (
    ClaimError,
    Status,
    Verdict,
    differences,
    judge,
    judge_all,
    read_claims,
    unexplained,
)

HEAD = """
listings:
  cut: {vendor: Maker, model: cut, currency: CNY}
  free: {vendor: Maker, model: free, currency: CNY, zone: Asia/Shanghai}
claims:
  - id: one
    published: 2024-05-21
    text: Something was said.
    source: a page
"""
INPUT = "{change_percent: {from: cut input 2024-05-20, to: cut input 2024-05-21}}"
OUTPUT = "{change_percent: {from: cut output 2024-05-20, to: cut output 2024-05-21}}"
DEARER = "{price_of: {price: cut output 2024-05-21}}"


def claim_of(*parts: str, expect: str = "") -> Verdict:
    said = f"    expect: {expect}\n" if expect else ""
    text = HEAD + said + "    parts:\n" + "".join(f"      - {part}\n" for part in parts)
    (claim,) = read_claims(text.encode())
    return judge(claim, market(), exchange)


def part(stated: str, *readings: str) -> str:
    said = f", stated: {stated}" if stated else ""
    return f"{{says: it, readings: [{', '.join(readings)}]{said}}}"


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([part("-98..-97", INPUT)], Status.HOLDS),
        ([part("-97.5", INPUT)], Status.HOLDS),
        ([part("-97.5", INPUT, OUTPUT)], Status.CONDITIONAL),
        ([part("-97.5", INPUT, DEARER)], Status.CONDITIONAL),
        ([part("-97.6", INPUT)], Status.INCONSISTENT),
        ([part("-97.6", INPUT, OUTPUT)], Status.INCONSISTENT),
        ([part("-97.5", OUTPUT)], Status.UNVERIFIABLE),
        ([part("-97.5", INPUT), part("-97.5", OUTPUT)], Status.CONDITIONAL),
        ([part("-97.5", INPUT), part("1", INPUT)], Status.INCONSISTENT),
        ([part("-97.5", INPUT), part("", OUTPUT)], Status.HOLDS),
        ([part("", INPUT)], Status.UNVERIFIABLE),
    ],
)
def test_the_verdict_follows_from_the_parts_by_rule(parts: list[str], status: Status) -> None:
    assert claim_of(*parts).status is status


def test_a_limit_is_a_condition() -> None:
    free = "{free_since: {listing: free, on: 2024-05-22}}"
    slow = "{time_under_limit: {tokens: 200_000, listing: free, on: 2024-05-22}}"
    assert claim_of(part("2024-05-21", free)).status is Status.HOLDS
    verdict = claim_of(part("2024-05-21", free), part("", slow))
    assert verdict.status is Status.CONDITIONAL
    assert verdict.limits == ("free: 200,000 tpm",)


@pytest.mark.parametrize(
    ("expect", "within", "fits"),
    [
        ("-97.5", "", True),
        ("-97.50", "", True),
        ("-98", "", True),
        ("-97", "", False),
        ("-97", ", within: 0.5", True),
        ("-97", ", within: 0.4", False),
        ("unverifiable", "", False),
    ],
)
def test_what_is_expected_holds_to_its_last_digit(expect: str, within: str, fits: bool) -> None:
    reading = f"{INPUT[:-1]}, expect: {expect}{within}}}"
    verdict = claim_of(part("-97.5", reading))
    assert (differences(verdict) == []) is fits
    assert unexplained([verdict]) == (0 if fits else 1)


def test_an_expected_verdict_and_what_cannot_be_computed_are_compared_too() -> None:
    missing = f"{OUTPUT[:-1]}, expect: unverifiable}}"
    verdict = claim_of(part("1", missing), expect="holds")
    assert differences(verdict) == ["one: unverifiable, not holds"]
    counted = f"{OUTPUT[:-1]}, expect: -97}}"
    (said,) = differences(claim_of(part("1", counted)))
    assert said.startswith("one, it: no price of output")


def test_days_are_compared_as_days() -> None:
    reading = "{free_since: {listing: free, on: 2024-05-22}, expect: %s}"
    assert unexplained([claim_of(part("2024-05-21", reading % "2024-05-21"))]) == 0
    assert unexplained([claim_of(part("2024-05-21", reading % "2024-05-20"))]) == 1
    with pytest.raises(ClaimError, match="states no day"):
        claim_of(part("5", reading % "2024-05-21"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"\xff\xfe\x00", "no YAML"),
        (b"claims: [", "no YAML"),
        (b"- 1", "the file: a mapping is meant"),
        (b"claims: []", "a list of at least one"),
        (b"claims: [{id: x}]", "claim x: lacks parts, published, source, text"),
        (b"claims: [1]", "claim \\?: a mapping"),
        (b"other: 1\nclaims: [1]", "the file: has other"),
        ((HEAD + "    parts: [{says: a, readings: [{nothing: {}}]}]").encode(), "one of change"),
        (
            (HEAD + "    parts: [{says: a, readings: [{buys: {money: 1}}]}]").encode(),
            "buys: lacks price",
        ),
        ((HEAD + f"    parts: [{part('x', INPUT)}]").encode(), "state a number, a day"),
        ((HEAD + "    expect: maybe\n    parts: [" + part("1", INPUT) + "]").encode(), "maybe"),
        (
            (HEAD + f"    parts: [{part('1', INPUT[:-1] + ', expect: so}')}]").encode(),
            "claim one, 'it'",
        ),
        (b"a" * (2**20 + 1), "at most 1 MiB"),
        (b"[" * 5000, "no YAML"),
        (b"listings: {a: {vendor: 1}}\nclaims: [1]", "listing a: lacks currency, model"),
        (
            b"listings: {a: {vendor: v, model: m, currency: CNY, input_tokens: x}}\nclaims: [1]",
            "listing a",
        ),
    ],
)
def test_a_bad_file_says_which_claim_and_what_is_wrong(text: bytes, why: str) -> None:
    with pytest.raises(ClaimError, match=why):
        read_claims(text)


def test_a_claim_stands_once_and_a_wrong_argument_names_it() -> None:
    text = HEAD + f"    parts: [{part('1', INPUT)}]\n"
    twice = text + text[text.index("  - id: one") :]
    with pytest.raises(ClaimError, match="one stands there twice"):
        read_claims(twice.encode())
    wrong = text.replace("cut input 2024-05-20", "nobody input 2024-05-20")
    with pytest.raises(ClaimError, match="claim one, change_percent: unknown listing 'nobody'"):
        judge_all(read_claims(wrong.encode()), market(), exchange)


def test_a_listing_may_tell_which_of_its_rates_are_meant() -> None:
    spec = "thinking: true, tier: batch, input_tokens: 40000, seller: s, region: intl"
    text = HEAD.replace("model: cut,", f"model: cut, {spec}, channel: reseller,")
    (claim,) = read_claims((text + f"    parts: [{part('1', INPUT)}]").encode())
    named = claim.listings["cut"]
    assert named.thinking is True and named.input_tokens == 40_000
    assert (named.tier, named.seller, named.region) == ("batch", "s", "intl")
    assert named.listing.channel == "reseller"
