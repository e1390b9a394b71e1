"""What is taken out of requests, what stays, and that nothing is slow."""

from __future__ import annotations

import time

import pytest

from steelyard.weigh.redaction import is_iban, is_identity_card, is_luhn, redact, redact_text

OUT = {
    "mail me at zhang.san+x@mail.example.com.": "mail me at [EMAIL_1].",
    "我的手机是13812345678，固话 010-62770334": "我的手机是[PHONE_1]，固话 [PHONE_2]",
    "电话１３８１２３４５６７８": "电话[PHONE_1]",
    "+44 20 7946 0958 or (212) 555-0199": "[PHONE_1] or [PHONE_2]",
    "身份证11010519491231002X办的": "身份证[ID_1]办的",
    "卡号 6222 0200 0000 0000 04 到期": None,
    "card 4111-1111-1111-1111 please": "card [CARD_1] please",
    "IBAN GB82 WEST 1234 5698 7654 32 ok": "IBAN [IBAN_1] ok",
    "密码是 Hunter22！": "密码是 [SECRET_1]",
    "password: s3cr3t-x, then": "password: [SECRET_1], then",
    "key sk-proj-abcdEFGH1234567890 in": "key [SECRET_1] in",
    "Authorization: Bearer abcdefgh.ijklmnop": "Authorization: Bearer [SECRET_1]",
    "postgres://bob:hunter2@db.internal/x": "postgres://bob:[SECRET_1]@db.internal/x",
    "车牌粤B12345，停A区": "车牌[PLATE_1]，停A区",
    "ssh 192.168.10.24 and fe80:1:2:3:4:5:6:7": "ssh [IP_1] and [IP_2]",
    "a@b.co writes to a@b.co and c@d.org": "[EMAIL_1] writes to [EMAIL_1] and [EMAIL_2]",
}


@pytest.mark.parametrize(("text", "clean"), [(t, c) for t, c in OUT.items() if c is not None])
def test_what_has_a_form_is_taken_out(text: str, clean: str) -> None:
    assert redact_text(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "订单号 20240518123456，共 3 件，1299.00 元",
        "version 1.2.3, chapter 4.5.6.7.8, 10:30:00",
        "The skeleton key is a token of trust; passwords are hard.",
        "卡号 1234 5678 9012 3456",  # no check digit
        "id 110105194912310021",  # nor here
        "3.14159 and 2^64 = 18446744073709551616",
        "川菜馆 A12345 号桌",
        "sketch-book and pkg_resources_extern",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact_text(text) == text


def test_a_key_block_goes_whole_even_when_cut_off() -> None:
    block = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc"
    assert redact_text(f"see {block}") == "see [SECRET_1]"


def test_words_of_ones_own_whatever_their_case() -> None:
    assert redact_text("Acme Corp and ACME", ["acme", "acme corp", " "]) == "[WORD_1] and [WORD_2]"


def test_a_request_keeps_what_an_item_needs_and_nothing_else() -> None:
    request = {
        "model": "m",
        "user": "u-17",
        "metadata": {"x": "y"},
        "temperature": 1,
        "messages": [
            {"role": "user", "name": "zhang", "content": [{"type": "text", "text": "a@b.co"}]},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "type": "function",
                 "function": {"name": "find", "arguments": "{\"to\": \"a@b.co\"}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "c@d.org"},
        ],
        "tools": [{"type": "function", "function": {"name": "find"}}],
    }  # fmt: skip
    found = redact(request)
    assert found.reason == "" and found.counts == {"EMAIL": 2}
    assert found.request == {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "[EMAIL_1]"}]},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "type": "function",
                 "function": {"name": "find", "arguments": "{\"to\": \"[EMAIL_1]\"}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "[EMAIL_2]"},
        ],
        "tools": [{"type": "function", "function": {"name": "find"}}],
    }  # fmt: skip


@pytest.mark.parametrize(
    "request_",
    [
        None,
        [],
        {},
        {"messages": []},
        {"messages": ["x"]},
        {"messages": [{"content": "x"}]},
        {"messages": [{"role": "user", "content": 7}]},
        {"messages": [{"role": "user", "content": ["x"]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
    ],
)
def test_what_is_no_chat_of_text_is_not_kept(request_: object) -> None:
    found = redact(request_)
    assert found.request is None and found.reason


def test_what_is_nested_without_end_is_not_kept() -> None:
    deep: object = "x"
    for _ in range(100):
        deep = [deep]
    found = redact({"messages": [{"role": "user", "content": "x"}], "tools": deep})
    assert found.request is None and "deep" in found.reason


def test_check_digits() -> None:
    assert is_luhn("4111 1111 1111 1111") and not is_luhn("4111 1111 1111 1112")
    assert not is_luhn("0" * 16) and not is_luhn("42")
    assert is_identity_card("11010519491231002X") and not is_identity_card("110105194912310021")
    assert is_iban("GB82WEST12345698765432") and not is_iban("GB83WEST12345698765432")


@pytest.mark.parametrize(
    "piece", ["a", "1", "-", "1 ", "a.", "eyJ", "@", "+1", "password", "AB12 ", "1:", "BEGIN "]
)
def test_no_text_takes_long(piece: str) -> None:
    text = "-----BEGIN " + piece * (50_000 // len(piece))
    began = time.process_time()
    redact_text(text)
    assert time.process_time() - began < 4
