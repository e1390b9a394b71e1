import errno
import os
import threading

import pytest

from steelyard.domain.errors import JournalCorrupt, JournalFull
from steelyard.journal import segment as journal_segment
from steelyard.journal.format import SETTLEMENT_BYTES_MAX, encode_intent
from steelyard.journal.reader import START, Reader, try_seal
from steelyard.journal.segment import SEGMENT_BYTES_MIN, Journal, segment_path
from steelyard.testing.records import make_intent, make_settlement

SEGMENT = 2**14


INTENT_RECORD = make_intent()


def pair(sequence: int):
    intent = make_intent(sequence)
    return intent, make_settlement(intent)


def read_all(folder):
    return Reader(folder).read(START).records


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path, 18, segment_bytes=SEGMENT) as opened:
        yield opened


def refuse_allocation(monkeypatch, number=errno.ENOSPC):
    def fallocate(fd: int, offset: int, size: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(journal_segment.os, "posix_fallocate", fallocate)


def test_what_is_appended_is_read(journal):
    intent, settlement = pair(1)
    journal.append_intent(intent)
    assert journal.outstanding == 1
    journal.append_settlement(settlement)
    assert journal.outstanding == 0
    assert read_all(journal.folder) == [intent, settlement]


def test_segments_follow_each_other_and_nothing_is_lost(journal):
    written = []
    for sequence in range(400):
        intent, settlement = pair(sequence)
        journal.append_intent(intent)
        journal.append_settlement(settlement)
        written += [intent, settlement]
        if journal.needs_prepare and sequence % 3:
            assert journal.prepare()
        journal.sync()
    assert len(Reader(journal.folder).segments()) > 4
    assert read_all(journal.folder) == written


def test_settlements_follow_into_the_next_segment(journal):
    count = 0
    with pytest.raises(JournalFull):
        while True:
            journal.append_intent(pair(count)[0])
            count += 1
    # All room but one intent's is now reserved, in the first segment.
    assert count * SETTLEMENT_BYTES_MAX < SEGMENT
    assert journal.outstanding == count
    for sequence in range(count):
        journal.append_settlement(pair(sequence)[1]._replace(detail="d" * 2000, finish="f" * 99))
    assert journal.held == 0
    assert len(read_all(journal.folder)) == 2 * count


def test_a_full_disk_refuses_intents_and_takes_settlements(journal, monkeypatch):
    refuse_allocation(monkeypatch)
    journal.prepare()
    due, written = [], 0
    with pytest.raises(JournalFull):
        while True:
            journal.append_intent(pair(written)[0])
            due.append(written)
            written += 1
            if len(due) > 4:
                journal.append_settlement(pair(due.pop(0))[1])
    for sequence in due:
        journal.append_settlement(pair(sequence)[1])
    assert journal.outstanding == 0
    assert len(read_all(journal.folder)) == 2 * written
    monkeypatch.undo()
    with pytest.raises(JournalFull):  # asking the disk again is prepare's job
        for sequence in range(99):
            journal.append_intent(pair(sequence)[0])
    assert journal.prepare()
    journal.append_intent(pair(written)[0])


def test_a_worker_starts_on_a_full_disk_and_serves_later(tmp_path, monkeypatch):
    refuse_allocation(monkeypatch)
    with Journal(tmp_path, 1, segment_bytes=SEGMENT) as journal:
        assert journal.needs_prepare
        with pytest.raises(JournalFull):
            journal.append_intent(INTENT_RECORD)
        monkeypatch.undo()
        assert journal.prepare()
        journal.append_intent(INTENT_RECORD)


def test_the_cap_counts_all_journals(tmp_path):
    with Journal(tmp_path, 1, segment_bytes=SEGMENT) as journal:
        journal.prepare()
        with Journal(tmp_path, 2, segment_bytes=SEGMENT, bytes_max=3 * SEGMENT) as capped:
            capped.append_intent(INTENT_RECORD)
            assert not capped.prepare()


def test_a_late_prepare_falls_back_to_the_calling_thread(journal):
    journal.prepare()
    for sequence in range(200):
        intent, settlement = pair(sequence)
        journal.append_intent(intent)
        journal.append_settlement(settlement)
    assert len(Reader(journal.folder).segments()) > 2


def test_a_failing_write_holds_settlements_until_it_works(journal, monkeypatch):
    for sequence in (1, 2):
        journal.append_intent(pair(sequence)[0])
    with monkeypatch.context() as patch:

        def fail(fd: int, data: bytes, offset: int) -> int:
            raise OSError(errno.EIO, "broken")

        patch.setattr(journal_segment.os, "pwrite", fail)
        journal.append_settlement(pair(1)[1])
        with pytest.raises(JournalFull):
            journal.append_intent(pair(3)[0])
        assert journal.held == 1
    journal.append_settlement(pair(2)[1])
    assert journal.held == 0
    assert [record.sequence for record in read_all(journal.folder)] == [1, 2, 1, 2]


def test_a_short_write_is_no_record(journal, monkeypatch):
    journal.append_intent(pair(1)[0])
    write = os.pwrite
    with monkeypatch.context() as patch:
        patch.setattr(
            journal_segment.os, "pwrite", lambda fd, data, offset: write(fd, data[:30], offset)
        )
        with pytest.raises(JournalFull):
            journal.append_intent(pair(2)[0])
    journal.append_settlement(pair(1)[1])
    assert read_all(journal.folder) == list(pair(1))


def test_a_second_settlement_takes_nobodys_room(journal):
    journal.append_intent(pair(1)[0])
    for _ in range(200):
        journal.append_settlement(pair(1)[1])
    assert journal.outstanding == 0
    assert journal.held == 0
    assert len(read_all(journal.folder)) == 201


def test_an_incarnation_is_used_once(tmp_path):
    with (
        Journal(tmp_path, 5, segment_bytes=SEGMENT),
        pytest.raises(JournalCorrupt, match="00000005"),
    ):
        Journal(tmp_path, 5, segment_bytes=SEGMENT)
    with pytest.raises(JournalCorrupt):
        Journal(tmp_path, 5, segment_bytes=SEGMENT)
    assert [path.name for path in tmp_path.iterdir()] == ["00000005"]


def test_the_lock_lasts_as_long_as_the_journal_is_open(tmp_path):
    journal = Journal(tmp_path, 5, segment_bytes=SEGMENT)
    assert not try_seal(journal.folder)
    journal.close()
    journal.close()
    assert try_seal(journal.folder)


def test_closing_gives_unused_room_back(tmp_path):
    with Journal(tmp_path, 5, segment_bytes=SEGMENT) as journal:
        journal.append_intent(INTENT_RECORD)
        journal.prepare()
    with pytest.raises(JournalFull):
        journal.append_intent(INTENT_RECORD)
    files = {path.name: path.stat().st_size for path in journal.folder.iterdir()}
    assert files == {"lock": 0, "000001.segment": len(encode_intent(INTENT_RECORD))}


def test_segments_are_preallocated_in_full(journal):
    assert segment_path(journal.folder, 1).stat().st_size == SEGMENT
    assert segment_path(journal.folder, 1).stat().st_blocks * 512 >= SEGMENT


def test_a_segment_too_small_for_one_call_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least"):
        Journal(tmp_path, 1, segment_bytes=SEGMENT_BYTES_MIN - 1)


def test_two_threads_share_it_without_a_lock(journal):
    stop = threading.Event()
    failures = []

    def keep() -> None:
        while not stop.is_set():
            try:
                journal.sync()
                journal.prepare()
            except OSError as error:
                failures.append(error)

    keeper = threading.Thread(target=keep)
    keeper.start()
    for sequence in range(1500):
        intent, settlement = pair(sequence)
        journal.append_intent(intent)
        journal.append_settlement(settlement)
    stop.set()
    keeper.join()
    assert not failures
    assert len(read_all(journal.folder)) == 3000
