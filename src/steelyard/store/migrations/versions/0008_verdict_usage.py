"""What the calls behind a verdict used, so that it can be priced anew at any price."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; of verdicts that are there nobody knows it."""
    op.execute("ALTER TABLE verdicts ADD COLUMN used TEXT")


def downgrade() -> None:
    """Never: a ledger does not forget."""
    raise NotImplementedError
