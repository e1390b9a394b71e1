"""What is sent and answered in every bench: the same bytes for every subject."""

import json
from typing import Final

MODEL: Final = "bench-model-00000"
"""The models are called `bench-model-00000`, `bench-model-00001`, …"""

KEY: Final = "sk-bench-0000000"
"""The keys are called `sk-bench-0000000`, `sk-bench-0000001`, …"""

USAGE: Final = {"prompt_tokens": 150, "completion_tokens": 8, "total_tokens": 158}

_MESSAGES: Final = [
    {
        "role": "system",
        "content": "You sort letters from customers by what they ask for. Answer with one word: "
        "delivery, invoice, return, warranty, complaint or other. Never explain your choice.",
    },
    {
        "role": "user",
        "content": "Good morning, I ordered a coffee grinder on the third of May and it came with "
        "a broken lid. I wrote to you twice already and nobody answered. I would like to send it "
        "back and have my money returned to the card that I paid with. Where do I send it?",
    },
]


def chat(*, is_stream: bool, model: str = MODEL) -> bytes:
    """Return the body of a chat request of about 600 bytes."""
    body: dict[str, object] = {"model": model, "max_tokens": 64, "temperature": 0.2}
    if is_stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return _encode({**body, "messages": _MESSAGES})


def completion() -> bytes:
    """Return the body of the plain answer."""
    message = {"role": "assistant", "content": "return"}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return _encode(
        {
            "id": "chatcmpl-BenchBenchBenchBenchBench",
            "object": "chat.completion",
            "created": 1_750_000_000,
            "model": MODEL,
            "choices": [choice],
            "usage": USAGE,
            "system_fingerprint": "fp_0123456789",
        }
    )


def events(count: int) -> list[bytes]:
    """Return the events of a streamed answer: `count` with content, then reason and usage."""
    # No two in a row alike: LiteLLM takes a hundred equal chunks for a model that hangs, and stops.
    said: list[list[object]] = [
        [
            {
                "index": 0,
                "delta": {"content": f" word{at % 10}"},
                "logprobs": None,
                "finish_reason": None,
            }
        ]
        for at in range(count)
    ]
    said.append([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}])
    found = [_event(choices, None) for choices in said]
    return [*found, _event([], USAGE)]


def _event(choices: list[object], usage: object) -> bytes:
    chunk = {
        "id": "chatcmpl-BenchBenchBenchBenchBench",
        "object": "chat.completion.chunk",
        "created": 1_750_000_000,
        "model": MODEL,
        "system_fingerprint": "fp_0123456789",
        "choices": choices,
        "usage": usage,
    }
    return b"data: " + _encode(chunk) + b"\n\n"


def _encode(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
