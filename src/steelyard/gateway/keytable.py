"""The key table: a million keys in one memory-mapped file that all workers share.

Layout, little-endian::

    header   magic 8 · bits u32 · pad u32 · count u64 · entries_at u64 · heap_at u64 · end u64
    index    2**bits + 1 × u32: first entry of each bucket; a bucket is the hash's first bits
    entries  count × (hash 32 · heap position u40 · length u24), ascending by hash
    heap     KeyRecords, msgpack

A look-up is one index read and one to three 32-byte compares: no decode of what is not asked for,
no dictionary to build, nothing copied per worker. The file is written beside and renamed; a mapping
of the old file stays whole until its last reader closes it.
"""

from __future__ import annotations

import mmap
import os
import shutil
import struct
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import msgspec

from steelyard.domain.errors import StoreUnavailable
from steelyard.gateway.snapshot import KeyRecord

MAGIC = b"SYKEYS\x00\x01"
_HEADER = struct.Struct("<8sII4Q")
_PAIR = struct.Struct("<II")
_HASH_BYTES = 32
_ENTRY_BYTES = 40
_KEYS_PER_BUCKET = 2

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(KeyRecord)


class KeyTable:
    """A read-only view of one key table file."""

    __slots__ = ("_entries_at", "_file_map", "_heap_at", "_index_at", "_shift", "count")

    def __init__(self, path: Path) -> None:
        """Maps the file.

        Raises:
            StoreUnavailable: it is missing, cut or no key table.
        """
        try:
            with path.open("rb") as file:
                self._file_map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            header = _HEADER.unpack_from(self._file_map)
        except (OSError, ValueError, struct.error) as error:
            raise StoreUnavailable(f"key table {path} cannot be read: {error}") from error
        magic, bits, _, self.count, self._entries_at, self._heap_at, end = header
        if magic != MAGIC or end != len(self._file_map):
            raise StoreUnavailable(f"key table {path} is damaged")
        self._index_at = _HEADER.size
        self._shift = 32 - bits

    def find(self, secret_hash: bytes) -> KeyRecord | None:
        """The record of the key with this 32-byte hash, or None."""
        table = self._file_map
        bucket = int.from_bytes(secret_hash[:4], "big") >> self._shift
        first, last = _PAIR.unpack_from(table, self._index_at + 4 * bucket)
        at = self._entries_at + _ENTRY_BYTES * first
        for _ in range(last - first):
            if table[at : at + _HASH_BYTES] == secret_hash:
                packed = int.from_bytes(table[at + _HASH_BYTES : at + _ENTRY_BYTES], "little")
                begin = self._heap_at + (packed & 0xFFFFFFFFFF)
                return _decoder.decode(table[begin : begin + (packed >> 40)])
            at += _ENTRY_BYTES
        return None

    def close(self) -> None:
        """Unmaps the file."""
        self._file_map.close()


def write(path: Path, rows: Iterable[tuple[bytes, KeyRecord]], count: int) -> int:
    """Replaces the table with ``rows``, which must ascend by hash; returns how many there were.

    ``count`` only sizes the index. Memory stays bounded by the index (2 bytes a key).

    Raises:
        ValueError: the rows do not strictly ascend, or a hash is not 32 bytes.
    """
    bits = max(1, min(28, (max(count, 1) // _KEYS_PER_BUCKET).bit_length()))
    index = [0] * ((1 << bits) + 1)
    with (
        tempfile.TemporaryFile(dir=path.parent) as entries,
        tempfile.TemporaryFile(dir=path.parent) as heap,
    ):
        written = _write_rows(rows, entries, heap, index, 32 - bits)
        for bucket in range(1, len(index)):
            index[bucket] += index[bucket - 1]
        entries_at = _HEADER.size + 4 * len(index)
        heap_at = entries_at + _ENTRY_BYTES * written
        end = heap_at + heap.tell()
        beside = path.with_name(path.name + ".new")
        with beside.open("wb") as file:
            file.write(_HEADER.pack(MAGIC, bits, 0, written, entries_at, heap_at, end))
            file.write(struct.pack(f"<{len(index)}I", *index))
            for part in (entries, heap):
                part.seek(0)
                shutil.copyfileobj(part, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    return written


def _write_rows(
    rows: Iterable[tuple[bytes, KeyRecord]],
    entries: IO[bytes],
    heap: IO[bytes],
    index: list[int],
    shift: int,
) -> int:
    """Writes entries and heap, counts each bucket's keys into the slot after it."""
    position = written = 0
    before = b""
    write_entry = entries.write
    write_heap = heap.write
    encode = _encoder.encode
    for secret_hash, record in rows:
        if len(secret_hash) != _HASH_BYTES or secret_hash <= before:
            raise ValueError("key table rows must ascend by their 32-byte hash")
        before = secret_hash
        body = encode(record)
        write_heap(body)
        write_entry(secret_hash + (position | len(body) << 40).to_bytes(8, "little"))
        index[(int.from_bytes(secret_hash[:4], "big") >> shift) + 1] += 1
        position += len(body)
        written += 1
    return written
