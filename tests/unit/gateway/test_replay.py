"""Whether, where and when a call is tried again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from steelyard.dialects.base import Refusal
from steelyard.domain.calls import Outcome
from steelyard.domain.errors import (
    AllOffersFailed,
    BudgetExceeded,
    CredentialRejected,
    SteelyardError,
    UpstreamError,
    UpstreamRateLimited,
)
from steelyard.gateway.health import FAILURES_BEFORE_REST, Health
from steelyard.gateway.replay import (
    RETRY_DELAY_MAX_S,
    RETRY_DELAY_S,
    Failed,
    Replay,
    Step,
    goes_on,
    learn,
)
from steelyard.gateway.snapshot import ChannelEntry, PolicyEntry

BROKE = UpstreamError("It broke.")
BOLD = PolicyEntry(replay_uncertain=True)
RETRY = Step("retry", RETRY_DELAY_S)
FALLBACK = Step("fallback", 0.0)


def after(
    error: SteelyardError = BROKE,
    *,
    policy: PolicyEntry | None = None,
    goes_on: bool = True,
    attempts: int = 1,
    has_others: bool = False,
) -> Step | None:
    replay = Replay(policy or PolicyEntry(retries_max=1, attempts_max=3))
    return replay.after("a/m", Failed(error, goes_on), attempts, has_others=has_others)


def test_others_come_before_a_retry_and_a_retry_after_a_moment() -> None:
    assert after(has_others=True) == FALLBACK
    assert after() == RETRY


def test_the_policy_bounds_attempts_and_retries() -> None:
    assert after(attempts=3, has_others=True) is None
    assert after(policy=PolicyEntry(retries_max=0)) is None
    replay = Replay(PolicyEntry(retries_max=1, attempts_max=9))
    assert replay.after("a/m", Failed(BROKE, True), 1, has_others=False) == RETRY
    assert replay.after("a/m", Failed(BROKE, True), 2, has_others=False) is None


def test_what_is_not_allowed_to_go_on_does_not() -> None:
    assert after(goes_on=False, has_others=True) is None


@pytest.mark.parametrize("error", [CredentialRejected("No."), BudgetExceeded("No room.")])
def test_what_no_waiting_heals_is_not_retried_but_others_are_asked(error: SteelyardError) -> None:
    assert after(error) is None
    assert after(error, has_others=True) == FALLBACK


@pytest.mark.parametrize(
    ("asked_for_s", "step"),
    [
        (None, RETRY),
        (1.5, Step("retry", 1.5)),
        (RETRY_DELAY_MAX_S, Step("retry", RETRY_DELAY_MAX_S)),
        (RETRY_DELAY_MAX_S + 1, None),
    ],
)
def test_a_vendor_is_waited_for_as_long_as_it_asks_within_reason(
    asked_for_s: float | None, step: Step | None
) -> None:
    assert after(UpstreamRateLimited("Slow.", retry_after_s=asked_for_s)) == step


def test_nothing_was_attempted_so_nothing_is_tried_again() -> None:
    assert after(attempts=0) is None


def test_the_error_is_the_only_offers_own_or_all_in_one_line() -> None:
    replay = Replay(PolicyEntry())
    replay.after("a/m", Failed(BROKE, True), 1, has_others=True)
    assert replay.error() is BROKE
    replay.after("b/m", Failed(UpstreamError("So did this."), True), 2, has_others=False)
    told = replay.error()
    assert isinstance(told, AllOffersFailed)
    assert "a/m: It broke.; b/m: So did this." in told.message


def test_where_only_limits_stood_in_the_way_the_limit_is_what_is_told() -> None:
    replay = Replay(PolicyEntry())
    for offer in ("a/m", "b/m"):
        replay.after(
            offer, Failed(BudgetExceeded(f"{offer} has no room."), True), 0, has_others=True
        )
    told = replay.error()
    assert isinstance(told, BudgetExceeded)
    assert told.message == "b/m has no room."


@pytest.mark.parametrize(
    ("outcome", "policy", "expected"),
    [
        (Outcome.NOT_SENT, PolicyEntry(), True),
        (Outcome.UNCERTAIN, PolicyEntry(), False),
        (Outcome.UNCERTAIN, BOLD, True),
        (Outcome.CUT, BOLD, False),
    ],
)
def test_silence_is_tried_again_by_the_policys_word_only(
    outcome: Outcome, policy: PolicyEntry, expected: bool
) -> None:
    assert goes_on(outcome, None, policy, is_own=False) is expected


@pytest.mark.parametrize(
    ("is_free", "tries_others", "policy", "expected"),
    [
        (True, True, PolicyEntry(), True),
        (True, False, BOLD, False),
        (False, False, PolicyEntry(), False),
        (False, False, BOLD, True),
    ],
)
def test_a_refusal_says_itself_whether_others_may_be_asked(
    is_free: bool, tries_others: bool, policy: PolicyEntry, expected: bool
) -> None:
    refusal = Refusal(BROKE, is_free=is_free, tries_others=tries_others, cools=False)
    assert goes_on(Outcome.REFUSED, refusal, policy, is_own=False) is expected


def test_an_engine_of_ours_that_fell_silent_has_died_and_bills_nobody() -> None:
    assert goes_on(Outcome.UNCERTAIN, None, PolicyEntry(), is_own=True)
    assert not goes_on(Outcome.CUT, None, PolicyEntry(), is_own=True)


@pytest.mark.parametrize(("why", "rests"), [("first", True), ("supply", False)])
def test_what_measures_supply_rests_no_channel(why: str, rests: bool) -> None:
    health = Health()
    channel = cast(ChannelEntry, SimpleNamespace(name="shop"))
    for _ in range(FAILURES_BEFORE_REST):
        learn(health, channel, Outcome.UNCERTAIN, None, ("upstream_timeout", 1.0, why))
    assert bool(health.why_not("shop", 1.5)) is rests
