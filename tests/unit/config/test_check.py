"""Checks across the file."""

from __future__ import annotations

import pytest

from steelyard.config.load import InvalidConfig, load_text

CHANNEL = "channels: {shop: {base_url: http://x/v1}}\n"


def problem(text: str) -> str:
    with pytest.raises(InvalidConfig) as caught:
        load_text(text, "s.yaml", {})
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("channels: {a: {vendor: opnai}}", "did you mean 'openai'?"),
        ("channels: {a: {kind: reseller}}", "needs a base_url"),
        ("channels: {local/x: {base_url: http://x/v1}}", "belong to models on this machine"),
        (CHANNEL + "offers: [{model: m, channel: shp}]", "did you mean 'shop'?"),
        (CHANNEL + "offers: [{model: m, channel: shop}]", "needs context"),
        (
            CHANNEL + "offers: [{model: m, channel: shop, context: 10, output_max: 11}]",
            "output_max 11 passes context 10",
        ),
        (
            CHANNEL + "offers:\n- {model: m, channel: shop, context: 9}\n"
            "- {model: m, channel: shop, context: 9}",
            "stands already at offers[0]",
        ),
        (
            CHANNEL + "offers: [{model: m, channel: shop, context: 9,"
            " rates: {input: 1 CNY/mtok, output: 1 USD/mtok}}]",
            "one currency per offer, not CNY and USD",
        ),
        ("local: {models: {small: {}}}", "has no price"),
        (
            "local: {price_per_cpu_hour: 1 CNY, models: {mine: {path: /m.gguf}}}",
            "needs speed (tokens per second) or rates",
        ),
        ("accounts: {acme: {}}\nkeys: {k: {account: acm}}", "did you mean 'acme'?"),
        ("policies: {p: {channels: [nowhere]}}", "no channel is called 'nowhere'"),
        ("accounts: {a: {policy: strct}}\npolicies: {strict: {}}", "did you mean 'strict'?"),
        ("aliases: {gpt: m}", "no offer serves 'm'"),
        ("tasks: {own/task: {set: s.jsonl}}", "needs set, grader, form and floor"),
        ("exchange_rates: {source: csv}", "csv needs it"),
        (
            "accounts: {a: {limits: [{money: 1 CNY, period: day}, {money: 1 USD, period: day}]}}",
            "one currency for all money limits",
        ),
    ],
)
def test_mistakes_across_the_file(text: str, message: str) -> None:
    assert message in problem(text)


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("{money: 1 CNY}", "a money limit needs a period"),
        ("{requests: 5, period: day}", "requests count per minute"),
        ("{}", "give either money or requests"),
        ("{money: 1 CNY, period: day, zone: Mars}", "no time zone 'Mars'"),
    ],
)
def test_limits(limit: str, message: str) -> None:
    assert message in problem(f"accounts: {{a: {{limits: [{limit}]}}}}")


def test_a_whole_configuration_holds() -> None:
    config = load_text(
        """
channels:
  openai: {vendor: openai, credential: "${KEY}", residency: us}
  mine: {vendor: vllm, base_url: "http://10.0.0.1:8000/v1"}
offers:
  - {model: gpt-4o-mini, channel: openai, context: 128000, output_max: 16384}
  - {model: llama, channel: mine, context: 8192, rates: {input: 0.5 CNY/mtok, output: 1 CNY/mtok}}
local: {price_per_cpu_hour: 0.3 CNY, models: {small: }}
accounts: {acme: {accounts: {support: {policy: strict}}, limits: [{requests: 60}]}}
keys: {nightly: {account: acme/support, limits: [{money: 5 USD, period: total}]}}
policies: {strict: {channels: [mine]}, default: {attempts_max: 2}}
aliases: {gpt: gpt-4o-mini}
tasks: {shop/review-sentiment: {floor: 0.9}}
""",
        "s.yaml",
        {"KEY": "k"},
    )
    assert config.accounts["acme"] is not None
    assert config.keys["nightly"].limits[0].money == "5 USD"
