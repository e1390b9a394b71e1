"""Accounts, keys, limits, objects, rates, exchange rates, verdicts, weighings, settings, audit."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Written out, not taken from ``schema``: a migration must go on meaning what it meant.
_TABLES = """
CREATE TABLE revisions (
    revision INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at_ns INTEGER NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL
);
CREATE TABLE accounts (
    account_number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    parent_number INTEGER REFERENCES accounts (account_number),
    name TEXT NOT NULL, policy TEXT DEFAULT '' NOT NULL, managed_by TEXT NOT NULL,
    created_at_ns INTEGER NOT NULL, retired_at_ns INTEGER
);
CREATE UNIQUE INDEX accounts_name ON accounts (coalesce(parent_number, 0), name)
    WHERE retired_at_ns IS NULL;
CREATE TABLE keys (
    key_number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    secret_hash BLOB NOT NULL UNIQUE CONSTRAINT keys_hash CHECK (length(secret_hash) = 32),
    hint TEXT NOT NULL,
    account_number INTEGER NOT NULL REFERENCES accounts (account_number),
    name TEXT NOT NULL, task TEXT DEFAULT '' NOT NULL, managed_by TEXT NOT NULL,
    created_at_ns INTEGER NOT NULL, expires_at_ns INTEGER, revoked_at_ns INTEGER
);
CREATE INDEX ix_keys_account_number ON keys (account_number);
CREATE INDEX ix_keys_name ON keys (name);
CREATE TABLE limits (
    limit_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_number INTEGER REFERENCES accounts (account_number),
    key_number INTEGER REFERENCES keys (key_number),
    unit TEXT NOT NULL, amount TEXT NOT NULL, period TEXT NOT NULL, currency TEXT NOT NULL,
    zone TEXT NOT NULL, is_hard BOOLEAN NOT NULL, managed_by TEXT NOT NULL,
    created_at_ns INTEGER NOT NULL, retired_at_ns INTEGER,
    CONSTRAINT limits_scope CHECK ((account_number is null) <> (key_number is null))
);
CREATE INDEX ix_limits_account_number ON limits (account_number);
CREATE INDEX ix_limits_key_number ON limits (key_number);
CREATE TABLE objects (
    object_id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, managed_by TEXT NOT NULL,
    revision_from INTEGER NOT NULL REFERENCES revisions (revision),
    revision_to INTEGER REFERENCES revisions (revision)
);
CREATE UNIQUE INDEX objects_current ON objects (kind, name) WHERE revision_to IS NULL;
CREATE TABLE rates (
    rate_number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    offer TEXT NOT NULL, item TEXT NOT NULL, numerator TEXT, denominator TEXT,
    currency TEXT NOT NULL, unit TEXT NOT NULL, valid_from_ns INTEGER NOT NULL,
    recorded_at_ns INTEGER NOT NULL, source TEXT NOT NULL
);
CREATE INDEX ix_rates_offer ON rates (offer);
CREATE TRIGGER rates_never_edited BEFORE UPDATE ON rates
    BEGIN SELECT RAISE(ABORT, 'rates are superseded, never edited'); END;
CREATE TRIGGER rates_never_deleted BEFORE DELETE ON rates
    BEGIN SELECT RAISE(ABORT, 'rates are superseded, never deleted'); END;
CREATE TABLE exchange_rates (
    rate_id TEXT NOT NULL PRIMARY KEY, base TEXT NOT NULL, quote TEXT NOT NULL,
    numerator TEXT NOT NULL, denominator TEXT NOT NULL, as_of_ns INTEGER NOT NULL,
    source TEXT NOT NULL
);
CREATE INDEX exchange_rates_pair ON exchange_rates (base, quote, as_of_ns);
CREATE TRIGGER exchange_rates_never_edited BEFORE UPDATE ON exchange_rates
    BEGIN SELECT RAISE(ABORT, 'exchange rates are dated, never edited'); END;
CREATE TABLE verdicts (
    verdict_number INTEGER NOT NULL PRIMARY KEY,
    task TEXT NOT NULL, offer TEXT NOT NULL, form_digest TEXT NOT NULL, floor TEXT NOT NULL,
    total TEXT NOT NULL, n INTEGER NOT NULL, n_unscored INTEGER NOT NULL, lower TEXT NOT NULL,
    upper TEXT NOT NULL, confidence TEXT NOT NULL, cost_pico TEXT NOT NULL,
    currency TEXT NOT NULL, time_s FLOAT NOT NULL, decided_at_ns INTEGER NOT NULL,
    model_answered TEXT NOT NULL
);
CREATE INDEX verdicts_task_offer ON verdicts (task, offer);
CREATE TABLE weighings (
    weighing_number INTEGER NOT NULL PRIMARY KEY,
    task TEXT NOT NULL, offer TEXT NOT NULL, state TEXT NOT NULL, items_done INTEGER NOT NULL,
    items_total INTEGER NOT NULL, started_at_ns INTEGER NOT NULL, ended_at_ns INTEGER,
    detail TEXT DEFAULT '' NOT NULL
);
CREATE TABLE settings (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE audit (
    audit_number INTEGER NOT NULL PRIMARY KEY,
    at_ns INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
    detail TEXT DEFAULT '' NOT NULL
)
"""


def upgrade() -> None:
    """Makes the tables."""
    statement = ""
    for line in _TABLES.splitlines():
        statement += line + "\n"
        if line.endswith((");", "NULL;", "END;")) or (line.endswith(";") and "INDEX" in statement):
            op.execute(statement.rstrip().removesuffix(";"))
            statement = ""
    op.execute(statement)


def downgrade() -> None:
    """Never: a ledger does not forget."""
    raise NotImplementedError
