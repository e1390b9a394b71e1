"""The tables of the control database; the ledger's own (balances, leases) are in ``books``.

Instants are integers, UTC nanoseconds; amounts are decimal text of pico-units, because a company's
year in pico-units passes 64 bits; rates are text numerators and denominators. Rows that matter for
a bill are never edited: they end (``revision_to``, ``retired_at_ns``) or are superseded.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

FILE = "file"
"""``managed_by`` of what steelyard.yaml says; anything else was made through the API."""
API = "api"

metadata = MetaData()

revisions = Table(
    "revisions",
    metadata,
    Column("revision", Integer, primary_key=True),
    Column("at_ns", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    sqlite_autoincrement=True,
)

accounts = Table(
    "accounts",
    metadata,
    Column("account_number", Integer, primary_key=True),
    Column("parent_number", Integer, ForeignKey("accounts.account_number")),
    Column("name", Text, nullable=False),
    Column("policy", Text, nullable=False, server_default=""),
    Column("managed_by", Text, nullable=False),
    Column("created_at_ns", Integer, nullable=False),
    Column("retired_at_ns", Integer),
    sqlite_autoincrement=True,
)
Index(
    "accounts_name",
    text("coalesce(parent_number, 0)"),
    accounts.c.name,
    unique=True,
    sqlite_where=accounts.c.retired_at_ns.is_(None),
)

keys = Table(
    "keys",
    metadata,
    Column("key_number", Integer, primary_key=True),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("hint", Text, nullable=False),
    Column(
        "account_number", Integer, ForeignKey("accounts.account_number"), nullable=False, index=True
    ),
    Column("name", Text, nullable=False, index=True),
    Column("task", Text, nullable=False, server_default=""),
    Column("managed_by", Text, nullable=False),
    Column("created_at_ns", Integer, nullable=False),
    Column("expires_at_ns", Integer),
    Column("revoked_at_ns", Integer),
    CheckConstraint("length(secret_hash) = 32", name="keys_hash"),
    sqlite_autoincrement=True,
)

limits = Table(
    "limits",
    metadata,
    Column("limit_id", Integer, primary_key=True),
    Column("account_number", Integer, ForeignKey("accounts.account_number"), index=True),
    Column("key_number", Integer, ForeignKey("keys.key_number"), index=True),
    Column("unit", Text, nullable=False),
    Column("amount", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("is_hard", Boolean, nullable=False),
    Column("managed_by", Text, nullable=False),
    Column("created_at_ns", Integer, nullable=False),
    Column("retired_at_ns", Integer),
    CheckConstraint("(account_number is null) <> (key_number is null)", name="limits_scope"),
    sqlite_autoincrement=True,
)

objects = Table(
    "objects",
    metadata,
    Column("object_id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("managed_by", Text, nullable=False),
    Column("revision_from", Integer, ForeignKey("revisions.revision"), nullable=False),
    Column("revision_to", Integer, ForeignKey("revisions.revision")),
)
Index(
    "objects_current",
    objects.c.kind,
    objects.c.name,
    unique=True,
    sqlite_where=objects.c.revision_to.is_(None),
)

rates = Table(
    "rates",
    metadata,
    Column("rate_number", Integer, primary_key=True),
    Column("offer", Text, nullable=False, index=True),
    Column("item", Text, nullable=False),
    Column("numerator", Text),
    Column("denominator", Text),
    Column("currency", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("valid_from_ns", Integer, nullable=False),
    Column("recorded_at_ns", Integer, nullable=False),
    Column("source", Text, nullable=False),
    sqlite_autoincrement=True,
)

exchange_rates = Table(
    "exchange_rates",
    metadata,
    Column("rate_id", Text, primary_key=True),
    Column("base", Text, nullable=False),
    Column("quote", Text, nullable=False),
    Column("numerator", Text, nullable=False),
    Column("denominator", Text, nullable=False),
    Column("as_of_ns", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("recorded_at_ns", Integer, nullable=False, server_default="0"),
)
Index("exchange_rates_pair", exchange_rates.c.base, exchange_rates.c.quote, "as_of_ns")

exchange_days = Table(
    "exchange_days",
    metadata,
    Column("day", Integer, primary_key=True),
    Column("base", Text, primary_key=True),
    Column("quote", Text, primary_key=True),
    Column("rate_id", Text, ForeignKey("exchange_rates.rate_id"), nullable=False),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("verdict_number", Integer, primary_key=True),
    Column("task", Text, nullable=False),
    Column("offer", Text, nullable=False),
    Column("form_digest", Text, nullable=False),
    Column("floor", Text, nullable=False),
    Column("total", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("n_unscored", Integer, nullable=False),
    Column("lower", Text, nullable=False),
    Column("upper", Text, nullable=False),
    Column("confidence", Text, nullable=False),
    Column("cost_pico", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("time_s", Float, nullable=False),
    Column("decided_at_ns", Integer, nullable=False),
    Column("model_answered", Text, nullable=False),
    Column("cost_lower_pico", Text),
    Column("cost_upper_pico", Text),
    Column("time_median_s", Float),
    Column("used", Text),  # JSON of a tally; null where nobody knows
)
Index("verdicts_task_offer", verdicts.c.task, verdicts.c.offer)

weighings = Table(
    "weighings",
    metadata,
    Column("weighing_number", Integer, primary_key=True),
    Column("task", Text, nullable=False),
    Column("offer", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("items_done", Integer, nullable=False),
    Column("items_total", Integer, nullable=False),
    Column("started_at_ns", Integer, nullable=False),
    Column("ended_at_ns", Integer),
    Column("detail", Text, nullable=False, server_default=""),
    Column("currency", Text, nullable=False, server_default=""),
    Column("money_max_pico", Text),
    Column("paid_pico", Text, nullable=False, server_default="0"),
)

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("audit_number", Integer, primary_key=True),
    Column("at_ns", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
)

lists = Table(
    "lists",
    metadata,
    Column("list_number", Integer, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("at_ns", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    sqlite_autoincrement=True,
)
Index("lists_digest", lists.c.origin, lists.c.digest)

# Vendors and models are found whatever their case, since lists differ in it.
_NAME = Text(collation="NOCASE")

list_rates = Table(
    "list_rates",
    metadata,
    Column("rate_number", Integer, primary_key=True),
    Column("list_number", Integer, ForeignKey("lists.list_number"), nullable=False),
    Column("origin", Text, nullable=False),
    Column("vendor", _NAME, nullable=False),
    Column("channel", Text, nullable=False),
    Column("model", _NAME, nullable=False),
    Column("currency", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("telling", Text, nullable=False),
    Column("numerator", Text),
    Column("denominator", Text),
    Column("unit", Text, nullable=False),
    Column("valid_from_ns", Integer, nullable=False),
    Column("valid_to_ns", Integer),
    Column("line", Integer, nullable=False),
    Column("phrase", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("tax", Text, nullable=False),
    Column("read_at_ns", Integer),
    Column("recorded_at_ns", Integer, nullable=False),
    Column("corrects", Integer, ForeignKey("list_rates.rate_number")),
    Column("event_number", Integer, ForeignKey("price_events.event_number")),
    sqlite_autoincrement=True,
)
Index("list_rates_listing", list_rates.c.model, list_rates.c.vendor)

facts = Table(
    "facts",
    metadata,
    Column("fact_number", Integer, primary_key=True),
    Column("list_number", Integer, ForeignKey("lists.list_number"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("vendor", _NAME, nullable=False),
    Column("channel", Text, nullable=False),
    Column("model", _NAME, nullable=False),
    Column("valid_from_ns", Integer, nullable=False),
    Column("valid_to_ns", Integer),
    Column("body", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("recorded_at_ns", Integer, nullable=False),
    sqlite_autoincrement=True,
)

price_events = Table(
    "price_events",
    metadata,
    Column("event_number", Integer, primary_key=True),
    Column("at_ns", Integer, nullable=False),
    Column("list_number", Integer, ForeignKey("lists.list_number"), nullable=False),
    Column("vendor", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("decided_at_ns", Integer),
    Column("decided_by", Text, nullable=False, server_default=""),
    sqlite_autoincrement=True,
)
Index("price_events_state", price_events.c.state)
