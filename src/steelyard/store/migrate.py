"""Brings the control database to this version's tables; refuses one that is newer than we are.

Migrations are numbered files in ``migrations/versions``; a new one is picked up by its name.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text

from steelyard.domain.errors import SchemaMismatch
from steelyard.store.database import Database

_FOLDER = Path(__file__).parent / "migrations"


def newest_version() -> str:
    """The version this code knows: the number of the last migration."""
    return max(path.name[:4] for path in (_FOLDER / "versions").glob("[0-9]*.py"))


def upgrade(database: Database) -> bool:
    """Runs what is missing, all or nothing; returns whether anything was.

    Raises:
        SchemaMismatch: a newer steelyard has been at this database.
        StoreUnavailable: it cannot be written.
    """
    wanted = newest_version()
    with database.write() as connection:
        found = ""
        if inspect(connection).has_table("alembic_version"):
            found = connection.scalar(text("SELECT version_num FROM alembic_version")) or ""
        if found == wanted:
            return False
        if found > wanted:
            raise SchemaMismatch(
                f"{database.path} was made by a newer steelyard (tables {found}, this one knows"
                f" {wanted}); run that version, or restore a backup"
            )
        # Imported late: it costs a fifth of a second, and most starts do not need it.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return True
