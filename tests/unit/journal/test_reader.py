import os
import zlib

import pytest

from steelyard.journal.format import END_FRAME, encode_intent, encode_settlement
from steelyard.journal.reader import (
    READ_BYTES,
    START,
    Cursor,
    Reader,
    is_sealed,
    journals,
    remove,
    remove_segments,
    trim,
    try_seal,
)
from steelyard.journal.segment import Journal, segment_path
from steelyard.testing.records import make_intent, make_settlement

INTENT_RECORD = make_intent()
SETTLEMENT_RECORD = make_settlement(INTENT_RECORD)
INTENT_FRAME = encode_intent(INTENT_RECORD)
SETTLEMENT_FRAME = encode_settlement(SETTLEMENT_RECORD)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "0000001f"
    path.mkdir()
    (path / "lock").touch()
    return path


def test_nothing_written_is_a_tail(folder):
    assert Reader(folder).read() == ([], START, True, 0)
    segment_path(folder, 1).write_bytes(bytes(4096))
    assert Reader(folder).read() == ([], START, True, 0)


def test_reading_goes_on_where_it_stopped(folder):
    path = segment_path(folder, 1)
    path.write_bytes(INTENT_FRAME + bytes(4096))
    first = Reader(folder).read()
    assert first == ([INTENT_RECORD], (1, len(INTENT_FRAME)), True, 0)
    path.write_bytes(INTENT_FRAME + SETTLEMENT_FRAME + bytes(4096))
    assert Reader(folder).read(first.cursor).records == [SETTLEMENT_RECORD]


def test_a_torn_frame_is_not_there_yet(folder):
    path = segment_path(folder, 1)
    for size in range(1, len(SETTLEMENT_FRAME)):
        path.write_bytes(INTENT_FRAME + SETTLEMENT_FRAME[:size] + bytes(99))
        assert Reader(folder).read() == ([INTENT_RECORD], (1, len(INTENT_FRAME)), True, 0)


def test_the_end_mark_leads_to_the_next_segment(folder):
    segment_path(folder, 1).write_bytes(INTENT_FRAME + END_FRAME + bytes(99))
    assert Reader(folder).read() == ([INTENT_RECORD], (2, 0), True, 0)
    segment_path(folder, 2).write_bytes(SETTLEMENT_FRAME)
    assert Reader(folder).read().records == [INTENT_RECORD, SETTLEMENT_RECORD]


def test_only_a_dead_writers_unfinished_segment_is_left(folder):
    segment_path(folder, 1).write_bytes(INTENT_FRAME + SETTLEMENT_FRAME[:-1] + bytes(99))
    segment_path(folder, 2).write_bytes(SETTLEMENT_FRAME)
    assert Reader(folder).read() == ([INTENT_RECORD], (1, len(INTENT_FRAME)), True, 0)
    assert try_seal(folder)
    batch = Reader(folder).read()
    assert batch == ([INTENT_RECORD, SETTLEMENT_RECORD], (2, len(SETTLEMENT_FRAME)), True, 0)


def test_frames_across_reads_are_whole(folder):
    count = 2 * READ_BYTES // len(INTENT_FRAME) + 9
    segment_path(folder, 1).write_bytes(INTENT_FRAME * count)
    batch = Reader(folder).read()
    assert len(batch.records) == count
    assert batch.is_tail
    assert batch.cursor.offset == count * len(INTENT_FRAME)


def test_a_small_budget_reads_a_part(folder):
    count = 2 * READ_BYTES // len(INTENT_FRAME)
    segment_path(folder, 1).write_bytes(INTENT_FRAME * count)
    batch = Reader(folder).read(bytes_max=1)
    assert 0 < len(batch.records) < count
    assert not batch.is_tail
    rest = Reader(folder).read(batch.cursor)
    assert len(batch.records) + len(rest.records) == count


def test_sound_frames_that_cannot_be_read_are_counted_and_passed(folder):
    frame = encode_settlement(SETTLEMENT_RECORD)
    bad = frame[:10] + b"\xc1" + frame[11:]
    checksum = zlib.crc32(bad[8:]).to_bytes(4, "little")
    segment_path(folder, 1).write_bytes(bad[:4] + checksum + bad[8:] + INTENT_FRAME)
    batch = Reader(folder).read()
    assert (batch.records, batch.unreadable) == ([INTENT_RECORD], 1)


def test_only_a_dead_journal_is_sealed(tmp_path):
    with Journal(tmp_path, 7, segment_bytes=2**14) as journal:
        assert not try_seal(journal.folder)
        assert not is_sealed(journal.folder)
    assert try_seal(journal.folder)
    assert is_sealed(journal.folder)
    assert try_seal(journal.folder)
    assert not try_seal(tmp_path / "00000008")


def test_journals_are_listed_in_order(tmp_path):
    for name in ("0000001f", "00000002", ".00000003-99", "other"):
        (tmp_path / name).mkdir()
    assert [path.name for path in journals(tmp_path)] == ["00000002", "0000001f"]
    assert journals(tmp_path / "nowhere") == []
    assert Reader(tmp_path / "0000001f").incarnation == 31


def test_trimming_keeps_what_may_be_torn(folder):
    path = segment_path(folder, 1)
    path.write_bytes(INTENT_FRAME + SETTLEMENT_FRAME[:-1])
    os.truncate(path, 2**20)
    (folder / "000002.spare").touch()
    trim(folder, Cursor(1, len(INTENT_FRAME)))
    assert path.stat().st_size == len(INTENT_FRAME) + 65536
    assert path.read_bytes().startswith(INTENT_FRAME + SETTLEMENT_FRAME[:-1])
    assert not (folder / "000002.spare").exists()


def test_old_segments_of_a_live_journal_go(folder):
    for number in (1, 2, 3):
        segment_path(folder, number).touch()
        os.utime(segment_path(folder, number), ns=(number, number))
    assert remove_segments(folder, before=3, unchanged_since_ns=2) == 1
    assert Reader(folder).segments() == [2, 3]


def test_a_removed_journal_is_gone(folder):
    segment_path(folder, 1).touch()
    try_seal(folder)
    remove(folder)
    assert not folder.exists()
