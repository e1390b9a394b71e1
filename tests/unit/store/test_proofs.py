"""Verdicts and weighings."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from sqlalchemy import Connection

from steelyard.domain.tallies import Tally, Used
from steelyard.domain.tasks import Verdict
from steelyard.domain.usage import Usage
from steelyard.store import proofs, revisions
from steelyard.store.revisions import Change

NS = 10**9
NOON_NS = 1_770_000_000 * NS


def step(tx: Connection, at_ns: int = NOON_NS) -> Change:
    return revisions.begin(tx, at_ns, "test", "a test")


class TestProofs:
    def verdict(self, **more: object) -> Verdict:
        values: dict[str, object] = {
            "task": "shop/a",
            "offer": "c/m",
            "form_digest": "f" * 16,
            "floor": Decimal("0.65"),
            "total": Fraction(41, 2),
            "n": 30,
            "n_unscored": 1,
            "lower": Decimal("0.5"),
            "upper": Decimal("0.8"),
            "confidence": Decimal("0.95"),
            "cost_pico": 10**25,
            "currency": "CNY",
            "time_s": 1.5,
            "decided_at": datetime(2026, 3, 1, tzinfo=UTC),
            "model_answered": "m",
        }
        return Verdict(**{**values, **more})  # type: ignore[arg-type]

    def test_the_newest_verdict_of_each_form_counts_and_is_exact(self, tx: Connection) -> None:
        proofs.add_verdict(tx, self.verdict(n=29))
        proofs.add_verdict(tx, self.verdict())
        other = self.verdict(
            form_digest="0" * 16,
            cost_lower_pico=10**24,
            cost_upper_pico=10**26,
            time_median_s=0.25,
        )
        proofs.add_verdict(tx, other)
        assert proofs.latest_verdicts(tx) == [self.verdict(), other]

    def test_what_calls_used_is_kept_and_read_when_asked_for(self, tx: Connection) -> None:
        heard = Usage(1_000, 20, 600, 0, 8, 1, (("input_audio", 40),))
        used = Tally.over([Used(Usage(10, 2), "", 70), Used(heard, "batch")])
        known, old = self.verdict(used=used), self.verdict(offer="old")
        for verdict in (known, old):
            proofs.add_verdict(tx, verdict)
        assert proofs.latest_verdicts(tx, has_used=True) == [known, old]
        assert proofs.past_verdicts(tx, has_used=True) == [old, known]
        assert [v.used for v in proofs.latest_verdicts(tx)] == [None, None]
        assert [v.used for v in proofs.past_verdicts(tx)] == [None, None]

    def test_weighings_show_how_far_they_are(self, tx: Connection) -> None:
        number = proofs.begin_weighing(tx, "shop/a", "c/m", 100, NOON_NS)
        proofs.update_weighing(tx, number, items_done=7, state="stopped", ended_at_ns=NOON_NS)
        (row,) = proofs.recent_weighings(tx, 5)
        assert (row["items_done"], row["state"]) == (7, "stopped")

    def test_what_never_ended_is_stopped_and_the_rest_left_alone(self, tx: Connection) -> None:
        done = proofs.begin_weighing(tx, "shop/a", "c/m", 9, NOON_NS)
        proofs.update_weighing(tx, done, state="done", ended_at_ns=NOON_NS)
        proofs.begin_weighing(tx, "shop/a", "c/n", 9, NOON_NS)
        assert proofs.stop_running(tx, NOON_NS + 5, "gone") == 1
        states = [
            (r["state"], r["detail"], r["ended_at_ns"]) for r in proofs.recent_weighings(tx, 5)
        ]
        assert states == [("stopped", "gone", NOON_NS + 5), ("done", "", NOON_NS)]

    def test_instants_are_kept_to_the_microsecond(self, tx: Connection) -> None:
        at = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
        proofs.add_verdict(tx, self.verdict(decided_at=at))
        assert proofs.latest_verdicts(tx)[0].decided_at == at

    def test_past_verdicts_are_all_there_newest_first(self, tx: Connection) -> None:
        for offer, n in (("a", 30), ("b", 30), ("a", 40)):
            proofs.add_verdict(tx, self.verdict(offer=offer, n=n))
        assert [v.n for v in proofs.past_verdicts(tx, offer="a")] == [40, 30]
        assert len(proofs.past_verdicts(tx, "shop/a")) == 3
        assert proofs.past_verdicts(tx, "none") == []
