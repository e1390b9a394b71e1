"""The load of the kill test: a bounded crowd of clients who take what they get and go on.

Threads over `http.client`, a foreign implementation, on connections kept alive; a call that is
refused, reset or cut is counted and forgotten, as a client without retries would.
"""

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

MODEL: Final = "m"
OUTPUT_MAX: Final = 64
TIMEOUT_S: Final = 20.0
PAUSE_S_MAX: Final = 0.12
"""Between two calls of one client: the load is bounded, so that killing is what matters."""
LEAVES_ONE_IN: Final = 25
"""So many streams to one that its client leaves half read."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """Whose key a client uses."""

    name: str
    secret: str
    clients: int


@dataclass(slots=True)
class Tally:
    """What one buyer's clients saw."""

    ends: Counter[str] = field(default_factory=Counter)
    """How calls ended: a status with the error's code, or the name of what went wrong."""
    answered_at_s: list[float] = field(default_factory=list)
    """When good answers were complete, on the monotonic clock."""


class Load:
    """Runs all clients until stopped."""

    def __init__(self, port: int, buyers: Sequence[Buyer], seed: int) -> None:
        self.tallies = {buyer.name: Tally() for buyer in buyers}
        self._port = port
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._run,
                args=(buyer, number % 2 == 0, random.Random(f"{seed} {buyer.name} {number}")),  # noqa: S311 - repeatable, not secret
                daemon=True,
            )
            for buyer in buyers
            for number in range(buyer.clients)
        ]

    def start(self) -> None:
        """Starts calling."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends the load once every call under way has ended."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(2 * TIMEOUT_S)

    def answered(self, name: str, since_s: float, until_s: float) -> int:
        """How many good answers a buyer's clients had within an interval."""
        return sum(since_s <= at_s <= until_s for at_s in self.tallies[name].answered_at_s)

    def _run(self, buyer: Buyer, is_stream: bool, chance: random.Random) -> None:
        tally = self.tallies[buyer.name]
        headers = {"authorization": f"Bearer {buyer.secret}", "content-type": "application/json"}
        body = _body(is_stream)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)
        while not self._stopping.wait(chance.uniform(0, PAUSE_S_MAX)):
            leaves = is_stream and chance.randrange(LEAVES_ONE_IN) == 0
            try:
                connection.request("POST", "/v1/chat/completions", body, headers)
                answer = connection.getresponse()
                if leaves and answer.status == 200:
                    answer.read(200)
                    connection.close()
                    tally.ends["left"] += 1
                    continue
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                tally.ends[type(error).__name__] += 1
                connection.close()
                continue
            end = _end_of(answer.status, content, is_stream)
            tally.ends[end] += 1
            if end == "200":
                tally.answered_at_s.append(time.monotonic())
        connection.close()


def _body(is_stream: bool) -> bytes:
    question = {"role": "user", "content": "Where is the parcel that was sent on Monday?"}
    call = {"model": MODEL, "messages": [question], "max_tokens": OUTPUT_MAX, "stream": is_stream}
    return json.dumps(call).encode()


def _end_of(status: int, content: bytes, is_stream: bool) -> str:
    if status == 200:
        is_whole = b"data: [DONE]" in content if is_stream else content.endswith(b"}")
        return "200" if is_whole else "200 cut"
    try:
        return f"{status} {json.loads(content)['error']['code']}"
    except (ValueError, KeyError, TypeError):
        return f"{status} without a code"
