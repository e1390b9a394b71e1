"""Leases at the gate: what is reserved and settled never passes the grant, whatever happens.

A machine of several workers that share one limit: calls are admitted, settled, released; control
grants, denies and takes back in any order; nobody ever holds more than was granted in all.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from steelyard.domain.errors import BudgetExceeded, LimitError
from steelyard.gateway.leases import Lease, LeaseBook, Reservation
from steelyard.gateway.snapshot import FORMAT, Core, Meter, raw
from steelyard.gateway.view import View

LIMIT = 100
MONEY = Meter("account:a", "money", LIMIT, "CNY", "account a, month")
VIEW = View(
    Core(FORMAT, 1, 1, "CNY", {}, {}, raw({}), {}, {}, {}, {}, {}),
    None,
    {},
)


class Worker:
    """One worker's lease book; its questions to control lie in a queue."""

    is_connected = True

    def __init__(self) -> None:
        self.leases = LeaseBook(self, 2)
        self.questions: list[tuple[Lease, int]] = []
        self.granted = 0
        self.settled = 0
        self.overrun = 0

    def ask(self, lease: Lease, need: int, at_ns: int) -> None:
        lease.is_asking = True
        lease.growth_asked = max(1, lease.used - lease.granted + need)
        self.questions.append((lease, lease.growth_asked))

    @property
    def used(self) -> int:
        return sum(lease.used for lease in self.leases.of_scope("account:a"))


class Leases(RuleBasedStateMachine):
    """Two workers and a control that never grants more than the limit."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.workers = (Worker(), Worker())

    @property
    def left(self) -> int:
        return LIMIT - sum(worker.granted for worker in self.workers)

    @rule(target=held, number=st.integers(0, 1), quote=st.integers(1, 40))
    def call(self, number: int, quote: int) -> tuple[int, Reservation | None, int]:
        worker = self.workers[number]
        try:
            got = worker.leases.admit((MONEY,), (quote, "CNY"), VIEW.core.exchange, (0, 0.0))
        except LimitError:
            return number, None, quote
        return number, got if isinstance(got, Reservation) else None, quote

    @rule(number=st.integers(0, 1), more=st.integers(0, 30))
    def control_answers(self, number: int, more: int) -> None:
        worker = self.workers[number]
        if not worker.questions:
            return
        lease, growth = worker.questions.pop(0)
        if self.left < growth:
            lease.deny(BudgetExceeded("used up"), 0.0)
            return
        worker.granted += min(self.left, growth + more)
        lease.grant(1, worker.granted, 2**62)

    @rule(taken=consumes(held), share=st.integers(0, 100))
    def settle(self, taken: tuple[int, Reservation | None, int], share: int) -> None:
        number, reservation, quote = taken
        if reservation is not None:
            cost = quote * share // 100
            [use], _ = reservation.settle(cost, "CNY", {})
            assert use.amount == cost
            self.workers[number].settled += cost

    @rule(taken=consumes(held))
    def release(self, taken: tuple[int, Reservation | None, int]) -> None:
        if taken[1] is not None:
            taken[1].release()
            taken[1].release()

    @invariant()
    def nobody_passes_the_limit(self) -> None:
        for worker in self.workers:
            assert worker.settled <= worker.used <= worker.granted
        assert sum(worker.used for worker in self.workers) <= LIMIT


Leases.TestCase.settings = settings(stateful_step_count=40)
TestLeases = Leases.TestCase
