"""The static upstreams: nginx for plain answers (TLS too), our script for streams."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from bench import payloads
from bench.processes import CORE_LOAD, free_port, listens, started

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where a subject sends its calls."""

    port: int
    scheme: str = "http"
    authority: Path | None = None
    """PEM file of the authority to trust, for https."""

    @property
    def url(self) -> str:
        """The address without a path; `localhost`, for that is the name in the certificate."""
        host = "localhost" if self.scheme == "https" else "127.0.0.1"
        return f"{self.scheme}://{host}:{self.port}"


def nginx_binary() -> str:
    """Return where nginx is; Debian keeps it off the PATH of ordinary people."""
    return shutil.which("nginx") or "/usr/sbin/nginx"


def nginx_command(configuration: Path) -> list[str]:
    """Return the command that runs nginx in the foreground with one configuration."""
    return [
        nginx_binary(),
        "-p",
        str(configuration.parent),
        "-e",
        "stderr",
        "-c",
        str(configuration),
    ]


def fill(template: str, target: Path, **values: object) -> Path:
    """Write a configuration of `bench/nginx` with its `$names` filled in; return the file."""
    text = (HERE / "nginx" / template).read_text("utf-8")
    target.write_text(Template(text).substitute(folder=target.parent, **values), "utf-8")
    return target


@contextmanager
def static(folder: Path) -> Iterator[tuple[Upstream, Upstream]]:
    """Run the upstream of plain answers; yields it without and with TLS."""
    certificate, key = folder / "upstream.pem", folder / "upstream.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    port, port_tls = free_port(), free_port()
    configuration = fill(
        "static.conf",
        folder / "static.conf",
        port=port,
        port_tls=port_tls,
        certificate=certificate,
        private_key=key,
        answer=payloads.completion().decode(),
    )
    with started(
        nginx_command(configuration),
        core=CORE_LOAD,
        is_ready=listens(port),
        log=folder / "static.out",
    ):
        yield Upstream(port), Upstream(port_tls, "https", certificate)


@contextmanager
def streaming(folder: Path, event_count: int) -> Iterator[Upstream]:
    """Run the upstream of streams, each of `event_count` events with content."""
    port = free_port()
    command = [sys.executable, "-m", "bench.sse_upstream", str(port), str(event_count)]
    log = folder / "sse.out"
    with started(command, core=CORE_LOAD, is_ready=listens(port), log=log):
        yield Upstream(port)
