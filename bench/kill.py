"""The kill test: processes of a real steelyard are killed under load, then the books are audited.

`make bench` runs it; by itself: `python -m bench.kill --kills 100`. The attempts that the vendor
received in full are compared as a set with those in the ledger, costs are computed again, balances
and leases summed, and no hard budget may have been passed. Children of the supervisor are started
again by it; the supervisor, whose children die with it, is started again by the test.
"""

import argparse
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console

from bench.kill_books import NOTHING, Audit, audit_books, unfinished
from bench.kill_load import MODEL, Buyer, Load
from steelyard.domain.money import format_pico
from steelyard.testing.system import (
    CONTROL,
    SUPERVISOR,
    System,
    is_alive,
    received_in_full,
    scripted_vendor,
)

WORKERS: Final = 2
DRAIN_S: Final = 5.0
CLIENTS: Final = 30
PICO: Final = 10**12
ROOMY_CNY: Final = 100
"""A budget that never binds; its leases are at work all the same."""
TIGHT: Final = 6
"""Keys whose budgets bind one after the other."""
TIGHT_PICO: Final = 1_000 * 10**6
TIGHT_PICO_PER_KILL: Final = 30 * 10**6
"""The n-th tight key has the first, and n times the second for each kill."""
TURNS: Final = 8
"""Of so many kills in a row the fourth is the supervisor's, the second control's."""
SETTLED_S: Final = 60.0


@dataclass(slots=True)
class Report:
    """One run of the kill test."""

    seed: int
    audit: Audit = NOTHING
    kills: dict[str, int] = field(default_factory=dict)
    """By kind of process."""
    died_with: int = 0
    """Children that were killed together with their supervisor, not counted among the kills."""
    back_s: dict[str, list[float]] = field(default_factory=dict)
    """Seconds until a successor answered, by kind, where it was waited for."""
    silent: int = 0
    """Times that control was down, and no call without a limit was answered meanwhile."""
    complaints: list[str] = field(default_factory=list)
    ends: dict[str, dict[str, int]] = field(default_factory=dict)
    """How the clients' calls ended, by buyer."""
    seconds: float = 0.0

    def figures(self) -> dict[str, int]:
        """The figures by name."""
        return {
            "kill_lost": len(self.audit.lost),
            "kill_doubled": len(self.audit.doubled),
            "kill_phantom": len(self.audit.phantom),
        }

    def counts(self) -> dict[str, float]:
        """What else is worth keeping beside the figures."""
        medians = {f"{kind}_back_s": statistics.median(s) for kind, s in self.back_s.items()}
        received, booked = self.audit.received, self.audit.booked
        return {**self.kills, **medians, "received": received, "booked": booked}

    @property
    def wrong(self) -> list[str]:
        """Whatever is wrong besides the figures, one line each."""
        return [*self.audit.broken, *self.complaints]

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost or doubled, and everything else held, too."""
        return not (self.audit.lost or self.audit.doubled or self.wrong)


class Killer:
    """Kills one process after the other, and looks that what should come back does."""

    def __init__(self, system: System, load: Load, report: Report) -> None:
        self._system = system
        self._load = load
        self._report = report
        self._chance = random.Random(report.seed)  # noqa: S311 - repeatable, not secret
        self._leaving: set[int] = set()
        """Children of a killed supervisor that may still end their calls."""

    def run(self, kills: int, tell: Callable[[str], None]) -> None:
        """Kills so many times."""
        for number in range(1, kills + 1):
            time.sleep(self._chance.uniform(0.05, 1.0))
            if number % TURNS == 4:
                self._kill_supervisor()
            elif number % TURNS == 2 or self._chance.random() < 0.3:
                self._kill_control()
            else:
                self._kill_worker(f"worker-{self._chance.randrange(WORKERS)}")
            if number % 10 == 0:
                tell(f"{number} kills")
        self._system.until_up(WORKERS)
        self._check_left()

    def _kill_worker(self, name: str) -> None:
        pid = self._kill(name, "worker")
        if pid and self._chance.random() < 0.7:
            self._note("worker", self._system.until_successor(name, pid))

    def _kill_control(self) -> None:
        began_s = time.monotonic()
        pid = self._kill(CONTROL, "control")
        if not pid or self._chance.random() < 0.2:
            return  # what is killed next, is killed while there is no control
        down_s = self._system.until_successor(CONTROL, pid)
        self._note("control", down_s)
        if not self._load.answered("free", began_s, began_s + down_s):
            self._report.silent += 1

    def _kill_supervisor(self) -> None:
        """Kills the supervisor, every other time together with all of its children."""
        self._check_left()
        processes = self._system.processes()
        self._kill(SUPERVISOR, "supervisor")
        children = [pid for name, pid in processes.items() if name != SUPERVISOR]
        if self._chance.random() < 0.5:
            for pid in filter(is_alive, children):
                os.kill(pid, signal.SIGKILL)
                self._report.died_with += 1
        self._leaving.update(children)
        self._system.start(WORKERS, DRAIN_S)
        self._note("supervisor", self._system.until_up(WORKERS))

    def _kill(self, name: str, kind: str) -> int:
        """Kills a process that may just be starting; waits for one if there is none."""
        self._system.until(lambda: name in self._system.processes(), f"some {name}")
        pid = self._system.kill(name)
        self._report.kills[kind] = self._report.kills.get(kind, 0) + 1
        return pid

    def _note(self, kind: str, seconds: float) -> None:
        self._report.back_s.setdefault(kind, []).append(round(seconds, 3))

    def _check_left(self) -> None:
        """The children of a supervisor that was killed must have died with it by now."""
        self._system.until(
            lambda: not any(map(is_alive, self._leaving)),
            "the death of a killed supervisor's children",
            2 * DRAIN_S,
        )
        self._leaving.clear()


def run(
    kills: int,
    seed: int,
    folder: Path,
    clients: int = CLIENTS,
    tell: Callable[[str], None] = lambda _: None,
) -> Report:
    """Run the whole test in a folder with a short path; what it tells is how far it is.

    Raises:
        TimeoutError: something did not come back, or did not come to rest.
    """
    began_s = time.monotonic()
    budgets = {
        f"tight-{n}": TIGHT_PICO + n * kills * TIGHT_PICO_PER_KILL for n in range(1, TIGHT + 1)
    }
    buyers = [Buyer(name, f"sk-{name}", 1) for name in budgets]
    buyers.append(Buyer("free", "sk-free", clients // 5))
    buyers.append(Buyer("roomy", "sk-roomy", clients - clients // 5 - len(budgets)))
    report = Report(seed)
    vendor_log = folder / "vendor.log"
    with ExitStack() as stack:
        delays = ("--delay", "0.02", "--events", "8", "--gap-ms", "10")
        vendor = stack.enter_context(scripted_vendor(vendor_log, *delays))
        system = System(folder, _config(vendor, buyers, budgets), {})
        stack.callback(system.close)
        system.start(WORKERS, DRAIN_S)
        system.until_up(WORKERS)
        load = Load(system.port, buyers, seed)
        load.start()
        system.until(lambda: all(t.answered_at_s for t in load.tallies.values()), "first answers")
        tell("killing")
        try:
            Killer(system, load, report).run(kills, tell)
        finally:
            load.stop()
        tell("waiting for the books")
        live = WORKERS  # the journals of the living are not sealed
        system.until(lambda: len(unfinished(system.home)) <= live, "the books", SETTLED_S)
        if code := system.stop():
            report.complaints.append(f"the supervisor ended with {code}")
    report.audit = audit_books(system.home, received_in_full(vendor_log))
    report.ends = {name: dict(tally.ends) for name, tally in load.tallies.items()}
    if report.silent:
        report.complaints.append(f"{report.silent} times no call was answered without control")
    report.seconds = round(time.monotonic() - began_s, 1)
    return report


def _config(vendor: str, buyers: Sequence[Buyer], budgets_pico: Mapping[str, int]) -> str:
    """A configuration with one vendor behind two channels, and a key for each buyer."""
    offer = {"model": MODEL, "context": 100_000, "output_max": 4096}
    offers = [
        {
            **offer,
            "channel": channel,
            "rates": {"input": f"{price} CNY/mtok", "output": "2 CNY/mtok"},
        }
        for channel, price in (("near", 1), ("far", 1.1))
    ]
    keys: dict[str, dict[str, object]] = {
        buyer.name: {
            "account": "roomy" if buyer.name == "roomy" else "free",
            "secret": buyer.secret,
        }
        for buyer in buyers
    }
    for name, budget in budgets_pico.items():
        keys[name]["limits"] = [{"money": f"{format_pico(budget)} CNY", "period": "total"}]
    config = {
        "weigh_when_idle": False,
        "exchange_rates": {"source": "none"},
        "channels": {name: {"base_url": vendor} for name in ("near", "far")},
        "offers": offers,
        "accounts": {
            "free": {},
            "roomy": {
                "limits": [{"money": f"{ROOMY_CNY} CNY", "period": "total"}, {"requests": 10**6}]
            },
        },
        "keys": keys,
    }
    return json.dumps(config, indent=1)  # which is YAML


def show(report: Report) -> None:
    """Print what a run came to, for people."""
    found = report.audit
    out = Console()
    out.print(f"seed {report.seed}, {report.seconds:.0f} s")
    out.print(f"killed: {report.kills}, together with a supervisor {report.died_with} more")
    for kind, waits in report.back_s.items():
        out.print(
            f"  {kind}: back after {statistics.median(waits):.2f} s (longest {max(waits):.2f})"
        )
    for name, ends in report.ends.items():
        out.print(f"  {name}: {dict(sorted(ends.items()))}")
    out.print(
        f"the vendor received {found.received}, booked {found.booked}: {dict(found.outcomes)}"
    )
    for scope, (cost, budget) in found.budgets.items():
        out.print(f"  {scope}: {format_pico(cost)} of {format_pico(budget)} CNY")
    for name, value in report.figures().items():
        out.print(f"{name}: {value}")
    for line in [*found.lost[:9], *found.doubled[:9], *report.wrong[:20]]:
        out.print(f"[red]{line}[/]")


def main() -> int:
    """Read the options and run; the exit code is 1 when something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=CLIENTS, help="at least 10")
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")
    parser.add_argument("--keep", type=Path, help="leave all files in this new folder")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that processes are ended
    with ExitStack() as stack:
        folder = options.keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="sy-kill-"))
        )
        folder.mkdir(mode=0o700, exist_ok=True)
        tell = Console(stderr=True).print
        report = run(options.kills, options.seed, folder, options.clients, tell)
    if options.json:
        sys.stdout.write(json.dumps({**asdict(report), **report.figures()}))
    else:
        show(report)
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
