"""Numbers that carry a check digit, and what has a form of its own."""

from __future__ import annotations

import re

from steelyard.weigh.redaction_kinds import KINDS, is_iban, is_identity_card, is_luhn


def test_check_digits() -> None:
    assert is_luhn("4111 1111 1111 1111") and not is_luhn("4111 1111 1111 1112")
    assert not is_luhn("0" * 16) and not is_luhn("42")
    assert is_identity_card("11010519491231002X") and not is_identity_card("110105194912310021")
    assert is_iban("GB82WEST12345698765432") and not is_iban("GB83WEST12345698765432")


def test_every_repetition_is_bounded() -> None:
    for kind in KINDS:
        plain = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "x", kind.pattern.pattern)
        assert not re.search(r"[*+]|\{[0-9]*,\}", plain), kind.name
