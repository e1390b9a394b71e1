"""Faults in what the vendor says it consumed. Called through `faults.FAULTS`; pure.

Each works for the plain and the streamed form. In streams the usage chunk comes whether or not it
was asked for, since vendors that get usage wrong are not careful about that either.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from steelyard.testing.replies import (
    Step,
    Turn,
    chunks,
    completion,
    events,
    plain,
    stream,
    usage_chunk,
)

_ABSENT: Final = object()

ABSURD: Final[Mapping[str, object]] = {
    "1e300": 1e300,
    "nan": float("nan"),
    "infinity": float("inf"),
    "float": 12.5,
    "string": "12",
    "bool": True,
    "list": [12],
    "huge": 2**70,
}
"""Values for token counts that are no token counts, by the fault's argument."""


def twice(turn: Turn) -> Iterator[Step]:
    """The usage comes twice; the second, cumulative one is the true one."""
    usage = turn.usage()
    early = {**usage, "completion_tokens": 1, "total_tokens": turn.call.prompt_tokens + 1}
    if not turn.call.is_stream:
        yield plain(turn, completion(turn))  # a plain body has one place only
        return
    told = [usage_chunk(turn, early), usage_chunk(turn, usage)]
    yield from stream(turn, events(turn, [*_without_usage(turn), *told]))


def missing(turn: Turn) -> Iterator[Step]:
    """No usage at all, although it was asked for."""
    yield from _reporting(turn, _ABSENT)


def null(turn: Turn) -> Iterator[Step]:
    """`usage` is null in every chunk, the last one included."""
    yield from _reporting(turn, None)


def negative(turn: Turn) -> Iterator[Step]:
    """Counts below zero, which would refill a budget."""
    usage = {"prompt_tokens": -5, "completion_tokens": -100_000, "total_tokens": -100_005}
    yield from _reporting(turn, usage)


def absurd(turn: Turn) -> Iterator[Step]:
    """Counts of another kind or size: the argument is a name in `ABSURD` (default `1e300`)."""
    value = ABSURD[turn.argument or "1e300"]
    yield from _reporting(turn, dict.fromkeys(turn.usage(), value))


def parts_over_total(turn: Turn) -> Iterator[Step]:
    """More cached and reasoning tokens than tokens."""
    over: dict[str, object] = {
        **turn.usage(),
        "prompt_tokens_details": {"cached_tokens": turn.call.prompt_tokens + 1},
        "completion_tokens_details": {"reasoning_tokens": len(turn.parts()) + 1},
    }
    yield from _reporting(turn, over)


def zero_after(turn: Turn) -> Iterator[Step]:
    """An explicit 0 comes after a count above 0, and is the truth."""
    usage = turn.usage()
    zero = {**usage, "completion_tokens": 0, "total_tokens": turn.call.prompt_tokens}
    if not turn.call.is_stream:
        yield from _reporting(turn, zero)
        return
    told = [usage_chunk(turn, usage), usage_chunk(turn, zero)]
    yield from stream(turn, events(turn, [*_without_usage(turn), *told]))


def zero_first(turn: Turn) -> Iterator[Step]:
    """The first chunk says 0 and 0; the usage comes at the end."""
    found = _without_usage(turn)
    found[0]["usage"] = dict.fromkeys(turn.usage(), 0)
    if not turn.call.is_stream:
        yield plain(turn, completion(turn))
        return
    yield from stream(turn, events(turn, [*found, usage_chunk(turn, turn.usage())]))


def on_final_choice(turn: Turn) -> Iterator[Step]:
    """The usage stands in the chunk with the finish reason, as with Groq and DeepSeek."""
    if not turn.call.is_stream:
        yield plain(turn, completion(turn))
        return
    found = _without_usage(turn)
    found[-1]["usage"] = turn.usage()
    yield from stream(turn, events(turn, found))


def in_every_chunk(turn: Turn) -> Iterator[Step]:
    """Every chunk carries the cumulative usage so far, which must not be added up."""
    if not turn.call.is_stream:
        yield plain(turn, completion(turn))
        return
    found = _without_usage(turn)
    final = turn.usage()
    for index, chunk in enumerate(found):
        said = min(index, len(turn.parts()))
        chunk["usage"] = {
            **final,
            "completion_tokens": said,
            "total_tokens": turn.call.prompt_tokens + said,
        }
    found[-1]["usage"] = final
    yield from stream(turn, events(turn, found))


def _without_usage(turn: Turn) -> list[dict[str, object]]:
    found = [chunk for chunk in chunks(turn) if chunk["choices"]]
    for chunk in found:
        chunk.pop("usage", None)
    return found


def _reporting(turn: Turn, usage: object) -> Iterator[Step]:
    """Yield the ordinary reply with this usage; `_ABSENT` leaves the field out."""
    if not turn.call.is_stream:
        body = completion(turn)
        body["usage"] = usage
        if usage is _ABSENT:
            del body["usage"]
        yield plain(turn, body)
        return
    found = _without_usage(turn)
    if usage is None:
        for chunk in found:
            chunk["usage"] = None
    if usage is not _ABSENT:
        found.append(usage_chunk(turn, usage))
    yield from stream(turn, events(turn, found))


USAGE_FAULTS: Final[Mapping[str, Callable[[Turn], Iterator[Step]]]] = {
    "usage-twice": twice,
    "usage-missing": missing,
    "usage-null": null,
    "usage-negative": negative,
    "usage-absurd": absurd,
    "usage-parts-over-total": parts_over_total,
    "usage-zero-after": zero_after,
    "usage-zero-first": zero_first,
    "usage-on-final-choice": on_final_choice,
    "usage-in-every-chunk": in_every_chunk,
}
