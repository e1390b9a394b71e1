"""What has a form by which it is found in a text: keys, numbers of people, cards and machines.

Patterns and check digits for ``redaction``. Every repetition is bounded, so the time is, too. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple


class Kind(NamedTuple):
    """One kind of text to take out."""

    name: str
    pattern: re.Pattern[str]
    is_one: Callable[[str], bool] | None = None
    """Whether a match is one, where the form alone does not tell."""
    needs: str = ""
    """What every match holds: a text without it is not searched."""
    is_grouped: bool = False
    """Whether a match may be one with more behind or before it, apart by blanks or hyphens."""


def _digits(text: str) -> list[int]:
    return [int(c) for c in text if c in "0123456789"]


def is_luhn(text: str) -> bool:
    """Whether digits carry the check digit of bank cards."""
    digits = _digits(text)
    doubled = [d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(reversed(digits))]
    return 13 <= len(digits) <= 19 and sum(doubled) % 10 == 0 and any(digits)


def is_card(text: str) -> bool:
    """Whether digits are those of a bank card, in one or in groups of three at least."""
    if not 13 <= len(text) <= 25:
        return False
    groups = re.split("[ -]", text)
    return min(map(len, groups[:-1]), default=3) >= 3 and is_luhn(text)


def is_identity_card(text: str) -> bool:
    """Whether 17 digits carry the check character of China's identity cards (GB 11643)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(w * int(c) for w, c in zip(weights, text[:17], strict=True))
    return "10X98765432"[total % 11] == text[17].upper()


def is_iban(text: str) -> bool:
    """Whether an account number carries the check digits of ISO 13616."""
    packed = text.replace(" ", "").upper()
    moved = packed[4:] + packed[:4]
    return 15 <= len(packed) <= 34 and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def is_machine(text: str) -> bool:
    """Whether four numbers with dots can be an address."""
    return all(int(part) < 256 for part in text.split("."))


def is_ipv6(text: str) -> bool:
    """Whether hexadecimal digits and colons are an address, and not a name in a program."""
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return any(c.isdigit() for c in text)


def is_token(text: str) -> bool:
    """Whether what looks like a key by its beginning holds digits, as words do not."""
    return any(c.isdigit() for c in text)


def _kind(
    name: str,
    *pieces: str,
    is_one: Callable[[str], bool] | None = None,
    needs: str = "",
    is_grouped: bool = False,
) -> Kind:
    return Kind(name, re.compile("".join(pieces)), is_one, needs, is_grouped)


# Chinese signs are letters to a pattern, so \b would not stand between them and a key.
_BEGIN, _END = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_SAID = r"[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?"

# The order matters: what holds other kinds within itself comes first.
KINDS = (
    _kind(
        "SECRET",
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]{0,10000}?",
        r"(?:-----END [A-Z ]{0,40}-----|\Z)",
    ),
    _kind("SECRET", _BEGIN, r"eyJ[\w-]{8,4096}\.[\w-]{8,8192}(?:\.[\w-]{0,2048})?"),
    _kind(
        "SECRET",
        _BEGIN,
        r"(?:(?:sk|pk|rk|ghp|gho|ghu|ghs|ghr|github_pat|glpat|xox[abeprs]|hf|ya29|npm|whsec|xai",
        r"|gsk|nvapi|pplx|tvly|dop|shpat|SG)[-_.]|AIza|AKIA|ASIA|LTAI|AKID|AKLT|ALTAK)",
        r"[-_A-Za-z0-9.]{12,512}",
        is_one=is_token,
    ),
    _kind("SECRET", r"://[^\s/:@]{1,128}:(?P<it>[^\s/]{1,256})@"),
    _kind("SECRET", r"[?&](?:key|sig|signature|auth)=(?P<it>[^\s&#\"']{8,512})"),
    _kind("SECRET", r"(?i)", _BEGIN, r"bearer[ \t]{1,4}(?P<it>[-\w.=+/~]{8,4096})"),
    _kind(
        "SECRET",
        r"(?i)authorization",
        _SAID,
        r"(?:basic|digest|token|apikey)[ \t]{1,4}(?P<it>[-\w.=+/~]{4,4096})",
    ),
    _kind("SECRET", r"(?i)cookie", _SAID, r"(?P<it>[\w.-]{1,64}=[^\r\n\"']{4,4096})"),
    _kind(
        "SECRET",
        r"(?i)(?:passw(?:or)?d|passwd|pass(?:phrase|code)|pwd|secret|token|credentials?",
        r"|(?:api|secret|access|private|account|signing|encryption)[_ -]?(?:access[_ -]?)?key",
        r"|密码|口令|密钥|验证码|令牌)",
        r"[\"']?[ \t]{0,4}(?:[:=]|is(?![A-Za-z])|是|为)[ \t]{0,4}[\"']?",
        r"(?P<it>[^\s\"',;，；。]{4,512})",
    ),
    *(
        _kind("EMAIL", rf"{local}{at}(?:{part}\.){{1,8}}{end}{{2,24}}", needs=at)
        for local, at, part, end in (
            ("[A-Za-z0-9._%+-]{1,64}", "@", "[A-Za-z0-9-]{1,63}", "[A-Za-z]"),
            ("[A-Za-z0-9._%+-]{1,64}", "%40", "[A-Za-z0-9-]{1,63}", "[A-Za-z]"),
            (r"[^\W_][\w.+-]{0,63}", "@", r"[\w-]{1,63}", r"[^\W\d_]"),
        )
    ),
    _kind(
        "IBAN",
        _BEGIN,
        r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}",
        _END,
        is_one=is_iban,
        is_grouped=True,
    ),
    _kind("IBAN", _BEGIN, r"[a-z]{2}[0-9]{2}[a-z0-9]{11,30}", _END, is_one=is_iban),
    _kind("ID", _BEGIN, r"[1-9][0-9]{16}[0-9Xx]", _END, is_one=is_identity_card),
    _kind("ID", r"(?<![0-9-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![0-9-])"),
    _kind(
        "CARD",
        r"(?<![0-9])[0-9]{3,19}(?:[ -][0-9]{1,16}){0,5}(?![0-9])",
        is_one=is_card,
        is_grouped=True,
    ),
    _kind("CARD", r"(?<![0-9])[0-9](?:[ -][0-9]){12,18}(?![0-9])", is_one=is_luhn),
    _kind(
        "PHONE",
        r"(?<![0-9])(?:(?:\+|00)?86[ -]?)?",
        r"1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}(?![0-9])",
    ),
    _kind(
        "PHONE",
        r"(?<![0-9])(?:\(0[1-9][0-9]{1,2}\)[ -]?|0[1-9][0-9]{1,2}[ -])",
        r"[2-9][0-9]{2,3}[ -]?[0-9]{4}(?![0-9])",
    ),
    _kind("PHONE", _BEGIN, r"\+[1-9][0-9]{0,2}(?:[ ().-]{0,2}[0-9]){6,12}(?![0-9])"),
    _kind(
        "PHONE",
        r"(?<![0-9])(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-.])[0-9]{3}[-.][0-9]{4}(?![0-9])",
    ),
    _kind(
        "PLATE",
        r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]",
        r"[A-Z][·• ]?[A-HJ-NP-Z0-9]{5,6}(?![A-Z0-9])",
    ),
    _kind("IP", r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9.])", is_one=is_machine),
    _kind(
        "IP",
        r"(?<![0-9A-Za-z:])(?:[0-9A-Fa-f]{1,4}:){3,7}[0-9A-Fa-f]{1,4}(?![0-9A-Za-z:])",
    ),
    _kind("IP", r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:]{3,39}(?![0-9A-Za-z:])", is_one=is_ipv6),
)
"""What is looked for, in this order; every repetition is bounded, so the time is, too."""
