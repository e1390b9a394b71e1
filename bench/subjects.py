"""The subjects: what stands between load and upstream, each started alike on the subject's core."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import payloads
from bench.processes import CORE_SUBJECT, BenchError, free_port, started
from bench.upstreams import Upstream, fill, nginx_command


@dataclass(frozen=True, slots=True)
class Running:
    """A subject that answers."""

    name: str
    url: str
    """Without a path."""
    pid: int
    """Its CPU and memory are those of this process and all its descendants."""
    key: str = payloads.KEY
    headers: Mapping[str, str] = field(default_factory=dict)
    """What its calls carry besides the key."""
    key_count: int = 1
    """Calls use as many keys, `sk-bench-0000000` first."""
    model_count: int = 1
    """Calls use as many models, `bench-model-00000` first."""
    swap: Callable[[], None] | None = None
    """Writes a new snapshot of the same size and has it taken into use; None: it has none."""


GATEWAY_COMMAND: tuple[str, ...] = ()
"""What starts one worker; to be `(sys.executable, "-m", "bench.steelyard_worker")`."""

Start = Callable[[Upstream, Path], AbstractContextManager[Running]]
"""Starts a subject before an upstream; the folder is for its files."""


@contextmanager
def nginx(upstream: Upstream, folder: Path) -> Iterator[Running]:
    """Run nginx as a plain reverse proxy, one worker, streams unbuffered."""
    port = free_port()
    configuration = fill(
        "proxy.conf",
        folder / f"proxy-{port}.conf",
        port=port,
        buffering="off",
        upstream_scheme=upstream.scheme,
        upstream_address=f"127.0.0.1:{upstream.port}",
        authority=upstream.authority or "/etc/ssl/certs/ca-certificates.crt",
    )
    log = folder / f"proxy-{port}.out"
    command = nginx_command(configuration)
    with started(command, core=CORE_SUBJECT, port=port, log=log) as process:
        yield Running("nginx", f"http://127.0.0.1:{port}", process.pid)


@contextmanager
def steelyard(
    upstream: Upstream, folder: Path, *, keys: int = 10, offers: int = 8
) -> Iterator[Running]:
    """Run one worker with all features on: keys, limits, leases, choice, prices, journal.

    Args:
        upstream: Where all offers' channels point.
        folder: For its state.
        keys: Keys in the key table, `sk-bench-0000000` first; none of them limited.
        offers: Offers in the snapshot, 8 for each of the models `bench-model-00000`, …

    Raises:
        BenchError: The gateway cannot be started yet.
    """
    if not GATEWAY_COMMAND:
        raise BenchError("bench.subjects.steelyard: the gateway's start is not filled in yet")
    port = free_port()
    command = [*GATEWAY_COMMAND, "--upstream", upstream.url, "--folder", str(folder)]
    command += ["--port", str(port), "--keys", str(keys), "--offers", str(offers)]
    if upstream.authority:
        command += ["--authority", str(upstream.authority)]
    log = folder / f"steelyard-{port}.out"
    with started(command, core=CORE_SUBJECT, port=port, log=log, timeout_s=120) as process:
        url = f"http://127.0.0.1:{port}"
        yield Running("steelyard", url, process.pid, key_count=keys, model_count=offers // 8)
