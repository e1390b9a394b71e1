"""Evidence as a file: nothing in it can be changed unseen, and a signature says who vouches."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping

import pytest
from weigh.authenticity.evidence_rig import document

from steelyard.control.authenticity.parcel import pack, unpack
from steelyard.control.price_watch.updates import make_keys
from steelyard.domain.errors import ConfigError
from steelyard.weigh.authenticity.evidence import differences


def files_of(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed_of(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def torn() -> bytes:
    packed = bytearray(pack(document()))
    at = packed.index(b"evidence.json") + len("evidence.json")
    packed[at : at + 20] = b"\xff" * 20
    return bytes(packed)


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


def test_a_page_of_something_else_is_told() -> None:
    assert unpack(pack(document())).is_page_of_it
    files = files_of(pack(document())) | {"evidence.html": b"<script>alert(1)</script>"}
    sums = (
        f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n"
        for name in ("evidence.html", "evidence.json")
    )
    assert not unpack(packed_of(files | {"SHA256SUMS": "".join(sums).encode()})).is_page_of_it


def test_a_file_with_more_in_it_or_two_of_a_name_is_refused() -> None:
    packed = pack(document())
    with pytest.raises(ConfigError, match="more than evidence"):
        unpack(packed_of({**files_of(packed), "../../evil": b""}))
    twice = io.BytesIO(packed)
    with zipfile.ZipFile(twice, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("evidence.html", b"another")
    with pytest.raises(ConfigError, match="more than evidence"):
        unpack(twice.getvalue())


@pytest.mark.parametrize("error", ["1e999999999", "1/0", 5, None, "9" * 400])
def test_numbers_without_end_are_not_worked_out(error: object) -> None:
    bomb = document()
    bomb["method"]["error"] = "1/20"
    text = json.dumps({**bomb, "method": {**bomb["method"], "error": error}}).encode()
    page = files_of(pack(bomb))["evidence.html"]
    digests = {"evidence.html": page, "evidence.json": text}
    sums = "".join(f"{hashlib.sha256(d).hexdigest()}  {n}\n" for n, d in digests.items())
    opened = unpack(packed_of(digests | {"SHA256SUMS": sums.encode()}))
    assert not opened.is_page_of_it
    with pytest.raises(ConfigError, match="cannot be judged again"):
        differences(opened.document)


def test_any_other_file_is_refused() -> None:
    for data in (b"", b"no zip", packed_of({"evidence.json": b"{"}), torn()):
        with pytest.raises(ConfigError, match="no evidence"):
            unpack(data)
