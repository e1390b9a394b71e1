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


def copy_migrated(folder: Path, *, has_prices: bool = False) -> Path:
    """Puts a ``control.db`` of today's tables into ``folder``, unless there is one; its path.

    ``has_prices`` for one with the shipped price list, as a started control has it.
    """
    path = folder / "control.db"
    if not path.exists():
        path.write_bytes(_migrated(has_prices))
    return path


@cache
def _migrated(has_prices: bool) -> bytes:
    folder = Path(tempfile.mkdtemp())
    database = Database(folder / "control.db")
    upgrade(database)
    if has_prices:
        from steelyard.control.prices import lists as price_lists  # noqa: PLC0415 - most tests do without

        price_lists.seed(database, 1_760_000_000 * 10**9, price_lists.FIRST)
    database.close()  # the last one to close folds the log into the file
    content = (folder / "control.db").read_bytes()
    shutil.rmtree(folder)
    return content
