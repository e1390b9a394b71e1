"""The market's answers over the API, from the shipped list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Ask = Callable[..., Any]


@pytest.fixture
def get(ask: Ask) -> Ask:
    def send(path: str, status: int = 200, **query: str) -> Any:
        answer = ask("GET", f"/api/prices/{path}", params=query)
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


def test_the_steps_of_a_model_have_the_vendors_days_and_evidence(get: Ask) -> None:
    rows = get("history", model="Qwen-Long", item="input")["data"]
    assert [(row["from_day"], row["to_day"], row["price"], row["change"]) for row in rows] == [
        ("2024-05-01", "2024-05-21", "20", None),
        ("2024-05-21", None, "0.5", "-0.975"),
    ]
    assert all(row["evidence"] and row["source"] == "steelyard" for row in rows)


def test_a_history_can_be_narrowed_and_a_wrong_name_is_told_what_is_near(get: Ask) -> None:
    assert {
        row["currency"] for row in get("history", model="deepseek-chat", currency="usd")["data"]
    } == {"USD"}
    refused = get("history", 400, model="qwenlong")["error"]
    assert "near are qwen-long" in refused["message"] and refused["param"] == "model"
    assert "which model" in get("history", 400)["error"]["message"]
    assert (
        "no OpenAI qwen-long"
        in get("history", 400, model="qwen-long", vendor="OpenAI")["error"]["message"]
    )


def test_one_yuan_bought_a_million_and_a_quarter(get: Ask) -> None:
    found = get("buys", money="1CNY", model="doubao-pro-32k", at="2024-05-15")
    assert [(row["item"], row["number"], row["price"]) for row in found["data"]] == [
        ("input", 1_250_000, "0.8"),
        ("output", 500_000, "2"),
    ]
    assert found["data"][0]["characters"]["expected"] == 2_250_000
    assert found["data"][0]["rate_id"].startswith("b")
    (usd,) = get("buys", money="1CNY", model="gpt-4", item="output", at="2024-05-15")["data"]
    assert usd["exchange_rate"]["id"] == "ecb-2024-05-15-CNY-USD"
    assert usd["number"] == 2308


def test_ten_billion_tokens_with_all_limits_of_may_2024(get: Ask) -> None:
    found = get(
        "compare", input="5B", output="5B", calls="1M", at="2024-05-22", call_seconds="10", top="50"
    )
    rows = {row["model"]: row for kind in ("priced", "free") for row in found[kind]}
    assert rows["doubao-pro-32k"]["home_amount"] == "14000"
    assert rows["doubao-pro-32k"]["least_time"]["text"] == "8.7 days"
    speed = rows["ernie-speed-8k"]
    assert (speed["amount"], speed["least_time"]["text"]) == ("0", "34.7 days")
    assert speed["least_time"]["limit"] == "tpm"
    assert rows["hunyuan-lite"]["least_time"]["seconds"] == "2000000"  # 10 s a call, 5 at once
    amounts = [float(row["home_amount"]) for row in found["priced"]]
    assert amounts == sorted(amounts)
    assert found["counts"]["priced"] >= len(amounts)


def test_a_model_that_was_not_sold_then_is_told_why(get: Ask) -> None:
    def absent(model: str, at: str) -> dict[str, str]:
        found = get("compare", input="1M", model=model, at=at)
        return {f"{row['vendor']} {row['currency']}": row["reason"] for row in found["absent"]}

    assert absent("gpt-4o", "2024-05-01")["OpenAI USD"] == "listed from 2024-05-13 on"
    assert "OpenAI USD" not in absent("gpt-4o", "2024-05-14")
    assert get("compare", input="1M", at="2024-05-01")["absent"] == []


def test_a_text_is_compared_by_its_characters(get: Ask) -> None:
    found = get("compare", chars_zh="1万", model="gpt-4o", at="2024-05-15", home="usd")
    official = next(row for row in found["priced"] if row["vendor"] == "OpenAI")
    assert official["input_tokens"] == 8238
    assert official["amount"] == "0.04119"
    assert official["exchange_rate"] is None
    assert official["characters_per_token"][0]["basis"] == "measured"
    wan = official["wan_characters"]["input"]
    assert float(wan["low"]) < float(wan["expected"]) < float(wan["high"])


def test_an_allowance_says_how_long_it_lasts(get: Ask) -> None:
    found = get("compare", input="1M", model="doubao-pro-32k", at="2024-06-01")
    allowance = next(f for f in found["priced"][0]["facts"] if f["kind"] == "allowance")
    assert allowance["free_seconds"] is None
    found = get("compare", input="1k", model="doubao-pro-32k", at="2024-06-01")
    allowance = next(f for f in found["priced"][0]["facts"] if f["kind"] == "allowance")
    assert allowance["free_seconds"] == "0"


@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        ("compare", {}, "what is to be done"),
        ("compare", {"input": "1e6"}, "input: no number"),
        ("compare", {"input": "1", "calls": "0"}, "at least one call"),
        ("compare", {"input": "1", "cached": "2"}, "cached: no share"),
        ("compare", {"input": "1", "language": "fr"}, "Unknown language"),
        ("compare", {"input": "1", "colour": "red"}, "Unknown colour"),
        ("compare", {"input": "1", "vendor": "Nobody"}, "no Nobody"),
        ("compare", {"input": "1", "at": "soon"}, "at: no day"),
        ("buys", {}, "how much"),
        ("buys", {"money": "1"}, "money: no money"),
        ("buys", {"money": "1CNY", "item": "soul"}, "Unknown item"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(
    get: Ask, path: str, query: dict[str, str], message: str
) -> None:
    assert message in get(path, 400, **query)["error"]["message"]


def test_only_the_admin_asks(ask: Ask) -> None:
    for path in ("history?model=gpt-4o", "compare?input=1", "buys?money=1CNY"):
        assert ask("GET", f"/api/prices/{path}", token="sk-wrong").status_code == 401
