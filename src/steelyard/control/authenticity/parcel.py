"""Evidence as one file to send: the document, a page to read, digests of both, and a signature.

Called by the commands, which need no running server for it. A signature says who vouches for the
file; without one the digests say only that nothing was changed by accident.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from steelyard.domain.errors import ConfigError
from steelyard.weigh.authenticity.evidence import share_of
from steelyard.weigh.authenticity.page import page

_DOCUMENT, _PAGE = "evidence.json", "evidence.html"
_SUMS, _SIGNATURE = "SHA256SUMS", "SIGNATURE"
_NAMES = frozenset((_DOCUMENT, _PAGE, _SUMS, _SIGNATURE))
_BYTES_MAX = 64 * 2**20
_DAY_ZERO = (1980, 1, 1, 0, 0, 0)
"""Of every file in it: equal evidence gives equal bytes."""


class Opened(NamedTuple):
    """A parcel whose digests hold."""

    document: dict[str, Any]
    signed_by: str
    """Name of the key that it is signed with; empty for none."""
    public_key: str
    """That key, base64: whether it is the seller's or the buyer's is for the reader to know. The
    name is what the file calls it, and no more than that."""
    is_page_of_it: bool
    """Whether the page is the one that this version makes of the document."""


def pack(document: Mapping[str, Any], key_name: str = "", private_key: str = "") -> bytes:
    """The file; signed with an Ed25519 key (base64) if one is given.

    Raises:
        ConfigError: that is no private key.
    """
    text = json.dumps(document, ensure_ascii=True, indent=1, sort_keys=True)
    shown = page(json.loads(text))  # as a reader will make it, of the same order
    files = {_DOCUMENT: text.encode() + b"\n", _PAGE: shown.encode("utf-8", "replace")}
    sums = "".join(f"{_sha256(data)}  {name}\n" for name, data in sorted(files.items()))
    files[_SUMS] = sums.encode()
    if private_key:
        files[_SIGNATURE] = _sign(files[_SUMS], key_name, private_key)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _DAY_ZERO), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def unpack(data: bytes) -> Opened:
    """What a file holds, its digests and signature checked.

    Raises:
        ConfigError: it is no such file, or was changed.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if len(set(names)) < len(names) or not _NAMES.issuperset(names):
                # Of two files of one name another program would show the other one.
                raise ConfigError("the file holds more than evidence")
            if sum(each.file_size for each in archive.infolist()) > _BYTES_MAX:
                raise ConfigError("the file is larger than any evidence")
            files = {each.filename: archive.read(each) for each in archive.infolist()}
        document = json.loads(files[_DOCUMENT])
        sums = files[_SUMS].decode("ascii")
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, RuntimeError, OSError) as error:
        raise ConfigError("that is no evidence of a test of authenticity") from error
    if not isinstance(document, dict):
        raise ConfigError("that is no evidence of a test of authenticity")
    for name in (_DOCUMENT, _PAGE):
        if f"{_sha256(files.get(name, b''))}  {name}" not in sums.splitlines():
            raise ConfigError(f"{name} was changed since it was packed")
    signed_by, public_key = _check(files[_SUMS], files.get(_SIGNATURE))
    return Opened(document, signed_by, public_key, _is_page_of(files[_PAGE], document))


def _is_page_of(data: bytes, document: Mapping[str, Any]) -> bool:
    try:
        share_of(document["method"]["error"])  # else the page would work it out, whatever it is
        return page(document).encode("utf-8", "replace") == data
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        return False


def _sign(sums: bytes, key_name: str, private_key: str) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - slow
        Ed25519PrivateKey,
    )

    try:
        signer = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private_key, validate=True))
    except (ValueError, binascii.Error) as error:
        raise ConfigError("that is no private key of Ed25519 in base64") from error
    told = {
        "key": key_name,
        "public_key": base64.b64encode(signer.public_key().public_bytes_raw()).decode(),
        "signature": base64.b64encode(signer.sign(sums)).decode(),
    }
    return json.dumps(told, indent=1).encode() + b"\n"


def _check(sums: bytes, signature: bytes | None) -> tuple[str, str]:
    """Whose signature it is, and the key; empty texts for none."""
    if signature is None:
        return "", ""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - slow
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PublicKey,
    )

    try:
        told = json.loads(signature)
        public_key = str(told["public_key"])
        signer = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        signer.verify(base64.b64decode(told["signature"], validate=True), sums)
        return str(told["key"]), public_key
    except (InvalidSignature, ValueError, KeyError, TypeError, binascii.Error) as error:
        raise ConfigError("its signature is wrong: it was changed since") from error


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
