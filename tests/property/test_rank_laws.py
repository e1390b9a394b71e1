"""Choice: never what a policy forbids, always the same for the same call, cheapest first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.dialects.base import Call
from steelyard.dialects.openai_chat import DIALECT
from steelyard.domain.errors import SteelyardError
from steelyard.gateway.choose import pick, rank, resolve
from steelyard.gateway.health import Health
from steelyard.gateway.snapshot import (
    FORMAT,
    ChannelEntry,
    Core,
    OfferEntry,
    PolicyEntry,
    TaskEntry,
    VerdictEntry,
    raw,
)
from steelyard.gateway.view import View
from steelyard.pricebook.book import flat

CHANNELS = ("c0", "c1", "c2", "c3")
RESIDENCIES = {"c0": "cn", "c1": "cn", "c2": "eu", "c3": ""}
FEATURES = ("tools", "images", "json_mode", "grammar")
PERIODS = (
    flat((0, 50), (1,) * 6, ("a",)),
    flat((50, 100), (1,) * 6, ("b",)),
    flat((150, 2**63 - 1), (1,) * 6, ("c",)),
)


@st.composite
def offers(draw: st.DrawFn) -> OfferEntry:
    number = draw(st.integers(0, 99))
    channel = draw(st.sampled_from(CHANNELS))
    return OfferEntry(
        name=f"{channel}/m{number}",
        model="m",
        channel=channel,
        upstream_model="m",
        context_tokens=draw(st.sampled_from((10, 60, 10_000))),
        output_tokens_max=10,
        features=frozenset(draw(st.sets(st.sampled_from(FEATURES)))),
        tokens_per_byte=draw(st.sampled_from((0.25, 0.5))),
        currency="CNY",
        periods=tuple(PERIODS[n] for n in sorted(draw(st.sets(st.integers(0, 2))))),
        rank_input=draw(st.sampled_from((0.0, 1.0, 2.0, 5.0))),
        rank_output=draw(st.sampled_from((0.0, 1.0, 3.0, 9.0))),
        rank_tiers=draw(
            st.sampled_from(((), (), ((50, 4.0, 1.0),), ((50, 0.5, 0.0), (90, 9.0, 9.0))))
        ),
    )


BOOKS = st.lists(offers(), min_size=1, max_size=8, unique_by=lambda entry: entry.name)
POLICIES = st.builds(
    PolicyEntry,
    residency=st.frozensets(st.sampled_from(("cn", "eu")), max_size=1),
    channels=st.frozensets(st.sampled_from(CHANNELS)),
)
CALLS = st.builds(
    lambda text, cap, tools: DIALECT.read(
        b'{"model":"m","messages":[{"role":"user","content":"%b"}],"max_tokens":%d%b}'
        % (b"x" * text, cap, b',"tools":[{}]' if tools else b"")
    ),
    st.sampled_from((1, 50, 300)),
    st.sampled_from((1, 100, 5000)),
    st.booleans(),
)
RESTING = st.sets(st.sampled_from(CHANNELS), max_size=2)
INSTANTS = st.sampled_from((10, 49, 50, 99, 100, 149, 150, 1000))


def _view(book: list[OfferEntry], proven: set[str]) -> View:
    verdicts = tuple(
        VerdictEntry(o.name, "proven" if o.name in proven else "failed", 0.1, 0.9, 9) for o in book
    )
    core = Core(
        format=FORMAT,
        revision=1,
        compiled_at_ns=1,
        home_currency="CNY",
        channels={
            name: ChannelEntry(name, "v", "official", "http://x", "openai_chat", "", residency)
            for name, residency in RESIDENCIES.items()
        },
        models={"m": raw(tuple(book))},
        offers=raw({entry.name: "m" for entry in book}),
        tasks={"t": TaskEntry("t", 0.5, verdicts=verdicts)},
        accounts={},
        policies={},
        aliases={},
        exchange={},
    )
    return View(core, None, {})


def _health(resting: set[str]) -> Health:
    health = Health()
    for channel in resting:
        health.failed(channel, "429", 0.0, 10.0)
    return health


@given(
    book=BOOKS,
    call=CALLS,
    policy=POLICIES,
    resting=RESTING,
    at_ns=INSTANTS,
    data=st.data(),
)
def test_choice_keeps_its_laws(
    *,
    book: list[OfferEntry],
    call: Call,
    policy: PolicyEntry,
    resting: set[str],
    at_ns: int,
    data: st.DataObject,
) -> None:
    asked = data.draw(st.sampled_from(("m", "task:t")))
    proven = set(data.draw(st.lists(st.sampled_from([o.name for o in book]))))
    view, now = _view(book, proven), (at_ns, 1.0)
    wanted = resolve(asked, "", "", view)
    ranking = rank(call, wanted, policy, _health(resting), now)
    kept = [candidate.name for candidate in ranking.kept]
    # Everybody is either kept or dropped with a reason.
    dropped = {name: reason for name, reason in ranking.dropped}
    assert sorted([*kept, *dropped]) == sorted(entry.name for entry in book)
    assert all(dropped.values())
    for candidate in ranking.kept:
        entry, channel = candidate.entry, candidate.channel
        assert channel.name not in resting
        assert not policy.channels or channel.name in policy.channels
        assert not policy.residency or channel.residency in policy.residency
        assert call.needs <= entry.features
        assert any(p.from_ns <= at_ns < p.to_ns for p in entry.periods)
        assert asked == "m" or entry.name in proven
    # Equal input gives equal output, in whatever order the book lies, by either way.
    other = _view(book[::-1], proven)
    again = resolve(asked, "", "", other)
    for found, from_view in ((wanted, view), (again, other)):
        assert from_view.revision == 1
        if kept:
            best = pick(call, found, policy, _health(resting), now)
            assert [candidate.name for candidate in best] == kept
        else:
            with pytest.raises(SteelyardError):
                pick(call, found, policy, _health(resting), now)
