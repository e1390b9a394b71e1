from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient

from steelyard.console import pages as console
from steelyard.console.facts import Facts
from steelyard.domain.readiness import Lever
from steelyard.domain.verdict_life import Cause

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AT_NS = int(NOW.timestamp()) * 10**9
SUMS = {"account": "acc_1", "account_name": "acme", "currency": "CNY", "calls": 2}
FACTS = Facts(
    status={
        "revision": 7,
        "keys": 3,
        "workers": [{}, {}],
        "started_at": "2026-11-21T10:00:00+00:00",
        "config_problem": "",
        "ledger_problem": "",
        "engines": [{"name": "small", "state": "up", "detail": "", "done": 0, "total": 0}],
        "weighings": [
            {
                "task": "t",
                "offer": "local/small",
                "items_done": 3,
                "items_total": 9,
                "started_at_ns": AT_NS,
                "ended_at_ns": None,
            }
        ],
    },
    offers=[
        {
            "name": "local/small",
            "model": "small",
            "vendor": "local",
            "kind": "embedded",
            "state": "up",
            "reason": "",
            "prices": {"input": "0.35 CNY/mtok"},
            "verdicts": {"t": "proven"},
        }
    ],
    verdicts=[
        {
            "task": "t",
            "offer": "local/small",
            "status": "proven",
            "is_current": True,
            "quality": 0.75,
            "lower": "0.61",
            "upper": "0.89",
            "floor": "0.6",
            "n": 120,
        }
    ],
    today=[{**SUMS, "cost_pico": "45581243"}],
    month=[{**SUMS, "calls": 9, "cost_pico": str(3 * 10**12)}],
    lines=[
        {
            "attempt_id": "c-1-1-1",
            "called_at_ns": AT_NS,
            "account_id": "acc_1",
            "account_name": "acme",
            "task": "",
            "offer": "local/small",
            "outcome": "completed",
            "input_tokens": 32,
            "output_tokens": 8,
            "usage_source": "reported",
            "cost_pico": "45581243",
            "currency": "CNY",
        }
    ],
)
EMPTY = Facts(status={}, offers=[], verdicts=[], today=[], month=[], lines=[])


def render(facts: Facts = FACTS, language: str = "en") -> str:
    return console.render(facts, language, NOW, "http://127.0.0.1:8080")


def state(facts: Facts) -> str:
    found = re.search(r'class="badge ([a-z_]+)"', render(facts))
    assert found
    return found[1]


def test_amounts_are_never_shown_as_nothing() -> None:
    html = render()
    assert ">0.0000456<" in html and 'title="0.000045581243 CNY"' in html
    assert ">3.00<" in html
    assert ">0.00<" not in html
    chinese = render(language="zh")
    assert 'title="0.000045581243 CNY (≈0.456 毫)"' in chinese
    assert "<small>≈0.456 毫</small>" in chinese


def test_page_tells_models_proofs_calls_and_a_line_to_paste() -> None:
    html = render()
    for text in (
        "small",
        "0.35 CNY",
        "/ million tokens",
        "61.0 % – 89.0 %",
        "acme",
        "32 / 8",
        "<strong>t</strong> local/small",
        "3 / 9",
    ):
        assert text in html, text
    assert '<rect class="range" x="61.00" y="3" width="28.00"' in html
    assert "Keys 3<" in html
    assert "built-in" not in html
    assert "curl http://127.0.0.1:8080/v1/chat/completions" in html


def test_chinese_page_is_chinese() -> None:
    html = render(language="zh")
    assert '<html lang="zh-CN">' in html
    assert "各账户费用" in html and "Costs by account" not in html


def test_page_before_anything_happened_says_what_to_do() -> None:
    html = render(EMPTY)
    assert "No calls yet" in html and "steelyard weigh TASK" in html


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, "all_well"),
        ({"engines": [{"name": "a", "state": "fetching"}]}, "on_the_way"),
        ({"engines": [{"name": "a", "state": "down"}]}, "trouble"),
        ({"config_problem": "line 3"}, "trouble"),
        ({"ledger_problem": "disk full"}, "trouble"),
    ],
)
def test_one_word_says_how_things_are(status: dict[str, Any], expected: str) -> None:
    assert state(replace(EMPTY, status=status)) == expected


def test_what_went_wrong_is_shown() -> None:
    html = render(replace(EMPTY, problems=("/api/offers: locked",)))
    assert "/api/offers: locked" in html


def test_accounts_of_two_currencies_are_two_rows() -> None:
    usd = {**SUMS, "currency": "USD", "cost_pico": "5"}
    rows = console.costs(replace(FACTS, month=[*FACTS.month, usd]))
    assert [(row["currency"], row["calls_today"], row["calls_month"]) for row in rows] == [
        ("CNY", 2, 9),
        ("USD", 0, 2),
    ]


def test_weighing_of_an_earlier_life_is_not_shown_as_running() -> None:
    old = {**FACTS.status["weighings"][0], "started_at_ns": 1}
    assert console.weighing_now(replace(FACTS, status={**FACTS.status, "weighings": [old]})) == []


def test_names_from_outside_cannot_become_markup() -> None:
    evil = {**FACTS.offers[0], "model": "<script>alert(1)</script>"}
    html = render(replace(FACTS, offers=[evil]))
    assert "<script>" not in html and "&lt;script&gt;" in html


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_page_needs_nothing_that_its_policy_forbids() -> None:
    tags = Tags()
    tags.feed(render())
    for tag, attributes in tags.found:
        assert tag not in {"script", "style", "iframe", "form"}
        assert "style" not in attributes and not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            assert not (attributes.get(name) or "").startswith(("http", "//", "data:")), attributes


@pytest.mark.parametrize(
    ("client", "given", "is_welcome"),
    [
        (None, "", True),
        (("10.0.0.9", 4000), "", False),
        (("127.0.0.1", 4000), "", False),
        (("10.0.0.9", 4000), "Bearer secret", True),
        (("10.0.0.9", 4000), "Bearer other", False),
        (("10.0.0.9", 4000), "Basic " + base64.b64encode(b"me:secret").decode(), True),
        (("10.0.0.9", 4000), "Basic " + base64.b64encode(b"secret:").decode(), False),
        (("10.0.0.9", 4000), "Basic %%%", False),
        (("10.0.0.9", 4000), "Basic /w==", False),
    ],
)
def test_bill_is_shown_to_this_machine_and_to_the_administrator(
    client: tuple[str, int] | None, given: str, is_welcome: bool
) -> None:
    headers = [(b"authorization", given.encode())]
    request = Request({"type": "http", "client": client, "headers": headers})
    assert console.is_welcome(request, "secret") is is_welcome
    assert client is None or not console.is_welcome(request, "")


def test_static_files_come_with_the_policy_and_nothing_else_does() -> None:
    app = Starlette(routes=list(console.pages(None))[1:])  # type: ignore[arg-type]
    client = TestClient(app)
    style = client.get("/console/static/style.css")
    assert style.status_code == 200 and style.headers["content-type"].startswith("text/css")
    assert "default-src 'none'" in style.headers["content-security-policy"]
    assert "url(" not in style.text and "@import" not in style.text
    assert client.get("/console/static/icon.svg").headers["content-type"] == "image/svg+xml"
    with pytest.raises(Exception, match="no such file"):
        client.get("/console/static/pages.py")


TASK_ROW = {
    **{"task": "t", "state": "supervised", "floor": "0.9", "cheapest": "", "currency": "CNY"},
    **{"cost_per_accepted_pico": None, "best": {"offer": "shop/m", "lower": "0.8", "upper": "1"}},
    "changes": [{"lever": "more_items", "offer": "shop/m", "items": 1525, "missing": None}],
}


def test_tasks_have_a_verdict_and_what_would_help_in_both_languages() -> None:
    ready = {
        **TASK_ROW,
        **{"task": "r", "state": "ready", "cheapest": "shop/n", "changes": []},
        "cost_per_accepted_pico": "123456789",
    }
    better = {"lever": "better_model", "offer": "", "items": None, "missing": "0.08"}
    far = {**TASK_ROW, "state": "not_yet", "best": None, "changes": [better]}
    facts = replace(FACTS, tasks=[TASK_ROW, ready, far])
    html = render(facts)
    for text in (
        "ask shop/m about 1,525 items more",
        "with a person who checks",
        "shop/n",
        "<small>Per accepted answer 0.000123 CNY</small>",
        "<small>95 % bounds 80.0 % – 100.0 %</small>",
        "a model that is better by 8.0 points",
    ):
        assert text in html, text
    head = html.split("Which tasks are ready")[1].split("</thead>")[0]
    assert head.count("<th") - head.count("<thead") == 6  # more went out of sight at 1280 pixels
    chinese = render(facts, "zh")
    assert "须人工复核" in chinese and "再用约 1,525 个样本评测 shop/m" in chinese
    assert "Which tasks are ready" not in render()


@pytest.mark.parametrize("lever", [lever.value for lever in Lever])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_that_may_be_said_of_tasks_has_words(lever: str, language: str) -> None:
    change = {"lever": lever, "offer": "shop/m", "items": 1, "missing": "0.1"}
    assert render(replace(FACTS, tasks=[{**TASK_ROW, "changes": [change]}]), language)


@pytest.mark.parametrize("cause", [cause.value for cause in Cause])
def test_a_stale_verdict_says_why(cause: str) -> None:
    row = {**FACTS.verdicts[0], "status": "stale", "cause": cause, "reason": "alarm of today"}
    html = render(replace(FACTS, verdicts=[row]))
    assert "no longer holds" in html
    assert ('title="alarm of today"' in html) is bool(cause)
