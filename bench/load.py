"""The loads: wrk for plain calls, our reader for streams, h2load for a held rate."""

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench import payloads
from bench.processes import CORE_LOAD, ROOT, BenchError, cpu_s, pinned, rss_mb, tree
from bench.subjects import Running

LUA = Path(__file__).parent / "wrk" / "chat.lua"
CONNECTIONS = 64
VARIANTS_MAX = 10_000
"""Different requests that `chat.lua` builds at most."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a load cost the subject."""

    count: int
    """Requests, or events."""
    cpu_s: float
    """CPU seconds of the subject's processes, user and system."""

    @property
    def each_us(self) -> float:
        """CPU microseconds of each."""
        return self.cpu_s / self.count * 1e6


def plain(subject: Running, seconds: float, connections: int = CONNECTIONS) -> Cost:
    """Return what plain calls cost, as fast as the subject takes them.

    Raises:
        BenchError: An answer was no 2xx, or the sockets failed.
    """
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--timeout", "30s"]
    command += ["--duration", f"{seconds:g}s", "--script", str(LUA), subject.url]
    body = payloads.chat(is_stream=False, model="%s").decode()
    command += ["--", str(subject.key_count), str(subject.model_count), body]
    for name, value in subject.headers.items():
        command[1:1] = ["--header", f"{name}: {value}"]
    pids = tree(subject.pid)
    before = cpu_s(pids)
    said = _run(command)
    used = cpu_s(pids) - before
    found = re.search(r"(\d+) requests in", said)
    if found is None or "Non-2xx" in said or "Socket errors" in said or found[1] == "0":
        raise BenchError(f"wrk against {subject.name} said:\n{said}")
    return Cost(int(found[1]), used)


def streams(subject: Running, count: int) -> Cost:
    """Return what the events of `count` streams at once cost, each read to its end.

    Raises:
        BenchError: A stream broke off.
    """
    command = [sys.executable, "-m", "bench.sse_load", subject.url, subject.key, str(count)]
    command.append(json.dumps(dict(subject.headers)))
    pids = tree(subject.pid)
    before = cpu_s(pids)
    said = json.loads(_run(command))
    return Cost(said["events"], cpu_s(pids) - before)


def first(subject: Running) -> None:
    """Send one plain call and wait for its answer: some subjects load half of themselves then.

    Raises:
        BenchError: It was not answered with 200.
    """
    address = urlsplit(subject.url)
    link = http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)
    headers = {"authorization": f"Bearer {subject.key}", "content-type": "application/json"}
    try:
        link.request(
            "POST",
            "/v1/chat/completions",
            payloads.chat(is_stream=False),
            {**headers, **subject.headers},
        )
        answer = link.getresponse()
        said = answer.read()
    except OSError as error:
        raise BenchError(f"{subject.name} does not answer: {error}") from error
    finally:
        link.close()
    if answer.status != 200:
        raise BenchError(f"{subject.name} says {answer.status}: {said[:500]!r}")


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer under a held rate."""

    done_at_s: float
    """Seconds of some clock that all answers of a run share."""
    latency_ms: float


def held_rate(
    url: str, key: str, folder: Path, *, per_second: int, seconds: int, warm_up_s: int = 1
) -> list[Answered]:
    """Return every answer at a held rate, in order of completion, after the warm-up.

    Raises:
        BenchError: An answer was no 2xx.
    """
    body = folder / "body.json"
    body.write_bytes(payloads.chat(is_stream=False))
    log = folder / "h2load.log"
    log.unlink(missing_ok=True)
    clients = 20
    command = ["h2load", "--h1", "--clients", str(clients), "--data", str(body)]
    command += ["--rps", f"{per_second / clients:g}", "--duration", str(seconds + warm_up_s)]
    command += ["--header", "content-type: application/json", "--log-file", str(log)]
    command += ["--header", f"authorization: Bearer {key}", f"{url}/v1/chat/completions"]
    said = _run(command)
    found = [_answered(line) for line in log.read_text("ascii").splitlines()]
    if not found or not all(found):
        raise BenchError(f"h2load against {url} said:\n{said}")
    answers = sorted((each for each in found if each), key=lambda each: each.done_at_s)
    begin = answers[0].done_at_s + warm_up_s
    return [answer for answer in answers if answer.done_at_s >= begin]


def _answered(line: str) -> Answered | None:
    """Return one line of h2load's log: start in µs, status, duration in µs; None unless 200."""
    start_us, status, duration_us = (int(field) for field in line.split("\t"))
    if status != 200:
        return None
    return Answered((start_us + duration_us) / 1e6, duration_us / 1000)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that the share (0 to 1) of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def memory_mb(subject: Running) -> float:
    """Return the resident memory of a subject's processes in megabytes."""
    return rss_mb(tree(subject.pid))


def _run(command: Sequence[str]) -> str:
    """Return what a command pinned to the load's core says.

    Raises:
        BenchError: It failed.
    """
    done = subprocess.run(
        pinned(CORE_LOAD, command),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        cwd=ROOT,
    )
    if done.returncode:
        raise BenchError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
