from pathlib import Path

import pytest

from gateway.plain_core import MONEY, PERIOD, RPM, channel, core, offer, save, task, view
from steelyard.domain.accounts import hash_secret
from steelyard.domain.errors import StoreUnavailable
from steelyard.gateway import snapshot
from steelyard.gateway import view as view_module
from steelyard.gateway.snapshot import PolicyEntry
from steelyard.gateway.view import Candidate, Lineup, View
from steelyard.pricebook.book import flat


def test_a_principal_joins_key_account_and_policy(tmp_path: Path) -> None:
    save(tmp_path)
    found = View.load(tmp_path)
    principal = found.principal(hash_secret(b"sk-one"))
    assert principal is not None
    assert (principal.key_id, principal.account_path) == ("key_1", "acc_0/acc_1")
    assert principal.holder.meters == (RPM, MONEY)
    assert principal.holder.has_hard_budget
    assert principal.policy.name == "careful"
    assert found.principal(hash_secret(b"sk-one")) is principal
    assert found.principal(hash_secret(b"sk-none")) is None
    assert found.principal(hash_secret(b"sk-lost")) is None


def test_without_a_key_table_nobody_is_known(tmp_path: Path) -> None:
    snapshot.write(tmp_path, core())
    assert View.load(tmp_path).principal(b"x" * 32) is None
    (tmp_path / snapshot.KEYS_FILE).write_bytes(b"torn")
    with pytest.raises(StoreUnavailable):
        View.load(tmp_path)


def test_few_principals_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path)
    monkeypatch.setattr(view_module, "_PRINCIPALS_MAX", 1)
    found = View.load(tmp_path)
    first = found.principal(hash_secret(b"sk-one"))
    assert found.principal(hash_secret(b"sk-old")) is not None
    again = found.principal(hash_secret(b"sk-one"))
    assert again is not first
    assert again is not None


def test_policies_and_tasks_are_found_by_name() -> None:
    found = view(tasks={"t": task()})
    assert found.policy("careful").attempts_max == 2
    assert found.policy("other") == PolicyEntry()
    assert found.task("t") == task()
    assert found.task("u") is None


def test_settings_of_a_task_become_json_once() -> None:
    weighed = task(settings={"temperature": 0.0, "max_tokens": 16})
    found = view(tasks={"t": weighed})
    defaults = found.defaults(weighed)
    assert {name: bytes(value) for name, value in defaults.items()} == {
        "temperature": b"0.0",
        "max_tokens": b"16",
    }
    assert found.defaults(weighed) is defaults
    assert found.defaults(None) == found.defaults(task()) == {}


def test_an_offer_is_found_by_name() -> None:
    found = view(offer("c1/m"), offer("c2/m"))
    candidate = found.candidate("c2/m")
    assert candidate is not None
    assert candidate.channel.name == "c2"
    assert found.candidate("c9/m") is None
    # An offer on a channel that the snapshot lacks is no offer.
    assert view(offer("gone/m")).candidate("gone/m") is None


def test_prices_are_those_of_the_instant() -> None:
    early, late = flat((10, 20), (1,) * 6, ()), flat((30, 40), (2,) * 6, ())
    candidate = Candidate(offer(periods=(early, late)), channel())
    at = {9: None, 10: early, 19: early, 20: None, 29: None, 30: late, 39: late, 40: None}
    for at_ns, period in [*at.items(), *reversed(at.items())]:
        assert candidate.period_at(at_ns) is period
    assert Candidate(offer(periods=()), channel()).period_at(10) is None
    assert Candidate(offer(), channel()).period_at(0) == PERIOD


def test_an_unknown_name_gets_its_nearest() -> None:
    found = view(offer("c1/gpt-4o", model="gpt-4o"), tasks={"shop/intent": task("shop/intent")})
    assert "gpt-4o" in found.unknown_model("gpt4o").message
    assert "offer:c1/gpt-4o" in found.unknown_model("offer:c1/gpt4o").message
    assert "task:shop/intent" in found.unknown_model("task:shop/intend").message
    assert "nick" in found.unknown_model("nik").message
    assert "/v1/models" in found.unknown_model("zzzzzz").message
    assert found.unknown_model("x").param == "model"


def test_a_misspelt_name_is_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = view(offer("c1/gpt-4o", model="gpt-4o"))
    first = found.unknown_model("gpt4o").message
    monkeypatch.delattr("difflib.get_close_matches")
    assert found.unknown_model("gpt4o").message == first


def test_a_misspelt_name_among_very_many_stays_quick() -> None:
    many = view(*(offer(f"c1/name-{n}", model=f"name-{n}") for n in range(600)), offer())
    assert "name-59" in many.unknown_model("name-599x").message


def test_our_own_accounts_reach_what_is_quarantined() -> None:
    record = snapshot.KeyRecord("key_1", "acc_1")
    policy = PolicyEntry("strict", attempts_max=2)
    for is_ours in (False, True):
        account = snapshot.AccountEntry("acc_1", is_ours=is_ours)
        principal = view_module.Principal(record, account, view_module.Holder(()), policy)
        assert principal.policy.admits_quarantined is is_ours
        assert (principal.policy.name, principal.policy.attempts_max) == ("strict", 2)


def test_a_lineup_with_someone_in_quarantine_is_compared_on_every_call() -> None:
    assert Lineup((Candidate(offer(), channel()),)).is_ordered
    assert not Lineup((Candidate(offer(is_quarantined=True), channel()),)).is_ordered
