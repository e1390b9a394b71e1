"""What ``steelyard.yaml`` may say about weighing: what it may cost, how long proof holds."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field, WithJsonSchema

from steelyard.config.section import MoneyText, Section
from steelyard.config.vendor import Url

Grader = Annotated[
    str,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"name": {"type": "string"}},
                    "required": ["name"],
                },
            ]
        }
    ),
]
"""A grader's name; editors are told that a mapping of name and parameters may stand there, too."""


class Fleet(Section):
    """Machines of a Ray cluster that ask a weighing's questions; needs ``steelyard[ray]``."""

    address: str = Field(min_length=1, max_length=512)
    """Of the cluster's head, such as ``10.0.0.5:6379`` or ``ray://10.0.0.5:10001``; ``local``
    starts a cluster of this machine alone."""
    askers: int = Field(default=4, ge=1, le=1024)
    """Processes that ask, spread over the machines."""
    gateway: Url | None = None
    """Address of the gateway as those machines reach it; by default the one on this machine."""


class SupplyDemand(Section):
    """What an offer must sustain for a task, as measured load finds it."""

    requests_per_minute: float | None = Field(default=None, gt=0, le=10**9)
    """Calls per minute, sustained."""
    tokens_per_s: float | None = Field(default=None, gt=0, le=10**6)
    """Tokens per second of one answer while it streams."""


class Drift(Section):
    """Watching whether proven offers stay as they were: a few items of the task again and again."""

    enabled: bool = True
    """Whether proven offers of this machine's own engines are watched while it is idle
    (``weigh_when_idle``), and others within ``money_per_day``."""
    every_hours: float = Field(default=24, ge=0.25, le=720)
    """Hours from one look at an offer on a task to the next."""
    items: int = Field(default=20, ge=5, le=500)
    """Items asked at a look."""
    pool: int = Field(default=300, ge=20, le=5000)
    """Items of the task that looks take turns through; of a smaller set all."""
    money_per_day: MoneyText | None = None
    """Most that all looks at paid offers together may cost on a day (UTC), such as ``1 CNY``;
    without it offers that cost money are not watched."""
    tasks: list[str] | None = None
    """Only offers proven on these tasks; by default on all."""
    tolerance: Decimal = Field(default=Decimal("0.02"), ge=0, lt=1)
    """Fall of the mean grade that is borne."""
    longer: Decimal = Field(default=Decimal("0.1"), ge=0, le=10)
    """Growth of answers, in tokens, that is borne: 0.1 for a tenth."""
    alpha: float = Field(default=0.01, gt=0, le=0.2)
    """Chance that watching an unchanged offer ever alarms, from one verdict to the next."""


class Captures(Section):
    """What is kept of the requests of accounts whose policy captures."""

    days: int = Field(default=30, ge=1, le=3650)
    """How long a captured request is kept."""
    megabytes_max: int = Field(default=256, ge=1, le=1_000_000)
    """Most that all of them may take on the disk; the oldest days go first."""
    words: tuple[str, ...] = ()
    """Texts to take out beside what has a form of its own, such as the names of projects."""


class Authenticity(Section):
    """Tests of whether an offer is the model that it is sold as."""

    error: float = Field(default=0.01, gt=0, le=0.2)
    """Share of genuine offers that a test may call something else."""
    quarantine: bool = True
    """Whether an offer that is something else gets no calls until it is genuine or released."""
    money: MoneyText = "1 USD"
    """Most that a test may cost where nobody says otherwise, both sides together."""
    every_days: int = Field(default=0, ge=0, le=365)
    """Age in days at which an offer is tested again, against what it was tested against before;
    0 for never."""


class Weighing(Section):
    """How offers are weighed, and for how long a verdict holds."""

    money: MoneyText | None = None
    """Most that one weighing may cost where nobody says otherwise, such as ``5 CNY``."""
    answers_days: int = Field(default=30, ge=0, le=3650)
    """How long an answer is kept and used again instead of asking the same offer the same once
    more; 0 for not at all."""
    stale_after_days: int = Field(default=90, ge=1, le=3650)
    """Age at which a verdict proves nothing any more."""
    supervised_margin: Decimal = Field(default=Decimal("0.1"), ge=0, le=1)
    """How far below its floor a task is still of use with a person who looks at every answer."""
    fleet: Fleet | None = None
    """Where the questions of a weighing on demand are asked from; by default from here."""
    drift: Drift = Drift()
    """Whether and how proven offers are watched."""
    captures: Captures = Captures()
    """How long captured requests are kept, and what is taken out of them."""
    authenticity: Authenticity = Authenticity()
    """How offers are tested for being the model that they are sold as."""
