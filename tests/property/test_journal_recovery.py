"""Law: recovery of any prefix of a journal yields a prefix of its records."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.entries import Intent, LeaseUse, Settlement
from steelyard.domain.usage import Usage
from steelyard.journal.format import (
    END_FRAME,
    LEASES_MAX,
    SETTLEMENT_BYTES_MAX,
    decode,
    encode_intent,
    encode_settlement,
    read_frames,
)
from steelyard.journal.reader import Reader, try_seal
from steelyard.journal.segment import segment_path

counts = st.integers(0, 2**63)
amounts = st.integers(-(10**26), 10**26)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
leases = st.lists(st.builds(LeaseUse, counts, amounts), max_size=5).map(tuple)
intents = st.builds(
    Intent,
    *[counts, counts, counts, texts, counts],
    *[texts] * 10,
    counts,
    leases,
    amounts,
    texts,
    counts,
    counts,
    st.booleans(),
)
settlements = st.builds(
    Settlement,
    incarnation=counts,
    sequence=counts,
    attempt=counts,
    outcome=texts,
    usage=st.builds(Usage, *[counts] * 6),
    rate_ids=st.lists(texts, max_size=3).map(tuple),
    cost_pico=amounts,
    charge_pico=amounts,
    leases=leases,
    detail=texts,
)


def encode(record: Intent | Settlement) -> bytes:
    return encode_intent(record) if isinstance(record, Intent) else encode_settlement(record)


@given(st.lists(st.one_of(intents, settlements), max_size=6), st.data())
def test_any_prefix_of_the_bytes_is_a_prefix_of_the_records(records, data):
    frames = [encode(record) for record in records]
    whole = b"".join(frames)
    size = data.draw(st.integers(0, len(whole)))
    expected, end = [], 0
    for record, frame in zip(records, frames, strict=True):
        end += len(frame)
        if end <= size:
            expected.append(record)
    for tail in (b"", bytes(50), whole[-7:]):
        found = [decode(*frame[:3]) for frame in read_frames(whole[:size] + tail)]
        # A tail may by chance finish the cut record, and then it is the same record.
        assert found[: len(expected)] == expected
        assert found == records[: len(found)]


@given(st.lists(intents, min_size=1, max_size=8), st.data())
def test_a_dead_journal_in_several_segments_recovers_a_prefix_of_each(records, data):
    parts = data.draw(st.lists(st.integers(0, len(records)), min_size=1, max_size=3).map(sorted))
    bounds = [0, *parts, len(records)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected = []
        for number, (begin, end) in enumerate(zip(bounds, bounds[1:], strict=False), 1):
            is_last = number == len(bounds) - 1
            frames = [encode(record) for record in records[begin:end]]
            whole = b"".join(frames)
            size = data.draw(st.integers(0, len(whole))) if is_last else len(whole)
            written = whole[:size] + (b"" if is_last else END_FRAME)
            segment_path(folder, number).write_bytes(written + bytes(64))
            ends = [sum(map(len, frames[: i + 1])) for i in range(len(frames))]
            expected += [r for r, e in zip(records[begin:end], ends, strict=True) if e <= size]
        (folder / "lock").touch()
        assert Reader(folder).read().records == expected
        assert try_seal(folder)
        assert Reader(folder).read().records == expected


@given(
    settlements,
    st.lists(st.text(max_size=400), min_size=7, max_size=7),
    st.lists(st.builds(LeaseUse, counts, counts), max_size=LEASES_MAX).map(tuple),
    st.lists(st.text(max_size=99), max_size=30).map(tuple),
)
def test_every_settlement_fits_the_room_reserved_for_it(settlement, words, uses, ids):
    outcome, source, currency, model, vendor_id, detail, finish = words
    settlement = settlement._replace(
        outcome=outcome,
        usage_source=source,
        currency=currency,
        model_answered=model,
        vendor_call_id=vendor_id,
        detail=detail,
        finish=finish,
        leases=uses,
        rate_ids=ids,
        exchange_ids=ids,
    )
    frame = encode_settlement(settlement)
    assert len(frame) <= SETTLEMENT_BYTES_MAX
    ((kind, version, payload, end),) = read_frames(frame)
    decoded = decode(kind, version, payload)
    assert end == len(frame)
    assert (decoded.usage, decoded.cost_pico) == (settlement.usage, settlement.cost_pico)
    assert decoded.leases == uses
