"""Evidence as a file: nothing in it can be changed unseen, and a signature says who vouches."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping

import pytest
from weigh.authenticity.evidence_rig import document

from steelyard.control.authenticity.parcel import pack, unpack
from steelyard.control.price_updates import make_keys
from steelyard.domain.errors import ConfigError


def files_of(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed_of(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def test_what_is_packed_comes_back_and_equal_evidence_gives_equal_bytes() -> None:
    packed = pack(document())
    opened = unpack(packed)
    assert opened.document == json.loads(json.dumps(document()))
    assert (opened.signed_by, opened.public_key) == ("", "")
    assert packed == pack(document())
    assert set(files_of(packed)) == {"evidence.json", "evidence.html", "SHA256SUMS"}


def test_a_signature_names_its_key() -> None:
    private, public = make_keys()
    opened = unpack(pack(document(), "buyer", private))
    assert (opened.signed_by, opened.public_key) == ("buyer", public)
    with pytest.raises(ConfigError, match="no private key"):
        pack(document(), "buyer", "nonsense")


@pytest.mark.parametrize("name", ["evidence.json", "evidence.html"])
def test_a_changed_file_is_found_out(name: str) -> None:
    files = files_of(pack(document()))
    files[name] = files[name].replace(b"not_genuine", b"genuine").replace(b"shop", b"chop")
    with pytest.raises(ConfigError, match=f"{name} was changed"):
        unpack(packed_of(files))


def test_sums_that_were_made_anew_do_not_have_the_signature() -> None:
    private, _ = make_keys()
    signed = files_of(pack(document(), "buyer", private))
    other = files_of(pack({**document(), "test": 8}))
    with pytest.raises(ConfigError, match="its signature is wrong"):
        unpack(packed_of({**other, "SIGNATURE": signed["SIGNATURE"]}))
    with pytest.raises(ConfigError, match="its signature is wrong"):
        unpack(packed_of({**other, "SIGNATURE": b"{}"}))


def test_any_other_file_is_refused() -> None:
    for data in (b"", b"no zip", packed_of({"a": b"b"}), packed_of({"evidence.json": b"{"})):
        with pytest.raises(ConfigError, match="no evidence"):
            unpack(data)
