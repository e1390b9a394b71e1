import pytest

from gateway.plain_core import offer, task, view
from steelyard.dialects.base import Call
from steelyard.dialects.openai_chat import DIALECT
from steelyard.domain.errors import NoOffer, SteelyardError, UnknownModel, Unsupported
from steelyard.gateway import view as views
from steelyard.gateway.choose import explain, pick, policy_of, rank, resolve
from steelyard.gateway.health import Health
from steelyard.gateway.snapshot import AccountEntry, KeyRecord, PolicyEntry, VerdictEntry
from steelyard.gateway.view import View
from steelyard.pricebook.book import flat

NOW = (100, 0.0)
CHEAP, DEAR = offer("c1/m"), offer("c2/m", rank_input=5.0, rank_output=9.0)
LONG = offer("c3/m", rank_input=0.5, rank_output=50.0)


def call(more: bytes = b"", text: bytes = b"hi") -> Call:
    messages = b'"messages":[{"role":"user","content":"' + text + b'"}]'
    return DIALECT.read(b'{"model":"m",' + messages + more + b"}")


def names(
    found: View, asked: Call, policy: PolicyEntry | None = None, health: Health | None = None
) -> list[str]:
    """The offers kept, by the short cut and by the long way alike."""
    policy, health = policy or PolicyEntry(), health or Health()
    wanted = resolve("m", "", "", found)
    ranking = rank(asked, wanted, policy, health, NOW)
    if ranking.kept:
        assert list(pick(asked, wanted, policy, health, NOW)) == ranking.kept
    else:
        with pytest.raises(SteelyardError):
            pick(asked, wanted, policy, health, NOW)
    return [candidate.name for candidate in ranking.kept]


def reasons(found: View, asked: Call, policy: PolicyEntry | None = None) -> dict[str, str]:
    ranking = rank(asked, resolve("m", "", "", found), policy or PolicyEntry(), Health(), NOW)
    return dict(ranking.dropped)


def test_the_cheapest_for_this_call_comes_first() -> None:
    assert names(view(DEAR, CHEAP), call()) == ["c1/m", "c2/m"]
    # Who is cheap on input and dear on output wins where little is said.
    mixed = view(LONG, CHEAP)
    assert names(mixed, call()) == ["c1/m", "c3/m"]
    assert names(mixed, call(b',"max_tokens":1', b"x" * 900)) == ["c3/m", "c1/m"]
    assert names(mixed, call(b',"max_tokens":1,"n":100', b"x" * 900)) == ["c1/m", "c3/m"]


def test_equal_offers_are_ordered_by_name() -> None:
    twins = view(offer("c2/m"), offer("c1/m"), offer("c3/m"))
    assert names(twins, call()) == ["c1/m", "c2/m", "c3/m"]


def test_what_is_wanted_is_resolved() -> None:
    proven = VerdictEntry("c2/m", "proven", 0.9, 1.0, 50)
    failed = VerdictEntry("c1/m", "failed", 0.1, 0.2, 50)
    gone = VerdictEntry("gone/m", "proven", 0.9, 1.0, 50)
    found = view(CHEAP, DEAR, tasks={"t": task(verdicts=(proven, failed, gone))})
    assert resolve("m", "t", "", found).task_name == "t"
    assert resolve("m", "", "d", found).task_name == "d"
    assert resolve("nick", "", "", found).task is None
    for asked, header, default in (("task:t", "", ""), ("auto", "t", "x"), ("auto", "", "t")):
        wanted = resolve(asked, header, default, found)
        assert (wanted.task_name, wanted.task) == ("t", found.task("t"))
        ranking = rank(call(), wanted, PolicyEntry(), Health(), NOW)
        assert [c.name for c in ranking.kept] == ["c2/m"]
        assert dict(ranking.dropped) == {"c1/m": "not proven for this task"}
        assert [c.name for c in pick(call(), wanted, PolicyEntry(), Health(), NOW)] == ["c2/m"]
    pinned = resolve("offer:c2/m", "", "", found)
    [candidate] = rank(call(), pinned, PolicyEntry(), Health(), NOW).kept
    assert candidate.name == "c2/m"


@pytest.mark.parametrize("asked", ["", "M", "offer:", "offer:m", "gone", "self", "model-x"])
def test_nobody_offers_that(asked: str) -> None:
    with pytest.raises(UnknownModel):
        resolve(asked, "", "", view())


def test_auto_needs_a_task_that_exists() -> None:
    with pytest.raises(NoOffer, match="x-steelyard-task") as caught:
        resolve("auto", "", "", view())
    assert caught.value.code == "task_missing"
    with pytest.raises(UnknownModel) as unknown:
        resolve("auto", "nothing", "", view())
    assert unknown.value.code == "task_not_found"


def test_every_reason_to_drop_an_offer_is_named() -> None:
    both = view(CHEAP, DEAR)
    assert reasons(both, call(b',"grammar":"x"')) == {
        "c1/m": "cannot do grammar",
        "c2/m": "cannot do grammar",
    }
    only = PolicyEntry("eu", channels=frozenset({"c2"}))
    assert names(both, call(), only) == ["c2/m"]
    assert "does not allow the channel" in reasons(both, call(), only)["c1/m"]
    abroad = PolicyEntry("eu", residency=frozenset({"eu"}))
    assert names(both, call(), abroad) == []
    assert "residency cn" in reasons(both, call(), abroad)["c1/m"]
    assert "do not fit into 1000" in reasons(both, call(text=b"x" * 3000))["c1/m"]
    old = view(offer("c1/m", periods=(flat((0, 100), (1,) * 6, ()),)), DEAR)
    assert reasons(old, call()) == {"c1/m": "unpriced"}
    assert names(old, call()) == ["c2/m"]


def test_a_channel_in_trouble_is_passed_over_until_it_is_well() -> None:
    both, health = view(CHEAP, DEAR), Health()
    health.failed("c1", "429", 0.0, 5.0)
    assert names(both, call(), health=health) == ["c2/m"]
    health.succeeded("c1")
    assert names(both, call(), health=health) == ["c1/m", "c2/m"]
    health.told({"c1": ("down", "crashed")})
    assert names(both, call(), health=health) == ["c2/m"]


def test_the_error_says_why_and_what_to_do() -> None:
    def error(found: View, asked: Call, name: str = "m") -> SteelyardError:
        wanted = resolve(name, "", "", found)
        return explain(asked, wanted, rank(asked, wanted, PolicyEntry(), Health(), NOW))

    assert isinstance(error(view(CHEAP), call(b',"grammar":"x"')), Unsupported)
    assert error(view(offer(periods=())), call()).code == "unpriced_offer"
    assert error(view(CHEAP), call(text=b"x" * 3000)).code == "no_offer"
    assert "there is none" in error(view(offer("gone/m")), call()).message
    weighed = view(
        CHEAP, tasks={"t": task(verdicts=(VerdictEntry("c1/m", "failed", 0.1, 0.2, 5),))}
    )
    told = error(weighed, call(), "task:t")
    assert told.code == "nothing_proven"
    assert "c1/m: failed, 0.10 to 0.20 against 0.90" in told.message
    stale = VerdictEntry("c1/m", "stale", 0.95, 1.0, 50, "drift alarm of 2026-03-02")
    short = VerdictEntry("c2/m", "not_proven", 0.95, 1.0, 50, "60 requests a minute, 100 demanded")
    told = error(view(CHEAP, DEAR, tasks={"t": task(verdicts=(stale, short))}), call(), "task:t")
    assert told.code == "nothing_proven"
    assert "c1/m: stale, drift alarm of 2026-03-02;" in told.message
    assert "c2/m: not proven, 0.95 to 1.00 against 0.90, 60 requests" in told.message
    assert "steelyard weigh t" in told.message
    proven = view(
        offer(periods=()), tasks={"t": task(verdicts=(VerdictEntry("c1/m", "proven", 0.9, 1, 5),))}
    )
    assert error(proven, call(), "task:t").code == "unpriced_offer"
    big = VerdictEntry("c2/m", "proven", 0.9, 1, 5)
    both = view(CHEAP, DEAR, tasks={"t": task(verdicts=(stale, big))})
    told = error(both, call(text=b"x" * 3000), "task:t")
    assert told.code == "no_offer"
    assert "c1/m: proof is stale, drift alarm of 2026-03-02; c2/m: about" in told.message


def test_who_does_other_work_takes_no_chats() -> None:
    draws = offer("c1/m", features=frozenset(("image_generation",)))
    both = offer("c3/m", features=frozenset(("image_generation", "chat")))
    assert names(view(draws, DEAR, both), call()) == ["c3/m", "c2/m"]
    assert reasons(view(draws), call()) == {"c1/m": "cannot do chats"}
    asked = call()
    asked.needs = frozenset(("image_generation",))
    assert names(view(draws, DEAR, both), asked) == ["c1/m", "c3/m"]


def test_what_stands_apart_from_tokens_ranks_too() -> None:
    work = frozenset(("image_generation",))
    dear = offer("c1/m", features=work, rank_extras={"image": 5000.0})
    cheap = offer("c2/m", features=work, rank_extras={"image": 10.0})
    asked = call()
    asked.needs, asked.extras = work, (("image", 2),)
    assert names(view(dear, cheap), asked) == ["c2/m", "c1/m"]


def test_nobody_is_sent_to_who_is_quarantined_but_by_a_policy_that_admits_it() -> None:
    caught = offer("c1/m", is_quarantined=True)
    both, admits = view(caught, DEAR), PolicyEntry("lax", admits_quarantined=True)
    assert names(both, call()) == ["c2/m"]
    assert reasons(both, call())["c1/m"].startswith("quarantined: ")
    assert names(both, call(), admits) == ["c1/m", "c2/m"]
    alone = view(caught)
    wanted = resolve("offer:c1/m", "", "", alone)
    with pytest.raises(NoOffer, match="steelyard authenticity") as refused:
        pick(call(), wanted, PolicyEntry(), Health(), NOW)
    assert refused.value.code == "offer_quarantined"


def principal(policy: PolicyEntry, *, is_ours: bool = True) -> views.Principal:
    account = AccountEntry("acc_1", is_ours=is_ours)
    return views.Principal(KeyRecord("key_1", "acc_1"), account, views.Holder(()), policy)


def test_own_calls_take_a_task_s_items_only_where_its_policy_lets_them_go() -> None:
    home = PolicyEntry("home", residency=frozenset({"cn"}), channels=frozenset({"c1"}))
    tasks = {"t": task(policy="home"), "free": task()}
    found = view(CHEAP, DEAR, tasks=tasks, policies={"home": home})
    mine = principal(PolicyEntry("weighing", attempts_max=7))
    bound = policy_of(resolve("offer:c2/m", "t", "", found), mine, found)
    assert (bound.residency, bound.channels) == (home.residency, home.channels)
    assert (bound.attempts_max, bound.admits_quarantined) == (7, True)
    with pytest.raises(NoOffer):
        pick(call(), resolve("offer:c2/m", "t", "", found), bound, Health(), NOW)
    for header in ("", "free"):
        assert policy_of(resolve("offer:c2/m", header, "", found), mine, found) is mine.policy
    # Whoever is no part of steelyard names an offer for his own words.
    other = principal(PolicyEntry("open"), is_ours=False)
    assert policy_of(resolve("offer:c2/m", "t", "", found), other, found) is other.policy
    assert policy_of(resolve("task:t", "", "", found), other, found) is home


def test_an_own_account_s_policy_and_the_task_s_hold_both() -> None:
    one = PolicyEntry("one", channels=frozenset({"c1"}))
    found = view(CHEAP, DEAR, tasks={"t": task(policy="one")}, policies={"one": one})
    mine = principal(PolicyEntry("mine", channels=frozenset({"c2"})))
    for asked in ("offer:c1/m", "offer:c2/m"):
        wanted = resolve(asked, "t", "", found)
        with pytest.raises(NoOffer):
            pick(call(), wanted, policy_of(wanted, mine, found), Health(), NOW)


def test_an_own_call_for_a_task_that_is_not_known_yet_goes_nowhere() -> None:
    found = view(CHEAP)
    with pytest.raises(NoOffer):
        policy_of(resolve("offer:c1/m", "new", "", found), principal(PolicyEntry()), found)
