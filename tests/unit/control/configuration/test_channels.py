"""Channels from presets: regions, parameters, headers, dialects and tables, filled in once."""

from __future__ import annotations

import pytest

from steelyard.config.load import InvalidConfig, load_text
from steelyard.control.configuration import resolve
from steelyard.control.configuration.channels import channel_entry
from steelyard.control.configuration.resolve import RULES
from steelyard.dialects.error_table import ErrorRow, ErrorTable
from steelyard.gateway.snapshot import ChannelEntry, SpokenEntry

VENDORS = """
vendors:
  maker:
    base_url: https://cn.example/v1
    region: cn
    residency: cn
    regions:
      intl: {base_url: https://intl.example/v1/, residency: sg, list: {currency: USD}}
      other: https://other.example/v1
    dialects:
      anthropic_messages:
        base_url: https://cn.example/anthropic/v1
        credential_header: x-api-key
        credential_prefix: ""
        headers: {anthropic-version: "2023-06-01"}
    list: {vendor: Maker, currency: CNY}
    features: [stream, tools]
    manners: [thinking:type, reasoning:back]
    headers: {x-fixed: a}
    errors: [{status: 429, code: 1113, means: out_of_money}]
    in_200: [base_resp.status_code]
    models:
      m1: {context: 1000, manners: [thinking:effort]}
  cloud:
    base_url: https://{resource}.cloud.example/{zone}
    path: /deployments/{model}/chat
    query: {api-version: "1"}
    parameters: {resource: name of your resource}
    credential_header: api-key
    credential_prefix: ""
  odd: {base_url: https://odd.example, needs: [dialect]}
"""


def read(text: str):
    return load_text(VENDORS + text, "s.yaml", {}, RULES)


def entry(text: str) -> ChannelEntry:
    return channel_entry("c", resolve.channels(read(f"channels: {{c: {text}}}"))["c"])


def problem(text: str) -> str:
    with pytest.raises(InvalidConfig) as caught:
        read(f"channels: {{c: {text}}}")
    return str(caught.value)


def test_a_channel_in_another_dialect_of_its_vendors_is_reached_where_that_is_spoken() -> None:
    found = entry("{vendor: maker, dialect: anthropic_messages, credential: k}")
    assert (found.dialect, found.base_url) == (
        "anthropic_messages",
        "https://cn.example/anthropic/v1",
    )
    assert (found.credential_header, found.credential_prefix) == ("x-api-key", "")
    assert found.headers == (("x-fixed", "a"), ("anthropic-version", "2023-06-01"))
    assert found.speaks == {}
    own = "credential_header: api-key, credential_prefix: Key, headers: {x-own: b}"
    found = entry(f"{{vendor: maker, dialect: anthropic_messages, credential: k, {own}}}")
    assert (found.credential_header, found.credential_prefix) == ("api-key", "Key")
    assert dict(found.headers)["x-own"] == "b"
    found = entry(
        "{vendor: maker, dialect: anthropic_messages, base_url: https://relay.example/v1}"
    )
    assert (found.base_url, found.credential_header) == (
        "https://relay.example/v1",
        "authorization",
    )


@pytest.mark.parametrize(
    ("channel", "base_url", "header"),
    [
        (
            "{vendor: gemini, dialect: gemini_generate}",
            "https://generativelanguage.googleapis.com/v1beta",
            "x-goog-api-key",
        ),
        (
            "{vendor: dashscope, region: intl, dialect: dashscope_generation}",
            "https://dashscope-intl.aliyuncs.com/api/v1",
            "authorization",
        ),
    ],
)
def test_vendors_are_asked_in_their_own_words_where_those_are_spoken(
    channel: str, base_url: str, header: str
) -> None:
    found = entry(channel)
    assert (found.base_url, found.credential_header) == (base_url, header)


def test_a_channel_has_its_vendors_first_region_dialects_headers_and_table() -> None:
    found = entry("{vendor: maker, credential: k}")
    assert (found.base_url, found.residency) == ("https://cn.example/v1", "cn")
    assert found.headers == (("x-fixed", "a"),)
    assert found.errors == ErrorTable(
        (ErrorRow("out_of_money", 429, "1113"),), ("base_resp.status_code",)
    )
    assert found.speaks == {
        "anthropic_messages": SpokenEntry(
            "https://cn.example/anthropic/v1",
            "",
            "x-api-key",
            "",
            (("x-fixed", "a"), ("anthropic-version", "2023-06-01")),
        )
    }
    assert (found.credential_header, found.credential_prefix) == ("authorization", "Bearer ")


def test_a_region_has_its_own_address_residency_dialects_and_prices() -> None:
    found = entry("{vendor: maker, region: intl}")
    assert (found.base_url, found.residency) == ("https://intl.example/v1", "sg")
    assert found.speaks == {}
    assert entry("{vendor: maker, region: other}").residency == ""
    config = read(
        "channels: {c: {vendor: maker, region: intl}, d: {vendor: maker, region: cn}}\n"
        "offers: [{model: m1, channel: c}, {model: m1, channel: d}]"
    )
    bodies = {name: body["list"] for name, (body, _) in resolve.offers(config).items()}
    assert bodies["c/m1"]["currency"] == "USD"
    assert bodies["d/m1"]["currency"] == "CNY"
    assert bodies["c/m1"]["vendor"] == "Maker"


def test_a_regions_dialect_is_spoken_as_at_the_vendors_first() -> None:
    own = "{anthropic_messages: https://relay.example/v1}"
    spoken = entry(f"{{vendor: maker, dialects: {own}}}").speaks["anthropic_messages"]
    assert spoken.base_url == "https://relay.example/v1"
    assert (spoken.credential_header, spoken.credential_prefix) == ("x-api-key", "")


def test_an_address_of_ones_own_has_nothing_of_the_vendors_other_addresses() -> None:
    found = entry("{vendor: maker, base_url: 'https://relay.example/v1'}")
    assert found.speaks == {}
    assert found.errors is not None


def test_parameters_fill_addresses_and_the_model_is_left_to_the_worker() -> None:
    found = entry("{vendor: cloud, parameters: {resource: mine, zone: eu-1}}")
    assert found.base_url == "https://mine.cloud.example/eu-1"
    assert found.path == "/deployments/{model}/chat"
    assert found.query == "api-version=1"
    assert (found.credential_header, found.credential_prefix) == ("api-key", "")
    own = (
        "{vendor: cloud, parameters: {resource: a, zone: b}, query: {api-version: '2 3'}, path: /x}"
    )
    assert (entry(own).query, entry(own).path) == ("api-version=2+3", "/x")


def test_a_channel_without_vendor_says_all_itself() -> None:
    found = entry(
        "{base_url: 'http://h:1/v1', credential_header: X-Api-Key, credential_prefix: '',"
        " headers: {x-a: b}}"
    )
    assert (found.credential_header, found.headers) == ("x-api-key", (("x-a", "b"),))
    assert found.errors is None


def test_manners_come_from_the_offer_its_model_or_its_vendor() -> None:
    config = read(
        "channels: {c: {vendor: maker}}\n"
        "offers:\n"
        "  - {model: m1, channel: c}\n"
        "  - {model: m2, channel: c, context: 10, features: [stream]}\n"
        "  - {model: m3, channel: c, context: 10, manners: []}\n"
    )
    found = {name: body["features"] for name, (body, _) in resolve.offers(config).items()}
    assert found == {
        "c/m1": ["stream", "thinking:effort", "tools"],
        "c/m2": ["reasoning:back", "stream", "thinking:type"],
        "c/m3": ["stream", "tools"],
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{vendor: maker, region: intll}", "no region is called 'intll'; did you mean 'intl'?"),
        ("{vendor: cloud, region: eu}", "no region is called 'eu'"),
        ("{vendor: cloud}", "needs parameters.resource: name of your resource"),
        ("{vendor: cloud}", "needs parameters.zone"),
        ("{vendor: maker, parameters: {resource: x}}", "resource: nothing asks for it"),
        ("{vendor: cloud, parameters: {resource: a/b, zone: x}}", "letters, digits and . _ - only"),
        ("{vendor: odd}", "odd cannot be called yet: needs a dialect"),
        ("{vendor: maker, headers: {host: x}}", "header host may not be set"),
    ],
)
def test_mistakes_are_told_with_the_channel(text: str, says: str) -> None:
    found = problem(text)
    assert says in found
    assert "channels.c" in found


def test_a_body_of_an_older_version_has_the_usual_credential_and_no_table() -> None:
    old = {"vendor": "v", "kind": "official", "base_url": "http://h/v1", "dialect": "openai_chat"}
    found = channel_entry("c", {**old, "credential": "c"})
    assert (found.credential_header, found.errors, found.speaks) == ("authorization", None, {})


def test_a_dialect_signer_or_proxy_that_is_none_is_told_before_a_call() -> None:
    base = "base_url: 'https://a.example/v1'"
    assert "there is no signer 'zhipu_jwts'; did you mean 'zhipu_jwt'?" in problem(
        f"{{{base}, signer: zhipu_jwts}}"
    )
    assert "dialects.rerank.signer: there is no signer 'x'; known: " in problem(
        f"{{{base}, dialects: {{rerank: {{signer: x}}}}}}"
    )
    assert "dialect: no dialect is so called; did you mean 'openai_chat'?" in problem(
        f"{{{base}, dialect: openai_chatt}}"
    )
    assert "no dialect is so called" in problem(f"{{{base}, dialects: {{rerankk: null}}}}")
    assert read(f"channels: {{c: {{{base}, dialects: {{openai_realtime: null}}}}}}")
    wrong = problem(f"{{{base}, proxy: 'socks5://user:secret@proxy.example:1080'}}")
    assert "channels.c.proxy: a proxy is http://" in wrong and "secret" not in wrong
    assert read(f"channels: {{c: {{{base}, signer: '', proxy: 'http://u:p@x.example:3128'}}}}")
