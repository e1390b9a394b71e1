"""What a preset may say, and what nobody may."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from steelyard.config.vendor import ErrorRule, Region, Spoken, Vendor, header_name


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "X-Api-Key",
        "api-key",
        "x-goog-api-key",
        "anthropic-version",
        "OpenAI-Project",
    ],
)
def test_headers_that_vendors_ask_for_may_be_set(name: str) -> None:
    assert header_name(name) == name.lower()


@pytest.mark.parametrize(
    "name",
    ["host", "content-length", "cookie", "connection", "x-steelyard-attempt", "x y", "x-a:", ""],
)
def test_headers_that_could_bend_a_request_may_not(name: str) -> None:
    with pytest.raises(ValueError, match="header"):
        header_name(name)


def test_an_address_alone_is_the_short_way_to_write_a_region_or_a_dialect() -> None:
    vendor = Vendor.model_validate(
        {
            "regions": {"intl": "https://i.example/v1"},
            "dialects": {"anthropic_messages": "https://a.example/v1", "openai_responses": None},
        }
    )
    assert vendor.regions == {"intl": Region(base_url="https://i.example/v1")}
    assert vendor.dialects["anthropic_messages"] == Spoken(base_url="https://a.example/v1")
    assert vendor.dialects["openai_responses"] == Spoken()


@pytest.mark.parametrize(
    "values",
    [
        {"headers": {"host": "evil"}},
        {"headers": {"x-a": "1\r\nx-b: 2"}},
        {"credential_header": "content-type"},
        {"manners": ["politely"]},
        {"limits": ["furlongs"]},
        {"errors": [{"means": "rate_limited"}]},
        {"errors": [{"status": 429, "means": "whatever"}]},
        {"errors": [{"status": 20, "means": "rate_limited"}]},
        {"regions": {"intl": "ftp://x"}},
    ],
)
def test_values_out_of_bounds(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Vendor.model_validate(values)


def test_a_code_that_is_a_number_is_its_text() -> None:
    assert ErrorRule.model_validate({"code": 1113, "means": "out_of_money"}).code == "1113"
