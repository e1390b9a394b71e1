"""Limits: exactly as many calls as there is room for, whoever shares them and whoever is away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
from gateway_rig import BODY, BUDGET, HEADERS, PATH, Rig

from steelyard.gateway.snapshot import Meter, PolicyEntry
from steelyard.testing.replies import Answer, Fault
from steelyard.testing.worker import ACCOUNT, RunningWorker, StandInControl

SCOPE = f"account:{ACCOUNT}"
SMALL = BODY | {"max_tokens": 10}
RPM = Meter(SCOPE, "requests", 3, "", "account demo, minute")
PATIENT = (2.0, 20.0, 20.0, 60.0)


def _quote(meters: tuple[Meter, ...] = (BUDGET,)) -> int:
    """What a small call reserves, pico-CNY."""
    with Rig(meters=meters) as rig:
        return rig.booked(rig.post(SMALL))[0].intent.reserved_pico


def _codes(answers: list[httpx.Response]) -> list[tuple[int, str]]:
    return sorted(
        (a.status_code, "" if a.status_code == 200 else a.json()["error"]["code"]) for a in answers
    )


def test_of_many_calls_at_once_as_many_are_admitted_as_there_is_money_for() -> None:
    quote = _quote()
    for room in (1, 3):
        control = StandInControl({SCOPE: quote * room}, step=1)
        with Rig(control=control, meters=(BUDGET,), timeouts=PATIENT) as rig:
            rig.script(*[Answer(4, delay_s=0.5)] * 12)
            with ThreadPoolExecutor(12) as pool:
                answers = list(pool.map(lambda _: rig.post(SMALL), range(12)))
            refused = [(402, "insufficient_quota")] * (12 - room)
            assert _codes(answers) == [(200, "")] * room + refused
            assert rig.vendor.requests_received == len(rig.journal()) == room


def test_two_workers_share_one_limit() -> None:
    control = StandInControl({SCOPE: _quote()}, step=1)
    with Rig(control=control, meters=(BUDGET,), timeouts=PATIENT) as rig:
        other = RunningWorker(rig.worker.setup, control)
        other.incarnation = 50
        other.runtime.mkdir(parents=True)
        other.setup.write(other.home / "snapshot")
        (other.runtime / "control.link").symlink_to(rig.worker.runtime / "control.link")
        rig.run(other.launch())
        try:
            rig.script(*[Answer(4, delay_s=0.5)] * 12)
            urls = [rig.url, other.url + PATH] * 6
            with ThreadPoolExecutor(12) as pool, httpx.Client(timeout=20, headers=HEADERS) as web:
                answers = list(pool.map(lambda url: web.post(url, json=SMALL), urls))
        finally:
            rig.run(other.stop())
            other.socket.close()
            other._folder.cleanup()
        assert _codes(answers) == [(200, "")] + [(402, "insufficient_quota")] * 11
        assert rig.vendor.requests_received == 1


def test_the_last_rest_of_a_limit_can_be_used() -> None:
    """Calls in a row fit as long as what they really cost leaves room for one more."""
    quote = _quote()
    control = StandInControl({SCOPE: quote * 3 // 2}, step=1)
    with Rig(control=control, meters=(BUDGET,)) as rig:
        real = rig.booked(rig.post(SMALL))[0].settled.cost_pico
        fitting = (quote * 3 // 2 - quote) // real
        for _ in range(min(fitting, 4)):
            assert rig.post(SMALL).status_code == 200
        used = sum(b.settled.cost_pico for b in rig.journal())
        assert used <= quote * 3 // 2


def test_an_exhausted_budget_answers_402_at_once_and_says_so() -> None:
    with Rig(control=StandInControl({SCOPE: 0}), meters=(BUDGET,)) as rig:
        for answer in (rig.post(SMALL), rig.stream(SMALL).response):
            assert answer.status_code == 402
            error = answer.json()["error"]
            assert (error["code"], error["type"]) == ("insufficient_quota", "insufficient_quota")
            assert answer.elapsed.total_seconds() < 0.9  # a wait for money takes one
        assert rig.journal() == []
        assert rig.vendor.requests_received == 0


def test_a_hard_budget_puts_a_cap_into_calls_without_one_and_books_overruns() -> None:
    policy = PolicyEntry(output_tokens_default=7, retries_max=0)
    with Rig(meters=(BUDGET,), policy=policy) as rig:
        rig.script(Fault("overrun"))
        answer = rig.post()
        assert b'"max_tokens":7' in rig.vendor.received[-1].body
        [attempt] = rig.booked(answer)
        assert attempt.intent.output_tokens_reserved == 7
        assert attempt.settled.usage.output_tokens == 11
        [use] = attempt.settled.leases
        assert use.amount == attempt.settled.cost_pico
        [held] = attempt.intent.leases
        assert held.amount == attempt.intent.reserved_pico
        newer = rig.post(BODY | {"max_completion_tokens": None})
        assert newer.status_code == 200
        assert b'"max_completion_tokens":7' in rig.vendor.received[-1].body


def test_a_request_limit_counts_calls_not_attempts() -> None:
    control = StandInControl({SCOPE: 3})
    policy = PolicyEntry(retries_max=0)
    with Rig(vendors=2, control=control, meters=(RPM,), policy=policy) as rig:
        rig.script(Fault("500"))
        assert [rig.post().status_code for _ in range(4)] == [200, 200, 200, 429]
        last = rig.post()
        assert last.json()["error"]["code"] == "rate_limit_exceeded"
        assert int(last.headers["retry-after"]) > 0
        assert len(rig.journal()) == 4


def test_a_call_that_waits_for_money_counts_once_against_the_request_limit() -> None:
    control = StandInControl({SCOPE: 10**15}, step=1)
    meters = (Meter("key:key_1", "requests", 1, "", "key, minute"), BUDGET)
    control.limits["key:key_1"] = 1
    with Rig(control=control, meters=meters) as rig:
        assert [rig.post(SMALL).status_code for _ in range(2)] == [200, 429]


def test_a_soft_limit_refuses_nobody() -> None:
    soft = Meter(SCOPE, "money", 1, "CNY", "account demo", is_hard=False)
    with Rig(control=StandInControl({SCOPE: 0}), meters=(soft,)) as rig:
        assert rig.post().status_code == 200


def test_without_control_money_fails_closed_and_the_rest_goes_on() -> None:
    control = StandInControl()
    with Rig(control=control, meters=(BUDGET,)) as rig:
        rig.run(control.stop())
        rig.until(lambda: rig.post(SMALL).status_code == 503)
        answer = rig.post(SMALL)
        assert answer.json()["error"]["code"] == "limits_unavailable"
        assert "retry-after" in answer.headers
        assert rig.journal() == []
    control = StandInControl()
    with Rig(control=control) as rig:
        rig.run(control.stop())
        assert rig.post().status_code == 200
    control = StandInControl()
    with Rig(control=control, meters=(RPM,)) as rig:
        rig.run(control.stop())
        rig.until(lambda: not control.writers)
        codes = [rig.post().status_code for _ in range(5)]
        assert codes[0] == 200
        assert 429 in codes


def test_a_lease_in_hand_serves_while_control_is_away_and_control_may_come_back() -> None:
    control = StandInControl(step=10**12)
    with Rig(control=control, meters=(BUDGET,)) as rig:
        assert rig.post(SMALL).status_code == 200
        rig.run(control.stop())
        rig.until(lambda: not control.writers)
        assert rig.post(SMALL).status_code == 200
        (rig.worker.runtime / "control.link").unlink(missing_ok=True)
        rig.run(control.start(rig.worker.runtime / "control.link"))
        rig.until(lambda: bool(control.writers))
        assert rig.post(SMALL).status_code == 200
        assert [fields[0] for fields in control.heard].count("hello") == 2
