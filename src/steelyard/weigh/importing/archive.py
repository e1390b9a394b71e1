"""Members of a zip file, with bounds; also those that Zstandard packed.

Inspect packs its logs with Zstandard, which ``zipfile`` knows from Python 3.14 on only. A small
file may unpack to a huge one and may lie about its sizes, so what is unpacked is counted.
"""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator

from steelyard.domain.errors import ConfigError

MEMBERS_MAX = 250_000
MEMBER_BYTES_MAX = 64 * 1024 * 1024
TOTAL_BYTES_MAX = 1024 * 1024 * 1024
_ZSTANDARD = 93
_HEAD = struct.Struct("<4s2B4HL2L2H")
"""A member's local header, as PKWARE's APPNOTE 4.3.7 has it; name and extra field follow."""


class Archive:
    """A zip file in memory."""

    def __init__(self, name: str, data: bytes) -> None:
        """Reads the directory.

        Args:
            name: the file's, for messages.
            data: its bytes.

        Raises:
            ConfigError: it is no zip file, or holds too many members.
        """
        self._name, self._data, self._unpacked = name, data, 0
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, struct.error) as error:
            raise ConfigError(f"{name}: no zip file: {error}") from error
        if len(self._zip.infolist()) > MEMBERS_MAX:
            raise ConfigError(f"{name}: more than {MEMBERS_MAX} members")

    def names(self, start: str = "") -> Iterator[str]:
        """Names of members that begin so, in the order of the file."""
        return (name for name in self._zip.namelist() if name.startswith(start))

    def read(self, member: str) -> bytes:
        """What a member holds.

        Raises:
            ConfigError: there is none, it is broken, or it holds too much.
        """
        try:
            info = self._zip.getinfo(member)
            if info.compress_type == _ZSTANDARD:
                data = self._unpack(info)
            else:
                with self._zip.open(info) as file:
                    data = file.read(MEMBER_BYTES_MAX + 1)
        except KeyError as error:
            raise ConfigError(f"{self._name}: there is no {member} in it") from error
        except (
            *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
            *(RuntimeError, OSError, EOFError, ValueError),
        ) as error:
            # RuntimeError is what zipfile raises for a password; NotImplementedError is one too.
            raise ConfigError(f"{self._name}: {member} cannot be unpacked: {error}") from error
        self._unpacked += len(data)
        if len(data) > MEMBER_BYTES_MAX or self._unpacked > TOTAL_BYTES_MAX:
            raise ConfigError(f"{self._name}: {member} holds too much when unpacked")
        return data

    def _unpack(self, info: zipfile.ZipInfo) -> bytes:
        import pyarrow  # noqa: PLC0415 - slow to import

        head = self._data[info.header_offset : info.header_offset + _HEAD.size]
        if len(head) < _HEAD.size or not head.startswith(b"PK\x03\x04"):
            raise zipfile.BadZipFile("no header where one should be")
        *_, name_bytes, extra_bytes = _HEAD.unpack(head)
        start = info.header_offset + _HEAD.size + name_bytes + extra_bytes
        packed = self._data[start : start + info.compress_size]
        with pyarrow.CompressedInputStream(pyarrow.BufferReader(packed), "zstd") as stream:
            data = bytes(stream.read(MEMBER_BYTES_MAX + 1))
        if len(data) <= MEMBER_BYTES_MAX and zlib.crc32(data) != info.CRC:
            raise zipfile.BadZipFile("wrong checksum")
        return data
