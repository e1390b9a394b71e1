"""Exchange rates know when they were recorded, and reported days which of them they used."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE exchange_rates ADD COLUMN recorded_at_ns INTEGER DEFAULT '0' NOT NULL",
    """
    CREATE TRIGGER exchange_rates_never_deleted BEFORE DELETE ON exchange_rates
        BEGIN SELECT RAISE(ABORT, 'exchange rates are dated, never deleted'); END
    """,
    """
    CREATE TABLE exchange_days (
        day INTEGER NOT NULL, base TEXT NOT NULL, quote TEXT NOT NULL,
        rate_id TEXT NOT NULL REFERENCES exchange_rates (rate_id),
        PRIMARY KEY (day, base, quote)
    )
    """,
)


def upgrade() -> None:
    """Makes the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Never: a ledger does not forget."""
    raise NotImplementedError
