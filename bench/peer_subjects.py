"""The other gateways as subjects: installed into folders of their own, pinned, started alike.

LiteLLM proxy: one uvicorn worker, a master key (virtual keys would need its PostgreSQL database, so
its budgets, cost log and key look-ups are off, and ours are on), its price map read from the
package, no callbacks. Portkey gateway: the open-source Node server, which knows no keys, budgets
or ledger; its target comes in headers.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench import payloads
from bench.processes import CORE_SUBJECT, BenchError, free_port, listens, started
from bench.subjects import Running
from bench.upstreams import Upstream

LITELLM: Final = "litellm[proxy]==1.106.2"
PORTKEY: Final = "@portkey-ai/gateway@1.15.2"
FOLDER: Final = Path(__file__).parents[1] / ".work" / "peers"
INSTALL_S_MAX: Final = 900


def install() -> None:
    """Install both where they are not there yet, or are of another version.

    Raises:
        BenchError: A package manager failed.
    """
    _install_litellm(FOLDER / "litellm")
    _install_portkey(FOLDER / "portkey")


def _install_litellm(folder: Path) -> None:
    if _is_stamped(folder, LITELLM):
        return
    folder.mkdir(parents=True, exist_ok=True)
    _run([sys.executable, "-m", "venv", "--clear", str(folder / "venv")])
    _run([str(folder / "venv" / "bin" / "pip"), "install", "--quiet", LITELLM])
    (folder / "installed").write_text(LITELLM, "utf-8")


def _install_portkey(folder: Path) -> None:
    if _is_stamped(folder, PORTKEY):
        return
    folder.mkdir(parents=True, exist_ok=True)
    quiet = ("--no-audit", "--no-fund", "--loglevel", "error")
    # Its postinstall patches development tools only; without it nothing foreign runs as we install.
    _run(["npm", "install", "--ignore-scripts", *quiet, "--prefix", str(folder), PORTKEY])
    (folder / "installed").write_text(PORTKEY, "utf-8")


def _is_stamped(folder: Path, version: str) -> bool:
    stamp = folder / "installed"
    return stamp.exists() and stamp.read_text("utf-8") == version


def _run(command: Sequence[str]) -> None:
    sys.stderr.write(f"installing: {' '.join(command)}\n")
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=INSTALL_S_MAX
    )
    if done.returncode:
        raise BenchError(f"{command[0]} failed:\n{(done.stdout + done.stderr)[-2000:]}")


@contextmanager
def litellm(upstream: Upstream, folder: Path) -> Iterator[Running]:
    """Run the LiteLLM proxy with one worker."""
    port = free_port()
    offer = {
        "model": f"openai/{payloads.MODEL}",
        "api_base": f"{upstream.url}/v1",
        "api_key": "sk-upstream",
        "input_cost_per_token": 8e-7,
        "output_cost_per_token": 2e-6,
    }
    configuration = {
        "model_list": [{"model_name": payloads.MODEL, "litellm_params": offer}],
        "general_settings": {"master_key": payloads.KEY},
        "litellm_settings": {"telemetry": False},
    }
    file = folder / f"litellm-{port}.yaml"
    file.write_text(json.dumps(configuration), "utf-8")  # JSON is YAML
    command = [str(FOLDER / "litellm" / "venv" / "bin" / "litellm"), "--config", str(file)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    log = folder / f"litellm-{port}.out"
    with started(
        command, core=CORE_SUBJECT, is_ready=listens(port), log=log, environment=environment
    ) as process:
        yield Running("litellm", f"http://127.0.0.1:{port}", process.pid)


@contextmanager
def portkey(upstream: Upstream, folder: Path) -> Iterator[Running]:
    """Run the Portkey gateway."""
    port = free_port()
    script = FOLDER / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build"
    command = ["node", str(script / "start-server.js"), f"--port={port}", "--headless"]
    headers = {
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"{upstream.url}/v1",
    }
    log = folder / f"portkey-{port}.out"
    # It refuses targets on loopback unless told that this one is meant (its SSRF guard).
    environment = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "localhost,127.0.0.1"}
    with started(
        command, core=CORE_SUBJECT, is_ready=listens(port), log=log, environment=environment
    ) as process:
        yield Running("portkey", f"http://127.0.0.1:{port}", process.pid, headers=headers)


def versions() -> dict[str, str]:
    """Return what runs, for `meta`."""
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    python = Path(os.path.realpath(FOLDER / "litellm" / "venv" / "bin" / "python")).name
    return {"litellm": f"{LITELLM}, {python}", "portkey": f"{PORTKEY}, node {node.stdout.strip()}"}
