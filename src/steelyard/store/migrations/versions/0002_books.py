"""The books: journals, open intents, parts, days, balances, findings, leases."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE journals (
        incarnation INTEGER NOT NULL PRIMARY KEY,
        segment INTEGER NOT NULL, "offset" INTEGER NOT NULL, finished_at_ns INTEGER
    )
    """,
    """
    CREATE TABLE open_intents (
        incarnation INTEGER NOT NULL, sequence INTEGER NOT NULL, attempt INTEGER NOT NULL,
        record BLOB NOT NULL,
        PRIMARY KEY (incarnation, sequence, attempt)
    )
    """,
    """
    CREATE TABLE parts (
        part_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE, day INTEGER NOT NULL, level INTEGER NOT NULL,
        rows INTEGER NOT NULL, bytes INTEGER NOT NULL, called_min_ns INTEGER NOT NULL,
        called_max_ns INTEGER NOT NULL, made_at_ns INTEGER NOT NULL, replaced_at_ns INTEGER
    )
    """,
    "CREATE INDEX ix_parts_day ON parts (day)",
    "CREATE TABLE days (day INTEGER NOT NULL PRIMARY KEY, closed_at_ns INTEGER NOT NULL)",
    """
    CREATE TABLE balances (
        scope TEXT NOT NULL, hour INTEGER NOT NULL, currency TEXT NOT NULL,
        cost_whole INTEGER NOT NULL, cost_pico INTEGER NOT NULL,
        charge_whole INTEGER NOT NULL, charge_pico INTEGER NOT NULL,
        calls INTEGER NOT NULL, attempts INTEGER NOT NULL,
        input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
        PRIMARY KEY (scope, hour, currency)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE findings (
        finding_id INTEGER NOT NULL PRIMARY KEY,
        at_ns INTEGER NOT NULL, incarnation INTEGER NOT NULL, kind TEXT NOT NULL,
        detail TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE leases (
        lease_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        scope TEXT NOT NULL, unit TEXT NOT NULL, window_begin_ns INTEGER NOT NULL,
        window_end_ns INTEGER NOT NULL, incarnation INTEGER NOT NULL, currency TEXT NOT NULL,
        granted_whole INTEGER NOT NULL, granted_pico INTEGER NOT NULL,
        consumed_whole INTEGER DEFAULT '0' NOT NULL, consumed_pico INTEGER DEFAULT '0' NOT NULL,
        closed_at_ns INTEGER
    )
    """,
    "CREATE INDEX ix_leases_incarnation ON leases (incarnation)",
    """
    CREATE UNIQUE INDEX leases_grant
        ON leases (scope, unit, window_begin_ns, window_end_ns, incarnation, currency)
    """,
)


def upgrade() -> None:
    """Makes the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Never: a ledger does not forget."""
    raise NotImplementedError
