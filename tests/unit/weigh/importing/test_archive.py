import io
import zipfile
from pathlib import Path

import pytest

from steelyard.domain.errors import ConfigError
from steelyard.weigh.importing import archive
from steelyard.weigh.importing.archive import Archive

LOG = Path(__file__).parents[3] / "fixtures" / "imports" / "sums.eval"


def zipped(members: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return file.getvalue()


def test_members_are_read_in_order_and_by_their_beginning() -> None:
    found = Archive("a.zip", zipped({"x/1": b"one", "y": b"two", "x/2": b""}))
    assert list(found.names("x/")) == ["x/1", "x/2"]
    assert (found.read("x/1"), found.read("x/2")) == (b"one", b"")


def test_what_zstandard_packed_is_read_too() -> None:
    log = Archive(LOG.name, LOG.read_bytes())
    assert log.read("header.json").startswith(b"{")
    assert len(list(log.names("samples/"))) == 4


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 nothing", b"x" * 100])
def test_what_is_no_zip_file_is_a_mistake(data: bytes) -> None:
    with pytest.raises(ConfigError, match=r"a\.zip: no zip file"):
        Archive("a.zip", data)


def test_a_member_that_is_not_there_or_broken_is_named() -> None:
    data = zipped({"x": b"one" * 100})
    with pytest.raises(ConfigError, match="there is no y"):
        Archive("a.zip", data).read("y")
    with pytest.raises(ConfigError, match="x cannot be unpacked"):
        Archive("a.zip", data.replace(b"PK\x03\x04", b"PK\x00\x00", 1)).read("x")
    for how in (zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
        torn = bytearray(zipped({"x": bytes(range(256)) * 2}, how))
        torn[31:45] = b"\xff" * 14
        with pytest.raises(ConfigError, match="x cannot be unpacked"):
            Archive("a.zip", bytes(torn)).read("x")
    log = bytearray(LOG.read_bytes())
    log[120:220] = bytes(100)
    with pytest.raises(ConfigError, match="cannot be unpacked"):
        Archive("log", bytes(log)).read("_journal/start.json")
    with pytest.raises(ConfigError, match="cannot be unpacked"):
        Archive("log", LOG.read_bytes().replace(b"PK\x03\x04", b"PK\x00\x00")).read("header.json")


def test_a_bomb_is_refused_while_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped({"x": bytes(10_000), "y": bytes(10_000)})
    monkeypatch.setattr(archive, "MEMBER_BYTES_MAX", 9_999)
    with pytest.raises(ConfigError, match="holds too much"):
        Archive("a.zip", bomb).read("x")
    with pytest.raises(ConfigError, match="holds too much"):
        monkeypatch.setattr(archive, "MEMBER_BYTES_MAX", 100)
        Archive("log", LOG.read_bytes()).read("header.json")
    monkeypatch.setattr(archive, "MEMBER_BYTES_MAX", 10_000)
    monkeypatch.setattr(archive, "TOTAL_BYTES_MAX", 15_000)
    found = Archive("a.zip", bomb)
    assert len(found.read("x")) == 10_000
    with pytest.raises(ConfigError, match="y holds too much"):
        found.read("y")
    monkeypatch.setattr(archive, "MEMBERS_MAX", 1)
    with pytest.raises(ConfigError, match="more than 1 members"):
        Archive("a.zip", bomb)
