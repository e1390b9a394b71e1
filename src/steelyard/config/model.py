"""What ``steelyard.yaml`` may say, frozen and checked.

Every key is described under its attribute; the text becomes the JSON Schema that editors show.
Nothing here reads a file, the environment or a clock: ``load`` does.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, model_validator

from steelyard.config.price_book import Watch
from steelyard.config.section import (
    AccountName,
    Currency,
    Feature,
    Item,
    Listen,
    MoneyText,
    Name,
    PriceText,
    Seconds,
    Secret,
    Section,
    Zone,
)
from steelyard.config.vendor import (
    Dialects,
    Header,
    HeaderValue,
    Manner,
    PricedAt,
    PriceListing,
    Url,
    Vendor,
    Word,
)
from steelyard.config.weighing import Grader, SupplyDemand, Weighing
from steelyard.domain.offers import ChannelKind
from steelyard.domain.tasks import Constraint


class Channel(Section):
    """One way to buy: a vendor's API, a cloud, a reseller or an engine of one's own."""

    vendor: Name | None = None
    """A packaged or own vendor; gives the defaults of the keys below."""
    region: Word | None = None
    """One of the vendor's regions, where it has several, such as ``intl``."""
    parameters: dict[Word, str] = {}
    """Values for the names in braces in the vendor's addresses, such as ``resource``."""
    base_url: Url | None = None
    """Address up to and including the version part, such as ``https://api.openai.com/v1``."""
    path: str | None = Field(default=None, pattern=r"^/[^\s?#]*$")
    """Path behind the address in place of the dialect's; ``{model}`` stands for the model."""
    query: dict[str, str] | None = None
    """Query of every request, such as ``api-version``."""
    dialect: str | None = None
    """How it speaks."""
    dialects: Dialects | None = None
    """Further dialects that it speaks, and where; by default the vendor's."""
    credential: Secret | None = None
    """The API key, best as ``${NAME}`` of an environment variable."""
    credential_header: Header | None = None
    """Header that carries the credential, such as ``x-api-key``."""
    credential_prefix: str | None = Field(default=None, pattern=r"^[\x20-\x7e]{0,32}$")
    """What stands before the credential in its header, such as ``"Bearer "``."""
    headers: dict[Header, HeaderValue] = {}
    """Further fixed headers, beside the vendor's; never a secret."""
    kind: ChannelKind | None = None
    """``official``, ``cloud``, ``reseller`` or ``self_hosted``."""
    residency: str | None = None
    """Where data is processed, such as ``cn`` or ``eu``."""
    timeout_connect_s: Seconds = 5.0
    """Seconds until a connection stands."""
    timeout_first_byte_s: Seconds = 60.0
    """Seconds until the answer begins."""
    timeout_idle_s: Seconds = 30.0
    """Seconds between two bytes of an answer."""
    timeout_total_s: Seconds = 600.0
    """Seconds for the whole attempt."""
    connections_max: int = Field(default=512, ge=1, le=65_536)
    """Connections at a time, per worker."""
    concurrency: int = Field(default=0, ge=0, le=65_536)
    """Attempts at a time, per worker; 0 for no bound but the connections."""
    sends_attempt_id: bool | None = None
    """Whether the attempt's id may travel in a header."""
    ca_file: str = ""
    """Extra certificate authority for TLS, a PEM file."""
    proxy: Secret | None = None
    """HTTP proxy to go through (CONNECT), such as ``http://user:password@proxy:3128``."""
    signer: str | None = None
    """What signs its requests; by default the vendor's."""
    signing: dict[Word, str] | None = None
    """What signing needs beside the credential; by default the vendor's."""
    attributes: dict[str, str] = {}
    """Anything else worth knowing about it."""
    is_default: bool = False
    """Whether ``/readyz`` waits for this channel."""


class Offer(Section):
    """A model on a channel."""

    name: Name | None = None
    """Unique name; by default ``channel/model``."""
    model: Name
    """What clients ask for, independent of who sells it."""
    channel: Name
    """Name of a channel."""
    upstream_model: str | None = Field(default=None, min_length=1, max_length=128)
    """The name that goes into the request; by default the model's."""
    context: int | None = Field(default=None, gt=0, le=100_000_000)
    """Longest input plus output, tokens; needed where the preset does not know it."""
    output_max: int | None = Field(default=None, gt=0, le=100_000_000)
    """Longest output, tokens; needed where the preset does not know it."""
    features: tuple[Feature, ...] | None = None
    """What it can do."""
    manners: tuple[Manner, ...] | None = None
    """How it wants to be asked; by default as its vendor does."""
    answers_as: tuple[str, ...] | None = None
    """Other names that may answer, such as ``deepseek-v4-*``; by default the preset's."""
    rates: dict[Item, PriceText] | None = None
    """Price of each item, such as ``0.8 CNY/mtok``; by default the price book's."""
    list: PriceListing | None = None
    """Where it stands in the price book, as far as that does not follow from the vendor."""
    priced_at: PricedAt | None = None
    """Instant of a call whose price holds, ``start`` or ``end``; by default the vendor's."""
    valid_from: date | None = None
    """First day (UTC) on which ``rates`` hold; by default from when they are applied."""
    tokens_per_byte: float = Field(default=0.30, gt=0, le=8)
    """Expected input tokens per UTF-8 byte: ranks only, never prices."""
    enabled: bool = True
    """Whether it may be chosen."""


class MeasuredSpeed(Section):
    """Speed of a local model, the base of its stated price."""

    prefill_tok_s: Decimal = Field(gt=0)
    """Prompt tokens read per second."""
    decode_tok_s: Decimal = Field(gt=0)
    """Answer tokens written per second."""
    threads: int = Field(default=1, ge=1, le=1024)
    """Threads that worked at that speed."""


class LocalModel(Section):
    """A model that runs on this machine."""

    path: str = ""
    """A GGUF file of one's own; empty for a model of the catalogue."""
    slots: int | None = Field(default=None, ge=1, le=256)
    """Calls at a time."""
    threads: int | None = Field(default=None, ge=1, le=1024)
    """Threads of the engine."""
    context: int | None = Field(default=None, ge=256, le=10_000_000)
    """Longest input plus output of one call, tokens."""
    output_max: int | None = Field(default=None, gt=0)
    """Longest output, tokens."""
    features: tuple[Feature, ...] = ("stream", "grammar", "json_schema", "json_mode")
    """What it can do."""
    speed: MeasuredSpeed | None = None
    """Measured speed; needed for a file of one's own unless ``rates`` are given."""
    rates: dict[Item, PriceText] | None = None
    """Own prices instead of those from the cost of an hour of CPU."""


class Local(Section):
    """Models that steelyard runs on this machine."""

    price_per_cpu_hour: MoneyText | None = None
    """What one core busy for one hour costs, such as ``0.30 CNY``."""
    models: dict[Name, LocalModel | None] = {}
    """Models by their name in the catalogue, or by the name a file of one's own shall have."""


class Limit(Section):
    """A money budget or a rate of requests; exactly one of ``money`` and ``requests``."""

    money: MoneyText | None = None
    """Budget per period, such as ``100 CNY``."""
    requests: int | None = Field(default=None, ge=1, le=10**12)
    """Calls per minute."""
    period: Literal["minute", "day", "month", "total"] | None = None
    """``day``, ``month`` or ``total`` for money; requests always count per ``minute``."""
    zone: Zone = "UTC"
    """Time zone in which days and months begin."""
    is_hard: bool = True
    """Whether a call that does not fit is refused."""

    @model_validator(mode="after")
    def _check(self) -> Limit:
        if (self.money is None) == (self.requests is None):
            raise ValueError("give either money or requests")
        if self.money is not None and self.period not in ("day", "month", "total"):
            raise ValueError("a money limit needs a period: day, month or total")
        if self.requests is not None and self.period not in (None, "minute"):
            raise ValueError("requests count per minute")
        return self


class Account(Section):
    """A node of the tree organisation, department, product line."""

    limits: tuple[Limit, ...] = ()
    """Limits of this account and all below it together."""
    policy: Name | None = None
    """Policy of its calls."""
    accounts: dict[AccountName, Account | None] = {}
    """Accounts below this one."""


class Key(Section):
    """A virtual API key, by its name."""

    account: str
    """Path of its account, such as ``acme/support``."""
    secret: Secret | None = None
    """The secret, best as ``${NAME}``; without it the key is made with ``steelyard key create``."""
    limits: tuple[Limit, ...] = ()
    """Limits of this key alone."""
    task: str = ""
    """Task assumed for ``model: auto``."""


class PromptForm(Section):
    """How a sample of a task becomes a request."""

    id: str = Field(min_length=1, max_length=64)
    """Name for people; change it with the wording."""
    user: str = "{input}"
    """Template of the user's message."""
    system: str = ""
    """The system message."""
    temperature: Decimal = Field(default=Decimal(0), ge=0, le=2)
    """Sampling temperature."""
    output_tokens_max: int = Field(default=16, ge=1, le=65_536)
    """Cap of the answer."""
    constraint: Constraint = Constraint.NONE
    """How the engine is held to the closed set of answers."""


class Task(Section):
    """A shipped task's settings, or a whole task of one's own (with ``set`` and ``grader``)."""

    enabled: bool = True
    """Whether the task exists for calls and weighing."""
    floor: Decimal | None = Field(default=None, gt=0, le=1)
    """Least mean grade that is good enough."""
    policy: Name | None = None
    """Policy of its calls."""
    is_weighed_when_idle: bool | None = None
    """Whether the background may weigh it."""
    title: str = ""
    """Name for people."""
    language: str = ""
    """ISO 639-1; where it is not said, what the set's items are written in tells it."""
    scenario: str = Field(default="", max_length=64)
    """Kind of business, such as ``after-sales``, for tables."""
    set: str | None = None
    """A shipped set's name, or a file of one's own: JSONL, CSV, TSV or Parquet."""
    grader: Grader | None = None
    """Name of a grader, or a mapping of its ``name`` and its parameters."""
    grader_parameters: dict[str, Any] = {}
    """Its parameters, where ``grader`` is a name."""
    form: PromptForm | None = None
    """The prompt form."""
    seed: int = 1
    """Order of the items and of shuffled options."""
    stale_after_days: int | None = Field(default=None, ge=1, le=3650)
    """Age at which a verdict on it proves nothing any more; by default that of ``weighing``."""
    supervised_floor: Decimal | None = Field(default=None, ge=0, le=1)
    """Quality from which on it is of use with a person who looks at every answer; by default the
    floor less ``weighing.supervised_margin``."""
    supply: SupplyDemand | None = None
    """What an offer must sustain, too; without it quality is all that proof asks for."""
    supply_required: bool = False
    """Whether an offer whose supply was not measured is not proven."""

    @model_validator(mode="before")
    @classmethod
    def _grader_with_parameters(cls, said: Any) -> Any:
        """Takes name and parameters of a grader apart that stand together."""
        if not isinstance(said, dict) or not isinstance(said.get("grader"), dict):
            return said
        parameters = dict(said["grader"])
        name = parameters.pop("name", None)
        if name is None:
            raise ValueError("grader: a mapping needs name, beside the parameters")
        if said.get("grader_parameters"):
            raise ValueError("parameters stand in grader or in grader_parameters, not in both")
        return {**said, "grader": name, "grader_parameters": parameters}


class Policy(Section):
    """How offers are chosen and tried."""

    residency: tuple[str, ...] = ()
    """Residencies allowed; empty for any."""
    channels: tuple[Name, ...] = ()
    """Channels allowed; empty for any."""
    attempts_max: int = Field(default=3, ge=1, le=10)
    """Attempts per call, retries and fallbacks together."""
    retries_max: int = Field(default=1, ge=0, le=9)
    """Retries on the same offer."""
    replay_uncertain: bool = False
    """Whether to try again after a request was sent and nothing was answered; both are booked."""
    drain_on_disconnect: bool = False
    """Whether to read a paid answer to its end after the client has left."""
    output_tokens_default: int = Field(default=0, ge=0)
    """Output cap put into a call without one where a hard budget holds; 0: the offer's own."""
    dropped: Literal["tell", "refuse"] = "tell"
    """What happens where a field of a call has no place at the vendor: the answer's header
    ``x-steelyard-dropped`` tells, or the offer is not used."""
    admits_quarantined: bool = False
    """Whether offers are used that were found not to be the model they are sold as."""
    captures: float = Field(default=0, ge=0, le=1)
    """Consent: the share of these accounts' chats whose requests are kept, redacted, to draw test
    items from; 0 for none."""


class ExchangeRates(Section):
    """Where dated exchange rates come from."""

    source: Literal["ecb", "csv", "none"] = "ecb"
    """``ecb`` (reference rates, shipped), ``csv`` (own file) or ``none``."""
    file: str = ""
    """For ``csv``: lines of date, base, quote, value."""


class PriceBook(Watch):
    """How the price book is kept, and how prices are followed."""

    keys: dict[Name, str] = {}
    """Public keys (Ed25519, base64) whose updates of the book are trusted, by name."""


class Admin(Section):
    """The administration interface."""

    listen: Listen | None = None
    """Address of its own; without it admin paths answer on the public port, on loopback only."""
    hosts: tuple[str, ...] = ()
    """Host names under which it may be asked, beside localhost and loopback addresses."""


class Config(Section):
    """The whole file."""

    listen: Listen = "127.0.0.1:8080"
    """Address on which calls are taken."""
    admin: Admin = Admin()
    """The administration interface."""
    workers: int | None = Field(default=None, ge=1, le=256)
    """Worker processes; by default one per core."""
    home_currency: Currency = "CNY"
    """Currency in which offers of different currencies are compared."""
    demo_key: bool = False
    """Whether a demo account and key are made, and shown at the start."""
    weigh_when_idle: bool = True
    """Whether tasks are weighed in the background."""
    weighing: Weighing = Weighing()
    """How offers are weighed, and for how long a verdict holds."""
    vendors: dict[Name, Vendor] = {}
    """Vendors of one's own, beside the packaged ones."""
    channels: dict[Name, Channel] = {}
    """Ways to buy."""
    offers: tuple[Offer, ...] = ()
    """Models on channels."""
    local: Local = Local()
    """Models that run on this machine."""
    accounts: dict[AccountName, Account | None] = {}
    """The tree of accounts."""
    keys: dict[AccountName, Key] = {}
    """Keys and their limits."""
    tasks: dict[str, Task | None] = {}
    """Kinds of work with a quality floor."""
    policies: dict[Name, Policy] = {}
    """How offers are chosen; ``default`` holds where nothing nearer does."""
    aliases: dict[Name, Name] = {}
    """Names that clients may use for a model."""
    price_book: PriceBook = PriceBook()
    """How the price book is kept, and how prices are followed."""
    exchange_rates: ExchangeRates = ExchangeRates()
    """Where dated exchange rates come from."""
