import zlib

import msgspec
import pytest

from steelyard.domain.entries import Intent, LeaseUse, Settlement
from steelyard.domain.errors import JournalCorrupt, LeaseConflict
from steelyard.journal import format as journal_format
from steelyard.journal.format import (
    END,
    END_FRAME,
    INTENT,
    INTENT_BYTES_MAX,
    LEASES_MAX,
    SETTLEMENT,
    SETTLEMENT_BYTES_MAX,
    VERSION,
    decode,
    encode_intent,
    encode_settlement,
    read_frames,
)
from steelyard.testing.records import make_intent, make_settlement

INTENT_RECORD = make_intent(4711, is_stream=True)
SETTLEMENT_RECORD = make_settlement(INTENT_RECORD)


def decode_only(frames: bytes):
    (frame,) = read_frames(frames)
    return decode(*frame[:3])


def test_records_come_back_as_written():
    frames = encode_intent(INTENT_RECORD) + encode_settlement(SETTLEMENT_RECORD) + END_FRAME
    read = list(read_frames(frames))
    assert [frame[0] for frame in read] == [INTENT, SETTLEMENT, END]
    assert read[-1][3] == len(frames)
    assert [decode(*frame[:3]) for frame in read] == [INTENT_RECORD, SETTLEMENT_RECORD, None]


def test_the_frame_is_as_documented():
    frame = encode_settlement(SETTLEMENT_RECORD)
    assert int.from_bytes(frame[:4], "little") == len(frame) - 8
    assert int.from_bytes(frame[4:8], "little") == zlib.crc32(frame[8:])
    assert frame[8:10] == bytes((SETTLEMENT, VERSION))
    assert msgspec.msgpack.decode(frame[10:])[:3] == [18, 4711, 1]


@pytest.mark.parametrize("position", range(0, 60, 7))
def test_a_flipped_bit_ends_the_frames(position):
    frames = bytearray(encode_intent(INTENT_RECORD) * 2)
    frames[position] ^= 1
    assert list(read_frames(frames)) == []


def test_zeros_and_half_a_head_hold_no_frame():
    assert list(read_frames(bytes(100))) == []
    assert list(read_frames(encode_intent(INTENT_RECORD)[:9])) == []


@pytest.mark.parametrize("record", [INTENT_RECORD, SETTLEMENT_RECORD])
def test_a_later_version_may_append_fields(record):
    kind = INTENT if isinstance(record, Intent) else SETTLEMENT
    fields = [*record, "a field of the future", 5]
    position = record._fields.index("leases")
    fields[position] = [[*use, "more"] for use in record.leases]
    if kind == SETTLEMENT:
        fields[4] = [*record.usage, 99]
    decoded = decode(kind, VERSION + 1, msgspec.msgpack.encode(fields))
    assert decoded == record
    assert type(decoded.leases[0]) is LeaseUse


def test_an_earlier_version_lacks_fields():
    decoded = decode(INTENT, VERSION, msgspec.msgpack.encode(INTENT_RECORD[:-1]))
    assert decoded == INTENT_RECORD._replace(is_stream=False)
    decoded = decode(SETTLEMENT, VERSION, msgspec.msgpack.encode(SETTLEMENT_RECORD[:4]))
    assert decoded == Settlement(18, 4711, 1, "completed")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode(5),
        msgspec.msgpack.encode([1, 2, 3]),
        msgspec.msgpack.encode([1, 2, 3, "completed", "usage"]),
        msgspec.msgpack.encode([1, 2, 3, 4]),
        msgspec.msgpack.encode([1, 2, 3, "completed", [1, "2"]]),
        msgspec.msgpack.encode([1, 2, 3, "completed", [], "none", [1]]),
        msgspec.msgpack.encode([1, 2, 3, "completed", [], "none", [], 0, 0, "", [["a", 1]]]),
    ],
)
def test_unfit_fields_are_corrupt(payload):
    with pytest.raises(JournalCorrupt):
        decode(SETTLEMENT, VERSION, payload)


def test_amounts_past_64_bits_survive():
    record = SETTLEMENT_RECORD._replace(
        cost_pico=10**26, charge_pico=-(10**22), leases=(LeaseUse(5, 2**64),)
    )
    assert decode_only(encode_settlement(record)) == record


def test_lone_surrogates_do_not_lose_the_record():
    decoded = decode_only(encode_settlement(SETTLEMENT_RECORD._replace(model_answered="a\ud800b")))
    assert decoded == SETTLEMENT_RECORD._replace(model_answered="a?b")


def test_an_over_long_settlement_is_cut_and_keeps_its_amounts():
    record = SETTLEMENT_RECORD._replace(
        detail="\u00e9" * 3000,
        vendor_call_id="v" * 3000,
        model_answered="m" * 3000,
        rate_ids=("a-long-rate-id" * 9,) * 30,
        exchange_ids=("x" * 200,) * 9,
        leases=tuple(LeaseUse(2**60 + n, 2**62) for n in range(LEASES_MAX)),
    )
    frame = encode_settlement(record)
    assert len(frame) <= SETTLEMENT_BYTES_MAX
    decoded = decode_only(frame)
    assert decoded[:5] == record[:5]
    assert decoded.cost_pico == record.cost_pico
    assert decoded.leases == record.leases


def test_a_long_detail_alone_costs_the_detail_alone():
    decoded = decode_only(encode_settlement(SETTLEMENT_RECORD._replace(detail="d" * 2000)))
    assert decoded == SETTLEMENT_RECORD._replace(detail="d" * 128)


def test_a_model_name_of_a_megabyte_is_cut():
    frame = encode_intent(INTENT_RECORD._replace(model_asked="m" * 2**20))
    assert len(frame) <= INTENT_BYTES_MAX
    assert decode_only(frame) == INTENT_RECORD._replace(model_asked="m" * 256)


def test_an_intent_that_cannot_be_cut_is_refused():
    with pytest.raises(ValueError, match="Intent of"):
        encode_intent(INTENT_RECORD._replace(account_path="a" * INTENT_BYTES_MAX))


def test_an_intent_with_too_many_leases_is_refused():
    with pytest.raises(LeaseConflict):
        encode_intent(INTENT_RECORD._replace(leases=(LeaseUse(1, 1),) * (LEASES_MAX + 1)))


def test_unknown_kinds_are_read_and_not_decoded():
    assert decode(77, 3, b"whatever") is None


def test_an_end_frame_is_an_empty_array():
    (frame,) = read_frames(END_FRAME)
    assert frame[0] == END
    assert msgspec.msgpack.decode(frame[2]) == []
    assert journal_format.HEAD_BYTES + 1 == len(END_FRAME)
