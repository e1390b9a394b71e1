"""What was measured about offers beside quality, notes on cases, and what weighings may cost."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE measurements (
        measurement_number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL, offer TEXT NOT NULL, task TEXT DEFAULT '' NOT NULL,
        at_ns INTEGER NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL
    )
    """,
    "CREATE INDEX measurements_offer ON measurements (kind, offer, task)",
    """
    CREATE TABLE case_notes (
        note_number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        task TEXT NOT NULL, sample TEXT NOT NULL, offer TEXT DEFAULT '' NOT NULL,
        tags TEXT DEFAULT '' NOT NULL, note TEXT DEFAULT '' NOT NULL,
        at_ns INTEGER NOT NULL, actor TEXT NOT NULL
    )
    """,
    "CREATE INDEX case_notes_sample ON case_notes (task, sample)",
    "ALTER TABLE verdicts ADD COLUMN cost_lower_pico TEXT",
    "ALTER TABLE verdicts ADD COLUMN cost_upper_pico TEXT",
    "ALTER TABLE verdicts ADD COLUMN time_median_s FLOAT",
    "ALTER TABLE weighings ADD COLUMN currency TEXT DEFAULT '' NOT NULL",
    "ALTER TABLE weighings ADD COLUMN money_max_pico TEXT",
    "ALTER TABLE weighings ADD COLUMN paid_pico TEXT DEFAULT '0' NOT NULL",
)


def upgrade() -> None:
    """Makes the tables and columns."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Never: a ledger does not forget."""
    raise NotImplementedError
