import pytest

from gateway.plain_core import MONEY, RPM, view
from steelyard.domain.entries import LeaseUse
from steelyard.domain.errors import (
    BudgetExceeded,
    LimitError,
    Overloaded,
    RateLimited,
    RateMissing,
)
from steelyard.gateway.leases import Lease, LeaseBook, Reservation, denial
from steelyard.gateway.snapshot import Meter
from steelyard.gateway.steps import Signal

FOREVER = 2**62
VIEW = view()


class FakeSource:
    """A link whose answers a test gives by hand."""

    def __init__(self) -> None:
        self.is_connected = True
        self.asked: list[tuple[Lease, int]] = []

    def ask(self, lease: Lease, need: int, at_ns: int) -> None:
        lease.is_asking = True
        lease.growth_asked = max(1, lease.used - lease.granted + need)
        self.asked.append((lease, need))

    def grant(self, amount: int, end_ns: int = FOREVER) -> Lease:
        """Answers the last question with a grant of ``amount`` in all."""
        lease = self.asked[-1][0]
        lease.grant(len(self.asked), amount, end_ns)
        return lease


def book(workers: int = 1) -> tuple[LeaseBook, FakeSource]:
    source = FakeSource()
    return LeaseBook(source, workers), source


def admit(
    leases: LeaseBook,
    amount: int,
    meters: tuple[Meter, ...] = (MONEY,),
    now: tuple[int, float] = (0, 0.0),
    currency: str = "CNY",
) -> Reservation | list[tuple[Lease, int]]:
    return leases.admit(meters, (amount, currency), VIEW.core.exchange, now)


def held(leases: LeaseBook, amount: int, meters: tuple[Meter, ...] = (MONEY,)) -> Reservation:
    got = admit(leases, amount, meters)
    assert isinstance(got, Reservation)
    return got


def test_without_limits_nothing_is_held() -> None:
    leases, source = book()
    assert held(leases, 10**9, ()).uses == ()
    assert source.asked == []


def test_a_first_call_waits_for_its_lease_and_then_fits() -> None:
    leases, source = book()
    [(lease, need)] = admit(leases, 40)  # type: ignore[misc]
    assert (need, lease.is_asking) == (40, True)
    # Who comes meanwhile waits for the same answer.
    assert admit(leases, 40) == [(lease, 40)]
    assert len(source.asked) == 1
    woken: Signal[None] = Signal()
    lease.waiters.append(woken)
    source.grant(100)
    assert woken._is_fired
    assert held(leases, 40).uses == (LeaseUse(1, 40),)
    assert lease.used == 40


def test_no_more_is_admitted_than_was_granted() -> None:
    leases, source = book()
    admit(leases, 10)
    lease = source.grant(25)
    got = [admit(leases, 10) for _ in range(3)]
    assert [isinstance(one, Reservation) for one in got] == [True, True, False]
    assert lease.used == 20 <= lease.granted


def test_a_settled_call_gives_back_what_it_did_not_use_and_books_what_it_overran() -> None:
    leases, source = book()
    admit(leases, 50)
    lease = source.grant(1000)
    first, second = held(leases, 50), held(leases, 50)
    assert first.settle(20, "CNY", {}) == ((LeaseUse(1, 20),), ())
    assert lease.used == 70
    second.settle(80, "CNY", {})
    assert lease.used == 100
    assert second.settle(80, "CNY", {}) == ((), ())
    third = held(leases, 50)
    third.release()
    assert lease.used == 100


def test_a_lease_running_low_is_topped_up_in_advance() -> None:
    leases, source = book()
    admit(leases, 10)
    source.grant(45)
    held(leases, 10)
    assert len(source.asked) == 1
    held(leases, 10)
    assert source.asked[-1][1] == 40
    held(leases, 10)
    assert len(source.asked) == 2


def test_a_refusal_holds_for_a_while_and_only_for_as_much_as_was_refused() -> None:
    leases, source = book()
    admit(leases, 10)
    lease = source.grant(20)
    held(leases, 10)
    assert lease.is_asking
    # The top-up of 40 is refused; that says nothing about the 10 that are still there.
    lease.deny(BudgetExceeded("used up"), 5.0)
    held(leases, 10)
    short = admit(leases, 10)
    assert short == [(lease, 10)]
    lease.deny(BudgetExceeded("used up"), 5.0)
    with pytest.raises(BudgetExceeded):
        admit(leases, 10, now=(0, 4.9))
    assert admit(leases, 10, now=(0, 5.0)) == [(lease, 10)]


def test_the_very_first_refusal_is_remembered() -> None:
    leases, source = book()
    admit(leases, 10)
    source.asked[-1][0].deny(BudgetExceeded("none"), 1.0)
    with pytest.raises(BudgetExceeded):
        admit(leases, 10, now=(0, 0.5))
    assert len(source.asked) == 1


def test_a_new_window_has_a_lease_of_its_own() -> None:
    leases, source = book()
    admit(leases, 10)
    old = source.grant(10, end_ns=100)
    before = held(leases, 10)
    [(new, _)] = admit(leases, 10, now=(100, 0.0))  # type: ignore[misc]
    assert new is not old
    source.grant(10, end_ns=200)
    before.settle(3, "CNY", {})
    assert (old.used, new.used) == (3, 0)


def test_a_limit_in_another_currency_than_before_has_a_lease_of_its_own() -> None:
    francs = Meter(MONEY.scope, "money", 1000, "CHF", "account demo, month")
    for is_granted in (True, False):
        leases, source = book()
        admit(leases, 10, (francs,), currency="CHF")
        if is_granted:
            source.grant(1000)
        [(new, _)] = admit(leases, 10)  # type: ignore[misc]
        assert new.currency == "CNY"
        source.grant(1000)
        # Today's snapshot need not know a rate into yesterday's currency.
        assert held(leases, 10).settle(3, "CNY", {}) == ((LeaseUse(2, 3),), ())


def test_requests_are_counted_and_never_given_back() -> None:
    leases, source = book()
    admit(leases, 10, (RPM,))
    lease = source.grant(2)
    reservation = held(leases, 10, (RPM,))
    assert reservation.uses == ()
    reservation.settle(5, "CNY", {})
    assert lease.used == 1
    again = leases.admit((RPM,), (10, "CNY"), VIEW, (0, 0.0), counts_request=False)
    assert isinstance(again, Reservation)
    assert lease.used == 1


def test_a_call_that_is_short_elsewhere_holds_and_counts_nothing() -> None:
    leases, source = book()
    admit(leases, 10, (RPM,))
    requests = source.grant(5)
    for _ in range(3):
        short = admit(leases, 10, (RPM, MONEY))
        assert isinstance(short, list)
        assert [lease.meter for lease, _ in short] == [MONEY]
        assert requests.used == 0
    source.asked[-1][0].grant(9, 1000, FOREVER)
    held(leases, 10, (RPM, MONEY))
    assert requests.used == 1


def test_a_soft_limit_refuses_nobody() -> None:
    soft = Meter("account:acc_1", "money", 1, "CNY", "demo", is_hard=False)
    leases, source = book()
    assert held(leases, 10**12, (soft,)).uses == ()
    assert source.asked == []


def test_other_currencies_are_reserved_rounded_up_and_booked_at_the_rate() -> None:
    leases, source = book()
    admit(leases, 10, currency="USD")
    lease = source.grant(1000)
    got = admit(leases, 10, currency="USD")
    assert isinstance(got, Reservation)
    assert lease.used == 70
    uses, ids = got.settle(3, "USD", VIEW.core.exchange)
    assert (uses, ids, lease.used) == ((LeaseUse(1, 21),), ("ecb-1",), 21)
    with pytest.raises(RateMissing, match="EUR to CNY"):
        admit(leases, 10, currency="EUR")


def test_a_missing_rate_leaves_nothing_held() -> None:
    leases, source = book()
    euros = Meter("key:key_1", "money", 1000, "EUR", "key demo, month")
    admit(leases, 10, (euros,), currency="EUR")
    in_euros = source.grant(1000)
    admit(leases, 10, (RPM,))
    requests = source.grant(5)
    with pytest.raises(RateMissing):
        admit(leases, 10, (RPM, euros, MONEY), currency="EUR")
    assert (in_euros.used, requests.used) == (0, 0)


def test_without_control_money_fails_closed() -> None:
    leases, source = book()
    admit(leases, 10)
    source.grant(15)
    source.is_connected = False
    held(leases, 10)
    with pytest.raises(Overloaded) as caught:
        admit(leases, 10)
    assert caught.value.code == "limits_unavailable"
    assert caught.value.retry_after_s


def test_without_control_a_worker_has_its_share_of_requests() -> None:
    leases, source = book(workers=4)
    source.is_connected = False
    now_ns = 90 * 10**9
    for _ in range(2):
        assert isinstance(admit(leases, 1, (RPM,), (now_ns, 0.0)), Reservation)
    with pytest.raises(RateLimited) as caught:
        admit(leases, 1, (RPM,), (now_ns, 0.0))
    assert caught.value.retry_after_s == 30.0
    assert isinstance(admit(leases, 1, (RPM,), (120 * 10**9, 0.0)), Reservation)


def test_a_link_lost_while_asking_leaves_the_share() -> None:
    leases, source = book()
    admit(leases, 1, (RPM,), (0, 0.0))
    source.is_connected = False
    assert isinstance(admit(leases, 1, (RPM,), (0, 0.0)), Reservation)


def test_a_grant_smaller_than_the_share_does_not_hold_without_control() -> None:
    leases, source = book(workers=2)
    admit(leases, 1, (RPM,))
    lease = source.grant(1)
    held(leases, 1, (RPM,))
    source.is_connected = False
    lease.answered()  # as the link does when it is lost
    assert admit(leases, 1, (RPM,)) == [(lease, 1)]
    for _ in range(RPM.amount // 2 - 1):
        held(leases, 1, (RPM,))
    with pytest.raises(RateLimited):
        admit(leases, 1, (RPM,))


def test_idle_leases_are_found_after_a_while() -> None:
    leases, source = book()
    admit(leases, 10)
    lease = source.grant(1000)
    held(leases, 10)
    assert list(leases.idle()) == []
    assert list(leases.idle()) == [lease]
    held(leases, 10)
    assert list(leases.idle()) == []
    assert list(leases.of_scope("account:acc_1")) == [lease]
    assert list(leases.of_scope("account:other")) == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("insufficient_quota", BudgetExceeded),
        ("rate_limit_exceeded", RateLimited),
        ("other", Overloaded),
    ],
)
def test_what_control_refuses_becomes_the_clients_error(code: str, kind: type[LimitError]) -> None:
    error = denial(code, "no", 3.0)
    assert type(error) is kind
    assert error.code == code
