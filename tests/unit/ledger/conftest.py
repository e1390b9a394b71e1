import pytest
from migrated import copy_migrated

from steelyard.journal.segment import Journal
from steelyard.store import books
from steelyard.store.database import Database


@pytest.fixture
def home(tmp_path):
    for name in ("journal", "ledger"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def database(home):
    opened = Database(copy_migrated(home))
    with opened.write() as connection:
        for lease_id in (5, 6):
            connection.execute(
                books.leases.insert().values(
                    lease_id=lease_id,
                    scope=f"account:acc_{lease_id}",
                    unit="money" if lease_id == 5 else "requests",
                    window_begin_ns=0,
                    window_end_ns=9,
                    incarnation=18,
                    currency="CNY",
                    granted_whole=1,
                    granted_pico=0,
                )
            )
    yield opened
    opened.close()


@pytest.fixture
def make_journal(home):
    opened = []

    def make(incarnation: int = 18, segment_bytes: int = 2**15) -> Journal:
        opened.append(Journal(home / "journal", incarnation, segment_bytes))
        return opened[-1]

    yield make
    for journal in opened:
        journal.close()
