"""The immutable view a worker serves from: what control knows, compiled.

``control.snapshot.compile`` fills the structs and writes them with ``write``; workers ``load`` the
file off the loop and swap it whole; nothing edits a loaded snapshot. Offers stay encoded, model by
model, until a call first asks for the model: a book of ten thousand offers then costs a worker
neither a long decode nor the memory of what it never serves.

Money is pico-units (10**-12 of a currency); instants are UTC nanoseconds; a rate per single unit is
an exact rational of pico-units.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from steelyard.dialects.error_table import ErrorTable
from steelyard.domain.errors import SchemaMismatch, StoreUnavailable
from steelyard.pricebook.book import Period

FORMAT = 3
"""Version of the file; a worker refuses another and keeps what it has."""

CORE_FILE = "core.msgpack"
KEYS_FILE = "keys.table"
SECRETS_FILE = "secrets.msgpack"
REVOKED_FILE = "revoked.msgpack"
ORDERS_KEY = "steelyard orders"
"""Name in the secrets file of what ids of orders are sealed with; no channel can be called so."""


class Meter(msgspec.Struct, array_like=True, frozen=True):
    """A limit that calls of a key or account count against."""

    scope: str
    """``account:<id>`` or ``key:<id>``."""
    unit: str
    """``money`` or ``requests``."""
    amount: int
    """Requests per minute; 0 for money, whose amount only control needs (and which may pass the 64
    bits of msgpack: 9.2 million of a currency)."""
    currency: str
    """Of a money limit, else empty."""
    label: str
    """For people: which account or key, and the period."""
    is_hard: bool = True


class AccountEntry(msgspec.Struct, array_like=True, frozen=True):
    """An account as calls need it."""

    path: str
    """Ids from the root down, joined by ``/``."""
    meters: tuple[Meter, ...] = ()
    """Limits of the account and of all above it."""
    policy: str = ""
    """Name of its policy, or empty for the default one."""
    is_ours: bool = False
    """Whether it is steelyard's own, whose calls may say why they are made."""


class KeyRecord(msgspec.Struct, array_like=True, frozen=True):
    """A key's row of the key table."""

    key_id: str
    account_id: str
    task: str = ""
    expires_at_ns: int = 0
    """0 for never."""
    meters: tuple[Meter, ...] = ()
    """Limits of the key itself; its account's come from ``AccountEntry``."""


class OfferEntry(msgspec.Struct, array_like=True, frozen=True):
    """A model on a channel, priced."""

    name: str
    model: str
    channel: str
    upstream_model: str
    context_tokens: int
    output_tokens_max: int
    features: frozenset[str]
    tokens_per_byte: float
    currency: str
    """Of its rates; empty when it has none."""
    periods: tuple[Period, ...] = ()
    """Without overlaps, ascending; what ended before the snapshot is left out, and hours are told
    apart as far as control looked ahead."""
    rank_input: float = 0.0
    """Pico-units of the home currency per input token of a short call: ranks only."""
    rank_output: float = 0.0
    """The same per output token."""
    rank_tiers: tuple[tuple[int, float, float], ...] = ()
    """For longer calls: input tokens from which on, price per input token and per output token."""
    is_priced_at_end: bool = False
    """Whether the price is that of the instant at which the attempt ends, not when it begins."""
    rank_extras: dict[str, float] = {}
    """Pico-units of the home currency for one of what stands apart from tokens, by item."""
    is_quarantined: bool = False
    """Whether it was found not to be the model it is sold as."""


class SpokenEntry(msgspec.Struct, array_like=True, frozen=True):
    """Another dialect that a channel speaks, and where; as the fields of the channel's own."""

    base_url: str
    path: str = ""
    credential_header: str = "authorization"
    credential_prefix: str = "Bearer "
    headers: tuple[tuple[str, str], ...] = ()
    signer: str = ""
    signing: dict[str, str] = {}


class ChannelEntry(msgspec.Struct, array_like=True, frozen=True):
    """One way to buy, as the worker needs it."""

    name: str
    vendor: str
    kind: str
    base_url: str
    """Empty for an embedded engine, whose address comes over the link."""
    dialect: str
    credential: str
    """Name in the secrets file; empty for none."""
    residency: str = ""
    timeout_connect_s: float = 5.0
    timeout_first_byte_s: float = 60.0
    timeout_idle_s: float = 30.0
    timeout_total_s: float = 600.0
    connections_max: int = 512
    concurrency: int = 0
    sends_attempt_id: bool = True
    ca_file: str = ""
    is_default: bool = False
    """Whether ``/readyz`` waits for it."""
    path: str = ""
    """Path under the base URL in place of the dialect's; ``{model}`` stands for the model."""
    query: str = ""
    """Query of every request, encoded."""
    headers: tuple[tuple[str, str], ...] = ()
    """Further fixed headers, names in small letters."""
    credential_header: str = "authorization"
    credential_prefix: str = "Bearer "
    errors: ErrorTable | None = None
    """What the vendor's errors mean; None leaves it to statuses."""
    speaks: dict[str, SpokenEntry] = {}
    """Further dialects by name."""
    signer: str = ""
    """Name in ``dialects.signers``; empty for a credential in a header."""
    signing: dict[str, str] = {}
    """What the signer needs beside the credential."""
    proxy: str = ""
    """Name in the secrets file of the proxy's address; empty for none."""


class VerdictEntry(msgspec.Struct, array_like=True, frozen=True):
    """What weighing says about one offer for one task."""

    offer: str
    status: str
    """``proven``, ``not_proven``, ``failed`` or ``stale``."""
    lower: float
    """Lower 95 % bound of quality, 0 to 1."""
    upper: float
    samples: int
    reason: str = ""
    """Why it is stale, or why good quality is no proof; for people."""


class TaskEntry(msgspec.Struct, array_like=True, frozen=True):
    """A named kind of work and who is good enough for it."""

    name: str
    floor: float
    policy: str = ""
    verdicts: tuple[VerdictEntry, ...] = ()
    settings: dict[str, Any] = {}
    """Body fields the verdicts were won with; put into calls that do not set them."""


class PolicyEntry(msgspec.Struct, array_like=True, frozen=True):
    """How offers are chosen and tried; see ``domain.policies.Policy``."""

    name: str = "default"
    residency: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    attempts_max: int = 3
    retries_max: int = 1
    replay_uncertain: bool = False
    drain_on_disconnect: bool = False
    output_tokens_default: int = 0
    dropped: str = "tell"
    admits_quarantined: bool = False
    captures: float = 0.0


class ExchangeEntry(msgspec.Struct, array_like=True, frozen=True):
    """A dated exchange rate, exact."""

    rate_id: str
    numerator: int
    denominator: int


class Core(msgspec.Struct, array_like=True, frozen=True):
    """Everything of a snapshot but keys and secrets."""

    format: int
    revision: int
    compiled_at_ns: int
    home_currency: str
    channels: dict[str, ChannelEntry]
    models: dict[str, msgspec.Raw]
    """Model name -> encoded ``tuple[OfferEntry, ...]``."""
    offers: msgspec.Raw
    """Encoded ``dict[offer name, model name]``; read only where a call names an offer."""
    tasks: dict[str, TaskEntry]
    accounts: dict[str, msgspec.Raw]
    """Account id -> encoded ``AccountEntry``."""
    policies: dict[str, PolicyEntry]
    aliases: dict[str, str]
    """Name that clients may use -> model name."""
    exchange: dict[str, ExchangeEntry]
    """``USD/CNY`` -> units of CNY for one USD, for every ordered pair in use."""
    public_ids: tuple[str, ...] = ()
    """Model names as ``/v1/models`` lists them."""
    public_facts: dict[str, bytes] = {}
    """Model name -> a JSON object of what is told about it there."""
    changes_at_ns: int = 0
    """UTC nanoseconds at which time alone changes a price or ends a proof next: the core is
    compiled anew then."""


_T = TypeVar("_T")

_encoder = msgspec.msgpack.Encoder()
_core_decoder = msgspec.msgpack.Decoder(Core)
_offers_decoder = msgspec.msgpack.Decoder(tuple[OfferEntry, ...])
_index_decoder = msgspec.msgpack.Decoder(dict[str, str])
_account_decoder = msgspec.msgpack.Decoder(AccountEntry)
_secrets_decoder = msgspec.msgpack.Decoder(dict[str, str])
_revoked_decoder = msgspec.msgpack.Decoder(list[bytes])

decode_offers = _offers_decoder.decode
decode_offer_index = _index_decoder.decode
decode_account = _account_decoder.decode


def raw(value: object) -> msgspec.Raw:
    """``value`` as msgpack that is decoded only when it is needed."""
    return msgspec.Raw(_encoder.encode(value))


def write(folder: Path, core: Core) -> None:
    """Replaces the core file in ``folder``; readers see the old one or the new one, whole."""
    replace_file(folder / CORE_FILE, _encoder.encode(core))


def write_secrets(folder: Path, secrets: dict[str, str]) -> None:
    """Replaces the file of credential values, mode 0600."""
    replace_file(folder / SECRETS_FILE, _encoder.encode(secrets), mode=0o600)


def write_revoked(folder: Path, hashes: list[bytes]) -> None:
    """Replaces the list of key hashes that the key table still holds but that are revoked."""
    replace_file(folder / REVOKED_FILE, _encoder.encode(hashes))


def load(folder: Path) -> Core:
    """The core in ``folder``.

    Raises:
        StoreUnavailable: there is none, or it is damaged.
        SchemaMismatch: it was written by another version of steelyard.
    """
    try:
        core = _core_decoder.decode((folder / CORE_FILE).read_bytes())
    except FileNotFoundError as error:
        raise StoreUnavailable(f"no snapshot yet in {folder}") from error
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreUnavailable(f"snapshot in {folder} cannot be read: {error}") from error
    if core.format != FORMAT:
        raise SchemaMismatch(f"snapshot has format {core.format}, this version reads {FORMAT}")
    return core


def load_secrets(folder: Path) -> dict[str, str]:
    """Credential values by name; none when there is no file."""
    return _load_or(folder / SECRETS_FILE, _secrets_decoder, {})


def load_revoked(folder: Path) -> list[bytes]:
    """Key hashes revoked since the key table was written."""
    return _load_or(folder / REVOKED_FILE, _revoked_decoder, [])


def _load_or(path: Path, decoder: msgspec.msgpack.Decoder[_T], otherwise: _T) -> _T:
    try:
        return decoder.decode(path.read_bytes())
    except FileNotFoundError:
        return otherwise
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreUnavailable(f"{path.name} cannot be read: {error}") from error


def replace_file(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Writes beside ``path``, syncs, renames: a reader never sees half a file."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
