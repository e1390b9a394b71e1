"""Which test is made of a wish; whole ones are in tests/integration/test_authenticity.py."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from steelyard.control.authenticity import calling, run
from steelyard.control.authenticity.asking import Told
from steelyard.control.authenticity.heard import Heard
from steelyard.control.authenticity.record import read
from steelyard.control.authenticity.schedule import Side
from steelyard.control.authenticity.targets import Wish
from steelyard.control.control import Control
from steelyard.domain.errors import ConfigError, Overloaded, StoreUnavailable
from steelyard.weigh.authenticity.pool import Channel, Pool, write_pool
from steelyard.weigh.authenticity.probes import Probe, ProbeAnswer

WISH = Wish("shop/m", "maker/m", "1 USD", Fraction(1, 100), pause_s=0.0)


class Played:
    """Answers every question alike; or breaks off after some."""

    def __init__(self, text: str, after: int = 10**9) -> None:
        self.text, self.after = text, after
        self.asked = 0

    def body(self, probe: Probe, sample: int = 0) -> dict[str, Any]:
        messages = [{"role": "user", "content": probe.prompt}]
        return {"messages": messages, "max_tokens": probe.max_tokens}

    async def ask(self, probe: Probe, sample: int = 0) -> Heard:
        self.asked += 1
        if self.asked > self.after:
            raise StoreUnavailable("it died")
        return Heard(self.text, "stop", 5, 1, call_id="c-1-1", cost_pico=2)


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Played]]:
    """Has sides answer without any gateway."""

    def made(**sides: Played) -> dict[str, Played]:
        async def callers(
            control: Control, ready: run.Ready, stack: AsyncExitStack
        ) -> Mapping[str, Any]:
            return sides

        monkeypatch.setattr(run, "_callers", callers)
        return sides

    return made


def test_the_same_wish_is_the_same_test(control: Control) -> None:
    one, again = (asyncio.run(run.prepare(control, WISH)) for _ in range(2))
    assert one.head == again.head and one.pool is None
    assert set(one.sides) == {Side.SUSPECT, Side.REFERENCE}
    for other in (WISH._replace(calls=100), WISH._replace(error=Fraction(1, 50))):
        assert asyncio.run(run.prepare(control, other)).head != one.head


def test_recorded_answers_are_asked_for_as_they_were(control: Control, tmp_path: Path) -> None:
    file = tmp_path / "some.json.gz"
    sampling = {"temperature": 0.5}
    write_pool(file, Pool("m", "", sampling, {"genuine": Channel({}, (ProbeAnswer("x", "a"),))}))
    ready = asyncio.run(run.prepare(control, WISH._replace(against=str(file))))
    assert set(ready.sides) == {Side.SUSPECT} and ready.head["sampling"] == sampling
    assert ready.head["reference"]["pool"] == "m"


@pytest.mark.parametrize(
    "change",
    [{"against": "shop/m"}, {"against": "none"}, {"offer": "none"}, {"calls": 1}, {"money": "?"}],
)
def test_what_cannot_be_tested_is_refused_before_anybody_is_asked(
    control: Control, change: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError):
        asyncio.run(run.verify(control, WISH._replace(**change), lambda _: None))


def test_without_a_gateway_nothing_is_asked(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(*_: Any) -> None:
        return None

    monkeypatch.setattr(calling, "open_client", nobody)
    with pytest.raises(StoreUnavailable, match="does not answer the key"):
        asyncio.run(run.verify(control, WISH, lambda _: None))


def test_one_at_a_time(control: Control) -> None:
    with run._running, pytest.raises(Overloaded):
        asyncio.run(run.verify(control, WISH, lambda _: None))


def test_a_test_that_died_goes_on_and_ends_with_a_verdict(
    control: Control, play: Callable[..., dict[str, Played]]
) -> None:
    wish = WISH._replace(calls=60)
    play(suspect=Played("dog", after=20), reference=Played("cat"))
    with pytest.raises(StoreUnavailable, match="it died"):
        asyncio.run(run.verify(control, wish, lambda _: None))
    (path,) = run.folder_of(control).glob("*.jsonl")
    sent = len(read(path).sent)
    sides = play(suspect=Played("dog"), reference=Played("cat"))
    news: list[dict[str, Any]] = []
    row = asyncio.run(run.verify(control, wish, news.append))
    assert sum(side.asked for side in sides.values()) == 120 - sent
    assert (row["calls"], row["offer"]) == (60, "shop/m") and row["lost"] >= 1
    assert news[-1] == {"state": "judging"} and news[-2]["done"] == 120 - row["lost"]
    assert read(path).verdict == row["number"]
    # What has a verdict is asked anew.
    asyncio.run(run.verify(control, wish, lambda _: None))
    assert len(list(run.folder_of(control).glob("*.jsonl"))) == 2


def test_an_offer_is_recorded_in_rounds(
    control: Control, play: Callable[..., dict[str, Played]]
) -> None:
    sides = play(suspect=Played("cat"))
    found = asyncio.run(run.record_offer(control, WISH._replace(calls=400), lambda _: None))
    assert 300 < len(found["answers"]) == sides["suspect"].asked <= 400
    assert (found["lost"], found["stopped"], found["currency"]) == (0, "", "CNY")
    assert found["bought"]["offer"] == "shop/m" and found["sampling"]["temperature"] == 1


def test_progress_is_told_in_money() -> None:
    class Purse:
        currency = "CNY"

    shown = run._progress(Told(1, 2, 10**11, 0), Purse())  # type: ignore[arg-type]
    assert (shown["paid"], shown["paid_pico"], shown["currency"]) == ("0.10", str(10**11), "CNY")
