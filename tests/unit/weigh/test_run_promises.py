"""What the statistics promise, held from the runner's terms to the verdict that is kept."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from steelyard.domain.tasks import Status
from steelyard.weigh.asking import Contender
from weigh.rig import TASK, A, Vendor, mostly_yes, weigh, yes


def test_nothing_is_proven_by_fewer_items_than_stated(tmp_path: Path) -> None:
    """Nine right answers refute a floor of 0.3; as few as that convince nobody."""
    easy = replace(TASK, floor=Decimal("0.3"))
    (few,) = weigh(Vendor(lambda *_: yes()), tmp_path / "few", task=easy, limit=9)
    assert few.verdict.n == 9
    assert few.verdict.status is Status.NOT_PROVEN
    (more,) = weigh(Vendor(lambda *_: yes()), tmp_path / "more", task=easy, limit=10)
    assert more.verdict.status is Status.PROVEN


def test_offers_decided_before_share_the_error(tmp_path: Path) -> None:
    """Else each run of a weighing that goes on with the rest would have an error of its own."""
    hard, five = replace(TASK, floor=Decimal("0.8")), [Contender(f"o{n}") for n in range(5)]
    terms = {"task": hard, "limit": 20}
    (alone,) = weigh(Vendor(mostly_yes), tmp_path / "alone", A, **terms)
    (last,) = weigh(Vendor(mostly_yes), tmp_path / "last", A, n_decided=4, **terms)
    together = weigh(Vendor(mostly_yes), tmp_path / "five", *five, **terms)
    assert {each.verdict.n for each in (alone, last, *together)} == {20}
    assert together[0].verdict.lower == last.verdict.lower < alone.verdict.lower
    assert together[0].verdict.upper == last.verdict.upper > alone.verdict.upper
