"""Captured requests: redacted before they are written, bounded, drawn alike, deleted whole."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from steelyard.config.weighing import Captures as Rules
from steelyard.control.captures.captures import WAITING_MAX, Captures
from steelyard.domain.errors import ConfigError
from steelyard.domain.instants import DAY_NS
from steelyard.weigh.datasets import load_set

DAY = 20_000 * DAY_NS  # 2024-10-04
"""Of the requests that say no other day."""


PATHS = {"acc_1": "acme", "acc_2": "acme/sales", "acc_3": "globex"}


def fields(text: str, account: str = "acme", task: str = "mood", **more: Any) -> list[Any]:
    body = {"model": "m", "messages": [{"role": "user", "content": text}], "user": "u", **more}
    ids = {path: account_id for account_id, path in PATHS.items()}
    return [ids[account], "open", task, "m", json.dumps(body).encode()]


def made(folder: Path, **rules: Any) -> Captures:
    return Captures(folder / "captures", lambda: Rules(**rules), lambda: PATHS)


def keep(captures: Captures, *requests: list[Any], at_ns: int = DAY) -> None:
    for request in requests:
        captures.take(request, at_ns)
    asyncio.run(captures.keep_once())


def test_only_the_redacted_request_touches_the_disk(tmp_path: Path) -> None:
    captures = made(tmp_path, words=("Falcon",))
    keep(captures, fields("Write to zhang@example.com about falcon"))
    (path,) = (tmp_path / "captures").glob("*/*")
    assert path.name == "2024-10-04.jsonl" and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    row = json.loads(path.read_text())
    assert row["request"] == {
        "messages": [{"role": "user", "content": "Write to [EMAIL_1] about [WORD_1]"}]
    }
    assert row["redacted"] == {"EMAIL": 1, "WORD": 1}
    assert [tuple(each) for each in captures.kept()] == [("acme", "mood", "2024-10-04", 1)]


def test_a_chat_of_another_door_becomes_one_of_ours(tmp_path: Path) -> None:
    captures = made(tmp_path)
    asked = {
        "model": "m",
        "max_tokens": 9,
        "system": "Be kind to Mr. Brown.",
        "messages": [{"role": "user", "content": "Brown is here"}],
    }
    body = json.dumps(asked).encode()
    keep(captures, ["acc_1", "open", "mood", "m", body, "anthropic_messages"])
    (item,) = captures.draw("acme", "mood", 5, seed=1)
    assert item["messages"] == [
        {"role": "system", "content": "Be kind to Mr. [NAME_1]."},
        {"role": "user", "content": "[NAME_1] is here"},
    ]
    row = json.loads(next((tmp_path / "captures").glob("*/*")).read_text())
    assert row["door"] == "anthropic_messages" and row["redacted"] == {"NAME": 1}


def test_what_cannot_be_kept_is_counted(tmp_path: Path) -> None:
    captures = made(tmp_path)
    keep(
        captures,
        fields("x", store=False),
        [*fields("x")[:-1], b"{"],
        [*fields("x")[:-1], b'{"messages": [{"role": "user", "content": [{"type": "file"}]}]}'],
    )
    assert sum(captures.dropped.values()) == 3 and not captures.kept()
    for _ in range(WAITING_MAX + 2):
        captures.take(fields("x"), DAY)
    assert captures.dropped["too many at a time"] == 2


@pytest.mark.parametrize("bad", [["a", "b"], ["../x", "p", "t", "m", b""], ["a"] * 5])
def test_nonsense_from_a_worker_is_refused(tmp_path: Path, bad: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"captured|unpack"):
        made(tmp_path).take(bad, DAY)


def test_a_drawn_set_is_one_that_can_be_weighed(tmp_path: Path) -> None:
    captures = made(tmp_path)
    keep(captures, *(fields(f"question {n % 7}") for n in range(20)))
    keep(captures, fields("another tenant's", account="globex"), fields("x", task="other"))
    items = captures.draw("acme", "mood", 5, seed=1)
    assert items == captures.draw("acme", "mood", 5, seed=1)
    assert items != captures.draw("acme", "mood", 5, seed=2)
    assert len({item["id"] for item in items}) == 5
    assert len(captures.draw("acme", "", 100, seed=1)) == 8
    file = tmp_path / "set.jsonl"
    file.write_text("".join(json.dumps(item) + "\n" for item in items))
    found = load_set(str(file))
    assert len(found.samples) == 5 and not found.faults
    assert found.samples[0].messages[0]["role"] == "user"
    assert captures.policy_of("acme") == "open" and captures.policy_of("nobody") == ""
    with pytest.raises(ConfigError, match="Nothing of account nobody"):
        captures.draw("nobody", "", 1, seed=1)


def test_an_account_is_forgotten_whole(tmp_path: Path) -> None:
    captures = made(tmp_path)
    keep(captures, fields("a"), fields("b", account="acme/sales"), fields("c"))
    assert captures.delete("acme") == 2 and captures.delete("acme") == 0
    assert [each.account for each in captures.kept()] == ["acme/sales"]
    assert captures.delete("acme/sales") == 1 and not list((tmp_path / "captures").glob("*/*"))


def test_old_days_go_and_so_do_the_oldest_when_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captures = made(tmp_path, days=2, megabytes_max=1)
    for day in range(5):
        keep(captures, fields("x" * 200_000), fields("y" * 200_000), at_ns=DAY + day * DAY_NS)
    monkeypatch.setattr("time.time_ns", lambda: DAY + 4 * DAY_NS)
    asyncio.run(captures.tidy_once())
    assert {each.day for each in captures.kept()} == {"2024-10-07", "2024-10-08"}
    keep(captures, *(fields(f"{n}" * 200_000) for n in range(3)), at_ns=DAY + 4 * DAY_NS)
    asyncio.run(captures.tidy_once())
    assert {each.day for each in captures.kept()} == {"2024-10-08"}


def test_a_torn_line_is_passed_over(tmp_path: Path) -> None:
    captures = made(tmp_path)
    keep(captures, fields("whole"))
    (path,) = (tmp_path / "captures").glob("*/*")
    with path.open("a") as file:
        file.write('{"account": "acme", "requ')
    assert [each.requests for each in captures.kept()] == [1]
