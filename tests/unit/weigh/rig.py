"""A weighing in miniature: sixty questions, two offers, a vendor that is a function."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from steelyard.domain.tasks import PromptForm, Sample, Task
from steelyard.weigh.asking import Answer, Contender, Preempted
from steelyard.weigh.datasets import Dataset, Fault
from steelyard.weigh.runner import Options, Result, run
from steelyard.weigh.tries import Patience

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TASK = Task(
    name="shop/mood",
    title="Mood",
    language="en",
    set_name="mine",
    grader="label",
    floor=Decimal("0.6"),
    form=PromptForm("f"),
)
DATASET = Dataset(
    "mine",
    "d" * 16,
    tuple(Sample(f"i{n}", f"Good {n}?", "yes", ("yes", "no")) for n in range(60)),
    (Fault("line 9", "not UTF-8 at byte 3"),),
)
HASTY = Patience(backoff_min_s=0.0, backoff_max_s=0.0)
A, B = Contender("a"), Contender("b")

Say = Callable[[str, str], Awaitable[Answer] | Answer]


class Vendor:
    """Answers by a function of offer and input; remembers what it was asked."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, offer: str, request: dict[str, object], *, task: str) -> Answer:
        assert task == TASK.name
        assert "model" not in request
        content = request["messages"][0]["content"]  # type: ignore[index]
        self.asked.append((offer, content))
        answer = self.say(offer, content)
        return answer if isinstance(answer, Answer) else await answer


def yes(cost_pico: int = 10) -> Answer:
    return Answer("Yes.", "stop", 5, 1, cost_pico, "USD", 0.5, "c1", "model-1")


def no() -> Answer:
    return Answer("No.", "stop", 5, 1, 10, "USD", 0.5, "c2", "model-1")


def options(**change: object) -> Options:
    given = {"now": lambda: NOON, "patience": HASTY, **change}
    return Options(**given)  # type: ignore[arg-type]


def weigh(
    vendor: Vendor, path: Path, *contenders: Contender, task: Task = TASK, **change: object
) -> list[Result]:
    return asyncio.run(
        run(task, DATASET, contenders or (A,), vendor, path=path, options=options(**change))
    )


def always_busy(*_: str) -> Answer:
    raise Preempted("a call came")


class Died(Exception):
    """Stands for the end of the process."""


def mostly_yes(_: str, text: str) -> Answer:
    """Wrong on every seventh item."""
    return yes() if int(text[5:-1]) % 7 < 6 else no()
