from __future__ import annotations

from steelyard.cli.terminal import Terminal
from steelyard.supervisor.teller import Teller
from supervisor.conftest import Notes


def test_both_tellers_can_take_everything_the_supervisor_says() -> None:
    tellers: list[Teller] = [Terminal(), Notes()]
    methods = [name for name in vars(Teller) if not name.startswith("_")]
    assert all(callable(getattr(teller, name)) for teller in tellers for name in methods)
