"""The journal and the scribe as real processes: killed, out of disk, twice at once."""

import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from steelyard.journal.reader import Reader, is_sealed, try_seal
from steelyard.ledger import audit
from steelyard.ledger.scribe import Scribe
from steelyard.store.database import Database
from steelyard.store.schema import metadata
from steelyard.testing.records import CALLED_AT_NS

NOW_NS = CALLED_AT_NS + 10**9

WRITER = """
import sys
from pathlib import Path
from steelyard.journal.segment import Journal
from steelyard.testing.records import make_intent, make_settlement

root, incarnation = Path(sys.argv[1]), int(sys.argv[2])
journal = Journal(root, incarnation, segment_bytes=2**16)
sequence = 0
while True:
    sequence += 1
    intent = make_intent(sequence, incarnation=incarnation)
    journal.append_intent(intent)
    sys.stdout.buffer.write(b"%d\\n" % sequence)
    sys.stdout.buffer.flush()
    if sequence % 7:
        journal.append_settlement(make_settlement(intent, leases=()))
    if sequence % 50 == 0:
        journal.sync()
    if sequence % 7 == 0 and sequence > 200:
        intent = make_intent(sequence - 77, incarnation=incarnation)
        journal.append_settlement(make_settlement(intent, leases=()))
"""

FILLER = """
import sys
from pathlib import Path
from steelyard.domain.errors import JournalFull
from steelyard.journal.segment import Journal
from steelyard.testing.records import make_intent, make_settlement

journal = Journal(Path(sys.argv[1]), 1, segment_bytes=2**16)
due = []
written = refused = 0
while refused < 100:
    intent = make_intent(written + 1, incarnation=1)
    try:
        journal.append_intent(intent)
    except JournalFull:
        refused += 1
        continue
    written += 1
    due.append(intent)
    if len(due) > 20:
        journal.append_settlement(make_settlement(due.pop(0), detail="d" * 500))
for intent in due:
    journal.append_settlement(make_settlement(intent, detail="d" * 500))
assert not journal.held and not journal.outstanding, (journal.held, journal.outstanding)
print(written)
"""


@pytest.fixture
def home(tmp_path):
    (tmp_path / "journal").mkdir()
    return tmp_path


@pytest.fixture
def database(home):
    opened = Database(home / "control.db")
    with opened.write() as connection:
        metadata.create_all(connection)
    yield opened
    opened.close()


def write_until_killed(root: Path, incarnation: int, after_s: float) -> int:
    """Runs a writer and kills it; the last sequence whose intent it had written for certain."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), str(incarnation)], stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    first = writer.stdout.readline()
    deadline = time.monotonic() + after_s
    told = first
    while time.monotonic() < deadline:
        told = writer.stdout.readline()
    writer.send_signal(signal.SIGKILL)
    told = (told + writer.stdout.read()).splitlines(keepends=True)[-1]
    writer.wait()
    writer.stdout.close()
    return int(told) if told.endswith(b"\n") else 0


def test_a_killed_writer_loses_nothing_and_doubles_nothing(home, database):
    told = {}
    with Scribe(home, database) as scribe:
        for incarnation in (1, 2, 3):
            told[incarnation] = write_until_killed(
                home / "journal", incarnation, 0.05 * incarnation
            )
            scribe.run_once(NOW_NS)
    assert all(is_sealed(folder) for folder in (home / "journal").iterdir())
    booked: dict[int, set[int]] = {}
    for entry in audit.entries(home / "ledger", database):
        if entry.kind == "attempt":
            booked.setdefault(entry.intent.incarnation, set()).add(entry.intent.sequence)
    for incarnation, last in told.items():
        assert last > 0
        assert booked[incarnation] >= set(range(1, last + 1))
    findings = audit.check_books(home, database)
    assert [finding for finding in findings if finding.law != "leases are sums"] == []


def test_a_paused_writer_is_not_dead(home):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(home / "journal"), "1"], stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    writer.send_signal(signal.SIGSTOP)
    folder = home / "journal" / "00000001"
    assert not try_seal(folder)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert try_seal(folder)


def check_filled(folder: Path, output: str) -> None:
    written = int(output)
    assert written > 10
    records = Reader(folder).read(bytes_max=2**30).records
    settled = [record.sequence for record in records if hasattr(record, "outcome")]
    assert settled == list(range(1, written + 1))
    assert len(records) == 2 * written


def test_a_file_size_limit_refuses_calls_and_takes_settlements(home):
    filler = [sys.executable, "-c", FILLER, str(home / "journal")]

    def limit() -> None:
        # Below one segment: none can be preallocated at all once the limit holds.
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**15, 2**15))

    refused = subprocess.run(filler, preexec_fn=limit, capture_output=True, text=True, check=True)
    assert refused.stdout.strip() == "0"


def test_a_limit_that_comes_later_refuses_calls_and_takes_settlements(home):
    later = FILLER.replace(
        "due = []",
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (2**15, 2**15))\ndue = []",
    )
    # Even writes inside the preallocated file fail above the limit: settlements are held.
    later = later.replace(
        "assert not journal.held",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))\n"
        "journal.prepare(); journal.append_intent(make_intent(written + 1, incarnation=1))\n"
        "journal.append_settlement(make_settlement(make_intent(written + 1, incarnation=1)))\n"
        "written += 1\nassert not journal.held",
    ).replace("(2**15, 2**15)", "(2**15, resource.RLIM_INFINITY)")
    filled = subprocess.run(
        [sys.executable, "-c", later, str(home / "journal")],
        capture_output=True,
        text=True,
        check=True,
    )
    check_filled(home / "journal" / "00000001", filled.stdout)


def test_a_full_disk_refuses_calls_and_takes_settlements(home):
    """On a real file system without room, in a mount namespace of its own."""
    disk, kept = home / "disk", home / "kept"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size=400k tmpfs {disk} && "
        f'{sys.executable} -c "$FILLER" {disk} && cp -r {disk} {kept}'
    )
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-m", "true"], check=False).returncode:
        pytest.skip("no mount namespaces here")
    filled = subprocess.run(
        [unshare, "-m", "sh", "-c", script],
        env={"FILLER": FILLER, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    check_filled(kept / "00000001", filled.stdout)


def test_two_scribes_of_two_processes_exclude_each_other(home, database):
    code = (
        "import sys\nfrom pathlib import Path\nfrom steelyard.ledger.scribe import Scribe\n"
        "from steelyard.store.database import Database\nhome = Path(sys.argv[1])\n"
        "Scribe(home, Database(home / 'control.db'))\n"
    )
    with Scribe(home, database):
        other = subprocess.run(
            [sys.executable, "-c", code, str(home)], capture_output=True, text=True, check=False
        )
    assert other.returncode == 1
    assert "another process writes the ledger" in other.stderr
