"""Presets, catalogue and file, joined into what the database keeps."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from steelyard.config.load import InvalidConfig, load_text
from steelyard.control.configuration import resolve, taskbook
from steelyard.control.configuration.resolve import RULES
from steelyard.domain.budgets import Period, Unit


def read(text: str, env: dict[str, str] | None = None):
    return load_text(text, "s.yaml", env or {}, RULES)


def problem(text: str) -> str:
    with pytest.raises(InvalidConfig) as caught:
        read(text)
    return str(caught.value)


def test_a_channel_takes_from_its_vendor_what_it_does_not_say() -> None:
    config = read("channels: {c: {vendor: dashscope, credential: s3cret, timeout_idle_s: 5}}")
    body = resolve.channels(config)["c"]
    assert body["base_url"] == "https://dashscope.aliyuncs.com/compatible-mode/v1"
    assert (body["residency"], body["kind"], body["vendor"]) == ("cn", "official", "dashscope")
    assert body["timeout_idle_s"] == 5.0
    assert body["credential"] == "c"
    assert "s3cret" not in repr(body)
    assert resolve.secrets(config) == {"c": "s3cret"}
    assert resolve.vendors_used(config)["dashscope"]["title_zh"] == "阿里云百炼（通义千问）"


def test_what_a_channel_says_itself_holds() -> None:
    text = (
        "channels: {c: {vendor: openai, base_url: 'http://p:1/v1', residency: eu, kind: reseller}}"
    )
    body = resolve.channels(read(text))["c"]
    assert (body["base_url"], body["residency"], body["kind"]) == (
        "http://p:1/v1",
        "eu",
        "reseller",
    )
    assert body["credential"] == ""


def test_an_offer_follows_the_price_book_where_its_vendor_stands_there() -> None:
    config = read(
        "channels: {o: {vendor: openai}}\n"
        "offers: [{model: small, upstream_model: gpt-4o-mini, channel: o, context: 128000}]"
    )
    body, terms = resolve.offers(config)["o/small"]
    assert body["upstream_model"] == "gpt-4o-mini"
    assert (body["follows_list"], terms) == (True, {})
    assert body["priced_at"] == "start"
    assert body["list"] == {
        "vendor": "OpenAI",
        "channel": "official",
        "model": "gpt-4o-mini",
        "currency": "USD",
        "region": "",
        "seller": "",
        "variant": "",
    }


def test_what_an_offer_says_of_its_listing_holds() -> None:
    config = read(
        "channels: {q: {vendor: dashscope, kind: reseller}, v: {vendor: volcano-ark}}\n"
        "offers:\n"
        "  - {model: a, channel: q, context: 9, priced_at: end,"
        " list: {model: qwen-max, currency: USD, region: intl, channel: official}}\n"
        "  - {model: b, channel: q, context: 9, rates: {input: 1 CNY/mtok}}\n"
        "  - {model: doubao-1-5-pro-32k-250115, channel: v, context: 9}\n"
    )
    found = resolve.offers(config)
    body = found["q/a"][0]
    assert list(body["list"].values()) == ["Alibaba", "official", "qwen-max", "USD", "intl", "", ""]
    assert body["priced_at"] == "end"
    assert found["q/b"][0]["list"]["channel"] == "reseller"
    assert not found["q/b"][0]["follows_list"]
    assert found["v/doubao-1-5-pro-32k-250115"][0]["list"]["model"] == "doubao-1.5-pro-32k"


def test_a_vendor_of_ones_own_stands_under_its_title_and_no_vendor_nowhere() -> None:
    config = read(
        "vendors: {mine: {title: Mine AI, base_url: 'http://m/v1', priced_at: end}}\n"
        "channels: {m: {vendor: mine}, x: {base_url: 'http://x/v1'}}\n"
        "offers: [{model: a, channel: m, context: 9}, {model: gpt-4o, channel: x, context: 9}]"
    )
    mine, anonymous = (body for body, _ in resolve.offers(config).values())
    assert (mine["list"]["vendor"], mine["follows_list"]) == ("Mine AI", True)
    assert mine["priced_at"] == "end"
    assert (anonymous["list"]["vendor"], anonymous["follows_list"]) == ("", False)


def test_a_local_model_is_priced_by_the_hour_of_cpu() -> None:
    config = read("local: {price_per_cpu_hour: 0.36 CNY, models: {small: {context: 4096}}}")
    (name,) = resolve.offers(config)
    body, terms = resolve.offers(config)[name]
    assert name == "local/smollm2-135m-instruct"
    assert terms["output"][0].amount == Fraction(36, 100) / 3600 * 10**6 / 132
    assert body["context_tokens"] == 4096
    assert body["output_tokens_max"] == 2048
    (engine,) = resolve.engines(config)
    assert engine["context"] == 4096


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF")
    config = read(
        f"local: {{models: {{mine: {{path: {file},"
        " rates: {input: 1 CNY/mtok, output: 2 CNY/mtok}}}}"
    )
    assert resolve.engines(config)[0]["model_file"] == str(file)
    assert resolve.offers(config)["local/mine"][1]["output"][0].amount == 2


def test_unknown_models_files_and_tasks_are_mistakes_of_the_file() -> None:
    local = "local: {price_per_cpu_hour: 1 CNY, models: {%s}}"
    assert "did you mean 'small'" in problem(local % "smal: {}")
    assert "stands already" in problem(local % "small: {}, smollm2-135m-instruct: {}")
    assert "no model file at /none.gguf" in problem(
        local % "x: {path: /none.gguf, rates: {input: 1 CNY/mtok}}"
    )
    assert "did you mean 'shop/review-sentiment'" in problem("tasks: {shop/review-sentimant: {}}")


def test_limits_are_exact() -> None:
    config = read(
        "accounts: {a: {limits: [{money: 0.1 CNY, period: month, zone: Asia/Shanghai},"
        " {requests: 5, is_hard: false}]}}"
    )
    account = config.accounts["a"]
    assert account is not None
    money, requests = resolve.limit_terms(account.limits)
    assert money == (Unit.MONEY, 10**11, Period.MONTH, "CNY", "Asia/Shanghai", True)
    assert requests == (Unit.REQUESTS, 5, Period.MINUTE, "", "UTC", False)


def test_tasks_are_the_shipped_ones_with_the_files_settings() -> None:
    name = "shop/review-sentiment"
    shipped = taskbook.bodies(read(""))
    changed = taskbook.bodies(
        read(f"tasks: {{{name}: {{floor: 0.91}}, shop/booking-slots: {{enabled: false}}}}")
    )
    assert set(shipped) - set(changed) == {"shop/booking-slots"}
    assert changed[name]["floor"] == "0.91"
    # The floor says what a measurement means, not what was measured.
    assert changed[name]["digests"] == shipped[name]["digests"]
