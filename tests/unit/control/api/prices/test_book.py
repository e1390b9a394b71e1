"""The price book over the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from steelyard.control.api.prices import book
from steelyard.control.control import Control
from steelyard.control.price_watch import updates as price_updates

Ask = Callable[..., Any]
LIST = (
    b"vendor,channel,model,currency,unit,item,condition,price,effective_from,effective_to"
    b",source,note\nMine,official,chat,CNY,per_1m_tokens,input,,1,2026-01-01,,page,\n"
)


def test_rates_of_offers(ask: Ask) -> None:
    rows = ask("GET", "/api/prices").json()["data"]
    assert [(row["offer"], row["item"], row["price"]) for row in rows] == [
        ("shop/m", "input", "1 CNY/mtok"),
        ("shop/m", "output", "2.5 CNY/mtok"),
    ]
    assert len(ask("GET", "/api/prices?offer=shop/m").json()["data"]) == 2
    assert ask("GET", "/api/prices?offer=other").json()["data"] == []


def test_a_list_is_taken_over_and_stands_in_the_book(ask: Ask) -> None:
    dry = ask("POST", "/api/prices/import?dry_run=1", content=LIST).json()
    assert (dry["state"], dry["counts"]["added"]) == ("ready", 1)
    assert dry["steps"][0]["amount"] == "1"
    taken = ask("POST", "/api/prices/import?name=own.csv", content=LIST).json()
    assert taken["state"] == "taken"
    assert ask("POST", "/api/prices/import?name=own.csv", content=LIST).json()["state"] == "same"
    (line,) = ask("GET", "/api/prices/book?vendor=mine&model=CHAT").json()["data"]
    assert (line["origin"], line["is_chosen"], line["price"]) == ("own", True, "1 CNY/mtok")
    assert line["valid_from"].startswith("2026-01-01")
    assert ask("GET", "/api/prices/book?vendor=mine&origin=litellm").json()["data"] == []
    newest = ask("GET", "/api/prices/lists").json()["data"][0]
    assert (newest["name"], newest["lines"], newest["actor"]) == ("own.csv", 1, "admin")


def test_what_is_wrong_is_told_and_nothing_is_taken_over(ask: Ask) -> None:
    refused = ask("POST", "/api/prices/import", content=LIST.replace(b",1,", b",x,")).json()
    assert refused["state"] == "refused"
    assert refused["findings"][0]["line"] == 2
    assert ask("GET", "/api/prices/book?vendor=mine").json()["data"] == []


def test_corrections_and_large_changes_are_asked_for(ask: Ask) -> None:
    ask("POST", "/api/prices/import", content=LIST)
    dearer = LIST.replace(b",1,", b",50,")
    for query, state in (("", "refused"), ("?correction=1", "refused"), ("?yes=1", "refused")):
        found = ask("POST", f"/api/prices/import{query}", content=dearer).json()
        assert found["state"] == state
    found = ask("POST", "/api/prices/import?yes=1&correction=1", content=dearer).json()
    assert (found["state"], found["has_corrections"]) == ("taken", True)


def test_the_book_is_checked(ask: Ask) -> None:
    ask("POST", "/api/prices/import", content=LIST.replace(b"input", b"output"))
    found = ask("GET", "/api/prices/check?vendor=Mine&stale_days=100000").json()["data"]
    assert any("input" in finding["message"] for finding in found)
    assert ask("GET", "/api/prices/check?stale_days=soon").status_code == 400


def test_questions_that_make_no_sense(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("POST", "/api/prices/import?source=x", content=LIST).status_code == 400
    assert (
        ask("POST", "/api/prices/import?source=sheet&mapping=[]", content=LIST).status_code == 400
    )
    assert ask("POST", "/api/prices/import?mapping=%7B", content=LIST).status_code == 400
    monkeypatch.setattr(book, "LIST_BYTES_MAX", 10)
    assert ask("POST", "/api/prices/import", content=LIST).status_code == 413
    assert ask("POST", "/api/prices/import", content=LIST, token="sk-x").status_code == 401


def test_a_sheet_is_read_by_its_mapping(ask: Ask) -> None:
    mapping = {
        "columns": {"model": "M", "price": "P", "item": "I"},
        "constants": {"vendor": "Mine", "currency": "CNY", "unit": "CNY per 1M tokens"},
    }
    found = ask(
        "POST",
        "/api/prices/import",
        params={"source": "sheet", "mapping": json.dumps(mapping)},
        content=b"M,I,P\nchat,input,3\n",
    ).json()
    assert (found["state"], found["steps"][0]["amount"]) == ("taken", "3")


def test_updates_are_applied_from_whom_the_file_trusts(ask: Ask, control: Control) -> None:
    private, public = price_updates.make_keys()
    update = price_updates.write_update(LIST, date(2026, 11, 21), "main", private)
    assert ask("POST", "/api/prices/update", content=update).status_code == 403
    text = control.places.config.read_text() + f"price_book: {{keys: {{main: {public}}}}}\n"
    control.places.config.write_text(text)
    ask("POST", "/api/config/apply")
    found = ask("POST", "/api/prices/update?name=up.txt", content=update).json()
    assert (found["state"], found["day"], found["key"]) == ("taken", "2026-11-21", "main")
    (line,) = ask("GET", "/api/prices/book?vendor=mine").json()["data"]
    assert line["origin"] == "steelyard"
    older = price_updates.write_update(LIST, date(2026, 1, 1))
    assert ask("POST", "/api/prices/update?unsigned=1", content=older).status_code == 400
    assert ask("POST", "/api/prices/update?url=ftp://x/y").status_code == 400


def test_without_a_running_control_the_file_on_disk_says_whom_to_trust(
    ask: Ask, control: Control
) -> None:
    private, public = price_updates.make_keys()
    text = control.places.config.read_text() + f"price_book: {{keys: {{main: {public}}}}}\n"
    control.places.config.write_text(text)
    control.config = None
    update = price_updates.write_update(LIST, date(2026, 11, 21), "main", private)
    assert ask("POST", "/api/prices/update", content=update).json()["state"] == "taken"
