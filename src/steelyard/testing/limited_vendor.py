"""A scripted vendor with a limit that it states nowhere.

As a process of its own: `python -m steelyard.testing.limited_vendor --shape fixed --limit 300`; its
first line on stdout is JSON with `base_url`. What it refuses is answered with 429; `/v1/models`
and everything else is the scripted vendor's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import uvloop

from steelyard.testing.limiters import (
    Concurrency,
    FixedWindow,
    Limiter,
    SilentQueue,
    SlidingWindow,
    TokenBucket,
    Unlimited,
)
from steelyard.testing.replies import Answer, Fault, Received, Step
from steelyard.testing.upstream import ScriptedVendor, Settings

SHAPES: Final[Mapping[str, Callable[[int], Limiter]]] = {
    "fixed": FixedWindow,
    "fixed-told": lambda limit: FixedWindow(limit, tells=True),
    "sliding": SlidingWindow,
    "bucket": lambda limit: TokenBucket(limit, max(2, limit // 15)),
    "second": lambda limit: FixedWindow(max(1, limit // 60), span_s=1.0),
    "concurrency": Concurrency,
    "queue": SilentQueue,
    "none": lambda limit: Unlimited(),
}
"""Limiters by name; each is made from calls per minute, `concurrency` from calls at a time."""


class LimitedVendor(ScriptedVendor):
    """Asks its limiter about every chat."""

    def __init__(
        self, limiter: Limiter, service_s: float = 0.1, settings: Settings | None = None
    ) -> None:
        """`service_s`: typical time of an answer; the times themselves are log-normal."""
        super().__init__(settings)
        self._limiter = limiter
        self._service_s = service_s
        self._random = random.Random(0)  # noqa: S311 - noise, not a secret
        self.refused = 0

    def on_request(self, request: Received) -> Iterator[Step]:
        """Answers a chat as the limiter says, anything else as scripted."""
        if request.method == "POST" and request.target.startswith("/v1/chat/completions"):
            service_s = self._service_s * self._random.lognormvariate(0.0, 0.2)
            now_s = asyncio.get_running_loop().time()
            admission = self._limiter.ask(now_s, service_s)
            if admission.is_accepted:
                events = min(int(json.loads(request.body).get("max_tokens") or 8), 512)
                self.script([Answer(events=events, delay_s=admission.time_s)])
            else:
                self.refused += 1
                wait_s = admission.retry_after_s
                self.script([Fault("429", "" if wait_s is None else str(int(wait_s) + 1))])
        return super().on_request(request)


async def _serve(options: argparse.Namespace) -> None:
    limiter = SHAPES[options.shape](options.limit)
    settings = Settings(port=options.port, received_max=0)
    async with LimitedVendor(limiter, options.service, settings) as vendor:
        sys.stdout.write(json.dumps({"base_url": vendor.base_url}) + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().create_future()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a vendor until it is interrupted."""
    parser = argparse.ArgumentParser(description="A scripted vendor with an unstated limit.")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="fixed")
    parser.add_argument("--limit", type=int, default=300, help="calls per minute, or at a time")
    parser.add_argument("--service", type=float, default=0.1, help="seconds of an answer")
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    try:
        uvloop.run(_serve(options))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
