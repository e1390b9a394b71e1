import json
from typing import Any

import pytest

from gateway.plain_core import channel, offer
from steelyard.dialects.base import Answer
from steelyard.dialects.error_table import ErrorRow, ErrorTable
from steelyard.dialects.openai_chat import DIALECT
from steelyard.domain.usage import ESTIMATED, REPORTED, Usage
from steelyard.gateway.meter import EVENT_BYTES_MAX, StreamMeter, believed, estimate
from steelyard.gateway.view import Candidate
from steelyard.wire.errors import EventTooLong

CANDIDATE = Candidate(offer(tokens_per_byte=0.5), channel())
DONE = b"data: [DONE]\n\n"


def event(text: str | None = None, finish: str | None = None, **fields: Any) -> bytes:
    delta = {} if text is None else {"content": text}
    choices = [] if text is None and finish is None else [{"delta": delta, "finish_reason": finish}]
    told = {"id": "i", "model": "m", "choices": choices, **fields}
    return b"data: " + json.dumps(told, separators=(",", ":")).encode() + b"\n\n"


def usage(prompt: int, completion: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": completion}


def read(*pieces: bytes, hides: bool = True) -> tuple[StreamMeter, bytes]:
    meter = StreamMeter(DIALECT, hides)
    return meter, b"".join(meter.feed(piece) for piece in pieces)


def test_a_stream_passes_untouched_and_is_understood() -> None:
    whole = [event(""), event("a"), event(finish="stop"), DONE]
    meter, seen = read(*whole)
    assert seen == b"".join(whole)
    assert meter.answer()[:6] == (None, "", "m", "i", "stop", "")
    assert meter.is_done
    assert meter.events_seen == 4


def test_the_last_usage_is_the_truth_zeros_included() -> None:
    for last in (usage(5, 0), usage(5, 9)):
        meter, seen = read(event("", usage=usage(0, 0)), event("a", usage=usage(5, 4)))
        meter.feed(event(usage=last))
        assert meter.usage == Usage(5, last["completion_tokens"])
        assert b"usage" not in seen


def test_a_usage_that_cannot_be_takes_the_place_of_one_that_could() -> None:
    meter, _ = read(event("", usage=usage(5, 4)), event(usage=usage(5, -4)))
    assert meter.usage is None
    assert "not believed" in meter.answer().usage_fault
    meter.feed(event(usage=usage(5, 4)))
    assert (meter.usage, meter.usage_fault) == (Usage(5, 4), "")
    meter.feed(b'data: {"choices":[],"usage":NaN}\n\n')
    assert meter.usage is None
    assert "unreadable" in meter.usage_fault


def test_usage_is_hidden_or_shown() -> None:
    pieces = [
        event("", usage=None),
        event("a", usage=None),
        event("b", finish="stop", usage=usage(1, 2)),
        event(usage=usage(1, 2)),
        b'data: {"choices":[],"usage":NaN}\n\n',
        DONE,
    ]
    _, hidden = read(*pieces)
    assert b"usage" not in hidden
    assert hidden.count(b"data:") == 4
    _, shown = read(*pieces, hides=False)
    assert shown == b"".join(pieces)


@pytest.mark.parametrize(
    "spaced",
    [b'{"choices":[],"usage": null}', b'{"usage":null}', b'{"x":1, "usage":null}'],
)
def test_an_empty_usage_is_hidden_however_it_is_spaced(spaced: bytes) -> None:
    _, seen = read(event(""), b"data: " + spaced + b"\n\n")
    assert b"usage" not in seen


def test_text_that_speaks_of_usage_is_left_alone() -> None:
    told = event('he said "usage":null and "error" and [DONE]')
    _, seen = read(event(""), told)
    assert seen == event("") + told


def test_an_error_event_is_seen() -> None:
    meter, _ = read(event("a"), event(error={"message": "Crashed."}), event("b"))
    assert meter.answer().error == "Crashed."


def test_broken_events_in_between_pass() -> None:
    broken = b'data: {"choices":[{"delta"\n\n'
    meter, seen = read(broken + event("a") + broken, event(finish="length"))
    assert seen.count(broken) == 2
    assert meter.answer()[1:6] == ("", "m", "i", "length", "")


def test_comments_and_keep_alives_pass() -> None:
    meter, seen = read(b": ping\n\n", event("a"), b": ping\n\n")
    assert seen.count(b"ping") == 2
    assert meter.model == "m"


def test_an_endless_event_is_cut_off() -> None:
    meter = StreamMeter(DIALECT, hides_usage=True)
    with pytest.raises(EventTooLong):
        for _ in range(EVENT_BYTES_MAX // 65536 + 2):
            meter.feed(b"x" * 65536)


def test_half_an_event_is_kept_back() -> None:
    whole = event("a")
    meter, seen = read(whole[:10])
    assert seen == b""
    assert meter.answer() == Answer(None)
    assert meter.feed(whole[10:]) == whole


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
def test_a_last_event_without_its_empty_line_counts(ending: bytes) -> None:
    meter, seen = read(
        event(""), event("a", finish="stop") + event(usage=usage(5, 7))[:-2] + ending
    )
    assert meter.usage is None
    assert (seen + meter.finish_reading(), meter.usage) == (
        event("") + event("a", finish="stop"),
        Usage(5, 7),
    )
    meter, seen = read(event(""), DONE[:-2] + ending)
    assert (meter.finish_reading(), meter.is_done) == (DONE, True)
    for torn in (b"", event("a")[:-5]):
        meter, _ = read(event(""), torn)
        assert meter.finish_reading() == b""


def test_an_estimate_is_by_bytes_or_by_pieces() -> None:
    assert estimate(CANDIDATE, 7, 0, 0) == Usage(7, 0)
    assert estimate(CANDIDATE, 7, 9, 2) == Usage(7, 5)
    assert estimate(CANDIDATE, 7, 9, 30) == Usage(7, 30)


def test_what_is_believed_says_where_it_comes_from() -> None:
    told = Usage(3, 4)
    assert believed(Answer(told), CANDIDATE, 9, 9) == (told, REPORTED, "")
    missing = believed(Answer(None, text_bytes=4), CANDIDATE, 9, 1)
    assert missing == (Usage(9, 2), ESTIMATED, "usage missing")
    assert believed(Answer(None, "odd"), CANDIDATE, 9, 1)[2] == "odd"


CODES = ErrorTable((ErrorRow("out_of_money", code="1008"),), ("base_resp.status_code",))


def test_an_error_under_a_code_of_the_vendors_own_is_seen_in_a_stream() -> None:
    fine = {"status_code": 0, "status_msg": ""}
    wrong = {"status_code": 1008, "status_msg": "no balance"}
    meter = StreamMeter(DIALECT, False, CODES)
    for piece in (event("a", base_resp=fine), event("b", base_resp=fine)):
        assert meter.feed(piece) == piece
    assert not (meter.error or meter.refused)
    meter.feed(event(base_resp=wrong))
    assert meter.error == "no balance"
    assert json.loads(meter.refused)["base_resp"] == wrong


def test_an_error_in_the_dialects_own_shape_is_kept_for_the_table() -> None:
    meter = StreamMeter(DIALECT, False, CODES)
    meter.feed(b'data: {"error":{"code":"7","message":"Busy."}}\n\n')
    assert (meter.error, meter.refused[:9]) == ("Busy.", b'{"error":')
    plain = StreamMeter(DIALECT, False)
    plain.feed(b'data: {"error":{"code":"7","message":"Busy."}}\n\n')
    assert (plain.error, plain.refused) == ("Busy.", b"")


def test_what_only_looks_like_such_a_code_is_none() -> None:
    meter = StreamMeter(DIALECT, False, CODES)
    meter.feed(event("a"))
    meter.feed(event("b", status_code=7, base_resp={"status_code": 0}))
    assert not (meter.error or meter.refused)
    plain = StreamMeter(DIALECT, False)
    plain.feed(event("a") + event("b", base_resp={"status_code": 1008}))
    assert not plain.error
