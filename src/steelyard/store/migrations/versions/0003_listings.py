"""The price book: lists with their rates and facts, and events of price changes."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE lists (
        list_number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        origin TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, at_ns INTEGER NOT NULL,
        actor TEXT NOT NULL, lines INTEGER NOT NULL, detail TEXT DEFAULT '' NOT NULL
    )
    """,
    "CREATE INDEX lists_digest ON lists (origin, digest)",
    """
    CREATE TABLE price_events (
        event_number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        at_ns INTEGER NOT NULL, list_number INTEGER NOT NULL REFERENCES lists (list_number),
        vendor TEXT NOT NULL, channel TEXT NOT NULL, model TEXT NOT NULL, currency TEXT NOT NULL,
        kind TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL, decided_at_ns INTEGER,
        decided_by TEXT DEFAULT '' NOT NULL
    )
    """,
    "CREATE INDEX price_events_state ON price_events (state)",
    """
    CREATE TABLE list_rates (
        rate_number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        list_number INTEGER NOT NULL REFERENCES lists (list_number), origin TEXT NOT NULL,
        vendor TEXT COLLATE NOCASE NOT NULL, channel TEXT NOT NULL,
        model TEXT COLLATE NOCASE NOT NULL, currency TEXT NOT NULL,
        item TEXT NOT NULL, condition TEXT NOT NULL, telling TEXT NOT NULL,
        numerator TEXT, denominator TEXT, unit TEXT NOT NULL,
        valid_from_ns INTEGER NOT NULL, valid_to_ns INTEGER, line INTEGER NOT NULL,
        phrase TEXT NOT NULL, evidence TEXT NOT NULL, basis TEXT NOT NULL, note TEXT NOT NULL,
        tax TEXT NOT NULL, read_at_ns INTEGER, recorded_at_ns INTEGER NOT NULL,
        corrects INTEGER REFERENCES list_rates (rate_number),
        event_number INTEGER REFERENCES price_events (event_number)
    )
    """,
    "CREATE INDEX list_rates_listing ON list_rates (model, vendor)",
    """
    CREATE TRIGGER list_rates_never_edited BEFORE UPDATE ON list_rates
        BEGIN SELECT RAISE(ABORT, 'rates are superseded, never edited'); END
    """,
    """
    CREATE TRIGGER list_rates_never_deleted BEFORE DELETE ON list_rates
        BEGIN SELECT RAISE(ABORT, 'rates are superseded, never deleted'); END
    """,
    """
    CREATE TABLE facts (
        fact_number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        list_number INTEGER NOT NULL REFERENCES lists (list_number), kind TEXT NOT NULL,
        vendor TEXT COLLATE NOCASE NOT NULL, channel TEXT NOT NULL,
        model TEXT COLLATE NOCASE NOT NULL, valid_from_ns INTEGER NOT NULL, valid_to_ns INTEGER,
        body TEXT NOT NULL, source TEXT NOT NULL, recorded_at_ns INTEGER NOT NULL
    )
    """,
    """
    CREATE TRIGGER facts_never_edited BEFORE UPDATE ON facts
        BEGIN SELECT RAISE(ABORT, 'facts are superseded, never edited'); END
    """,
)


def upgrade() -> None:
    """Makes the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Never: a ledger does not forget."""
    raise NotImplementedError
