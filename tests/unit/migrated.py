"""A migrated database to begin with: made once, copied for each test that needs one.

What migrating does has its own tests; running Alembic for each of a hundred others says nothing
more and takes most of their time.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from steelyard.store.database import Database
from steelyard.store.migrate import upgrade


def copy_migrated(folder: Path) -> Path:
    """Puts a ``control.db`` of today's tables into ``folder``, unless there is one; its path."""
    path = folder / "control.db"
    if not path.exists():
        path.write_bytes(_migrated())
    return path


@cache
def _migrated() -> bytes:
    folder = Path(tempfile.mkdtemp())
    database = Database(folder / "control.db")
    upgrade(database)
    database.close()  # the last one to close folds the log into the file
    content = (folder / "control.db").read_bytes()
    shutil.rmtree(folder)
    return content
