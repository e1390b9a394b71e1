import asyncio
import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from steelyard.domain.errors import StoreUnavailable
from steelyard.domain.tallies import Tally
from steelyard.domain.usage import Usage
from steelyard.weigh.answers import (
    AnswerStore,
    Bounds,
    Kept,
    StoringAsk,
    key_of,
    open_all,
    tidy,
)
from steelyard.weigh.asking import Answer

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
REQUEST: dict[str, object] = {"messages": [{"role": "user", "content": "Good?"}], "max_tokens": 4}
YES = Answer("Yes \ud800!", "stop", 5, 1, 10**20, "CNY", 0.5, "c1", "model-1")
YES = replace(YES, used=Tally.of(Usage(5, 1, 2), "batch"))
KEY = key_of(REQUEST)


def opened(folder: Path, offer: str = "a", now: datetime = NOON, **bounds: int) -> AnswerStore:
    store = AnswerStore(folder, offer, "m", Bounds(**bounds))
    store.open(now)
    return store


class Vendor:
    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
        self.asked += 1
        return replace(YES, call_id=f"c{self.asked}")


def ask(asker: StoringAsk, offer: str = "a", **change: object) -> Answer:
    return asyncio.run(asker(offer, {**REQUEST, **change}, task="t"))


def test_what_is_kept_comes_back_whole_with_its_date(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.put(KEY, YES, NOON)
    store.close()
    again = opened(tmp_path, now=NOON + timedelta(days=1))
    assert again.get(KEY) == replace(YES, answered_at=NOON)
    (path,) = tmp_path.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again.close()


def test_what_an_earlier_version_kept_has_no_tokens_and_is_an_answer_all_the_same(
    tmp_path: Path,
) -> None:
    store = opened(tmp_path)
    store.put(KEY, YES, NOON)
    store.close()
    (path,) = tmp_path.iterdir()
    row = json.loads(path.read_text())
    del row["used"]
    path.write_text(json.dumps(row) + "\n")
    again = opened(tmp_path)
    assert again.get(KEY) == replace(YES, answered_at=NOON, used=None)
    path.write_text(json.dumps({**row, "used": [[[1, 2], "", 0]]}) + "\n")
    again.close()
    damaged = opened(tmp_path)
    assert damaged.get(KEY) is None
    damaged.close()


def test_the_same_question_is_asked_once_and_another_anew(tmp_path: Path) -> None:
    vendor, store = Vendor(), opened(tmp_path)
    asker = StoringAsk(vendor, {"a": store}, lambda: NOON)
    first = ask(asker)
    assert (first.is_stored, ask(asker).is_stored, vendor.asked) == (False, True, 1)
    ask(asker, max_tokens=5)
    assert vendor.asked == 2
    ask(asker, "b")
    ask(asker, "b")
    assert vendor.asked == 4  # nobody keeps its answers
    store.close()


def test_an_offer_under_another_name_of_its_vendor_is_another(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.put(KEY, YES, NOON)
    moved = AnswerStore(tmp_path, "a", "m-2", Bounds())
    moved.open(NOON)
    assert moved.get(KEY) is None
    assert opened(tmp_path, "b").get(KEY) is None


def test_who_asks_afresh_or_since_a_change_gets_a_new_answer_that_is_kept(tmp_path: Path) -> None:
    vendor, store = Vendor(), opened(tmp_path)
    ask(StoringAsk(vendor, {"a": store}, lambda: NOON))
    later = NOON + timedelta(hours=1)
    fresh = StoringAsk(vendor, {"a": store}, lambda: later, is_fresh=True)
    assert not ask(fresh).is_stored
    since = StoringAsk(vendor, {"a": store}, lambda: later, {"a": later})
    assert not ask(since).is_stored
    known = ask(StoringAsk(vendor, {"a": store}, lambda: later, {"a": NOON}))
    assert (known.call_id, known.answered_at) == ("c3", later)


def test_empty_and_endless_answers_are_not_kept(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for text in ("", "  ", "x" * (300 << 10)):
        store.put(KEY, replace(YES, text=text), NOON)
    assert store.get(KEY) is None
    store.close()


def test_the_old_is_forgotten_by_age_and_the_older_half_by_size(tmp_path: Path) -> None:
    store = opened(tmp_path, file_bytes_max=4_000)
    keys = [key_of({"n": n}) for n in range(40)]
    for key in keys:
        store.put(key, YES, NOON)
    assert store.get(keys[0]) is None
    assert store.get(keys[-1]) is not None
    (path,) = tmp_path.iterdir()
    assert path.stat().st_size <= 4_000
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    store.close()
    assert opened(tmp_path, now=NOON + timedelta(days=29)).get(keys[-1]) is not None
    assert opened(tmp_path, now=NOON + timedelta(days=31)).get(keys[-1]) is None


def test_files_that_nobody_adds_to_are_deleted(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.put(KEY, YES, NOON)
    (path,) = tmp_path.iterdir()
    os.utime(path, (NOON.timestamp(), NOON.timestamp()))
    assert tidy(tmp_path, NOON + timedelta(days=29), 30) == 0
    assert tidy(tmp_path, NOON + timedelta(days=31), 30) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_torn_line_is_cut_off_and_damage_passed_over(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.put(KEY, YES, NOON)
    store.close()
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    path.write_bytes(b"garbage\n" + data + b'{"k":"00')
    store = opened(tmp_path)
    assert store.get(KEY) is not None
    other = key_of({"n": 1})
    store.put(other, YES, NOON)
    store.close()
    again = opened(tmp_path)
    assert again.get(KEY) == again.get(other) is not None


def test_a_disk_that_fails_costs_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vendor, store = Vendor(), opened(tmp_path)

    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert ask(StoringAsk(vendor, {"a": store}, lambda: NOON)).text == YES.text


def test_stores_are_opened_for_all_who_are_asked(tmp_path: Path) -> None:
    stores: dict[str, AnswerStore] = {}
    open_all(tmp_path / "answers", Kept({"a": "m", "b": "m"}, Bounds()), stores, NOON)
    assert set(stores) == {"a", "b"}
    for store in stores.values():
        store.close()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="stored answers"):
        open_all(tmp_path / "file", Kept({"a": "m"}, Bounds()), {}, NOON)


def test_a_disk_that_is_full_while_the_older_half_goes_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path, file_bytes_max=1_000)
    keys = [key_of({"n": n}) for n in range(4)]
    (path,) = tmp_path.iterdir()
    kept = []
    while 2 * path.stat().st_size < 1_000:
        kept.append(keys.pop())
        store.put(kept[-1], YES, NOON)
    whole = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: whole(fd, data[:9]))
    with pytest.raises(OSError, match="no room"):
        store.put(keys[0], replace(YES, text="x" * 500), NOON)
    monkeypatch.undo()
    assert all(store.get(key) is not None for key in kept)
    store.put(keys[0], replace(YES, text="x" * 500), NOON)
    assert (store.get(kept[0]), store.get(keys[0]) is None) == (None, False)
    assert list(tmp_path.iterdir()) == [path]
    store.close()
