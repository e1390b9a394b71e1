"""Channels as the presets' remarks say: whatever signs and speaks for them is there."""

from __future__ import annotations

import pytest

from steelyard import dialects
from steelyard.config.load import load_text
from steelyard.config.presets import packaged_vendors
from steelyard.control.configuration import resolve
from steelyard.control.configuration.channels import channel_entry
from steelyard.control.configuration.resolve import RULES
from steelyard.dialects import signers
from steelyard.dialects.signers.base import Unsigned
from steelyard.gateway.snapshot import ChannelEntry

AT_S = 1_750_000_000
AWS = "vendor: bedrock, parameters: {aws_region: us-west-2}"
HUNYUAN = (
    "vendor: hunyuan, base_url: https://hunyuan.tencentcloudapi.com, "
    "dialect: tencent_hunyuan, signer: tencent_tc3"
)


def entry_of(text: str) -> ChannelEntry:
    config = load_text(f"channels: {{c: {{{text}, credential: k}}}}", "s.yaml", {}, RULES)
    return channel_entry("c", resolve.channels(config)["c"])


@pytest.mark.parametrize(
    ("text", "dialect", "signer", "credential", "says"),
    [
        (AWS, "bedrock_converse", "aws_sigv4", "AK:SK", "/us-west-2/bedrock/aws4_request, "),
        (HUNYUAN, "tencent_hunyuan", "tencent_tc3", "AK:SK", "/hunyuan/tc3_request, "),
        ("vendor: zhipu, signer: zhipu_jwt", "openai_chat", "zhipu_jwt", "id.s", "Bearer ey"),
        ("vendor: qianfan, signer: baidu_bce", "openai_chat", "baidu_bce", "AK:SK", "bce-auth-v1/"),
    ],
)
def test_a_signed_channel_can_be_called(
    text: str, dialect: str, signer: str, credential: str, says: str
) -> None:
    entry = entry_of(text)
    assert (entry.dialect, entry.signer) == (dialect, signer)
    spoken = dialects.available()[dialect]
    host = entry.base_url.removeprefix("https://").partition("/")[0]
    kind = (("content-type", "application/json"),)
    request = Unsigned("POST", host, spoken.path, kind, b"{}", entry.signing)
    added = dict(signers.available()[signer].sign(request, credential, AT_S))
    assert says in added["authorization"]


def test_a_bedrock_key_is_sent_as_it_is() -> None:
    entry = entry_of(f'{AWS}, signer: ""')
    assert (entry.dialect, entry.signer) == ("bedrock_converse", "")
    assert (entry.credential_header, entry.credential_prefix) == ("authorization", "Bearer ")


def test_whatever_a_preset_signs_with_is_there() -> None:
    named = {vendor.signer for vendor in packaged_vendors().values()} - {""}
    assert named <= set(signers.available())
