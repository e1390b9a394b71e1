"""A real reseller, tested for real: one that serves the 1.5B it sells, one that serves the 0.5B.

    python -m bench.authenticity_live --against qwen2.5-coder-1.5b-instruct

One `steelyard serve` plays everybody. Its local engines are what the resellers really have; two
channels of it lead back to its own gateway under aliases, so that the buyer's side knows a seller's
address, a key and a model's name, and nothing more. Each offer is tested with `steelyard
authenticity test` against recorded answers of the very model, its evidence is written and checked,
and the swapped one must be quarantined and refused. Writes `results/authenticity_live.json`.

Ten minutes of two cores at `--calls 160`; answers and verdicts stay in the state folder, so that a
run that was interrupted goes on. To test anew, take the folder away.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".work" / "authenticity-live"
RESULT = ROOT / "bench" / "results" / "authenticity_live.json"
SOLD = "qwen2.5-coder-1.5b-instruct"
SERVED = {"honest": SOLD, "swapper": "qwen2.5-coder-0.5b-instruct"}
"""Reseller -> what it really serves."""
_READY_S, _TEST_S = 300.0, 1800.0
_TRIES = 10
_SECRET = "sk-of-the-buyer-at-the-reseller"  # noqa: S105 - of this bench alone
# The resellers are dearer than the engines, so that what they ask for leads to an engine and not
# from one reseller to the other.
_CONFIG = """\
local:
  price_per_cpu_hour: 0.30 CNY
  models:
    qwen2.5-coder-0.5b-instruct: {{threads: {threads}, slots: 2}}
    qwen2.5-coder-1.5b-instruct: {{threads: {threads}, slots: 2}}
weigh_when_idle: false
policies: {{as-asked: {{attempts_max: 1, retries_max: 0}}}}
accounts: {{buyer: {{policy: as-asked}}}}
keys: {{buyer: {{account: buyer, secret: {secret}}}}}
aliases: {{seller-of-honest: {honest}, seller-of-swapper: {swapper}}}
channels:
  honest: {{base_url: "http://127.0.0.1:{port}/v1", credential: {secret},
           timeout_first_byte_s: 300, timeout_idle_s: 120}}
  swapper: {{base_url: "http://127.0.0.1:{port}/v1", credential: {secret},
            timeout_first_byte_s: 300, timeout_idle_s: 120}}
offers:
  - {{model: {sold}, channel: honest, upstream_model: seller-of-honest, context: 8192,
     output_max: 512, rates: {{input: 9 CNY/mtok, output: 9 CNY/mtok}}}}
  - {{model: {sold}, channel: swapper, upstream_model: seller-of-swapper, context: 8192,
     output_max: 512, rates: {{input: 9 CNY/mtok, output: 9 CNY/mtok}}}}
"""


def main() -> int:
    """Test both resellers, write what came of it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", default=SOLD, help="a shipped pool, or the file of one")
    parser.add_argument("--calls", type=int, default=160)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--home", type=Path, default=HOME)
    options = parser.parse_args()
    found = {}
    with _steelyard(options.home, options.threads) as (url, env):
        for seller in SERVED:
            found[seller] = _tested(env, seller, options)
        found["swapper"]["refused_with"] = _refusal(url, "swapper")
        found["honest"]["refused_with"] = _refusal(url, "honest")
    is_right = (
        found["swapper"]["state"] == "not_genuine"
        and found["honest"]["state"] == "genuine"
        and found["swapper"]["refused_with"] == "offer_quarantined"
        and not found["honest"]["refused_with"]
        and all(each["evidence_holds"] for each in found.values())
    )
    summary = {
        "is_right": is_right,
        "sold": SOLD,
        "against": Path(options.against).name,
        "calls_max": options.calls,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "sellers": found,
    }
    RESULT.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", "utf-8")
    sys.stdout.write(json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    return 0 if is_right else 1


def _tested(env: Mapping[str, str], seller: str, options: argparse.Namespace) -> dict[str, Any]:
    """What a test of one reseller comes to, in figures; no answer is in it."""
    offer = f"{seller}/{SOLD}"
    words = ["authenticity", "test", offer, "--against", options.against, "--pause", "0"]
    done = _patiently(env, "authenticity", "--offer", offer, "--json")
    row = done[0] if done else _patiently(env, *words, "--calls", str(options.calls), "--json")
    took = datetime.fromisoformat(row["at"]) - datetime.fromisoformat(row["began"])
    packed = options.home / f"{seller}.zip"
    _run(env, "authenticity", "evidence", str(row["number"]), "--out", str(packed))
    checked = _run(env, "authenticity", "check", str(packed), "--json")
    return {
        "served": SERVED[seller],
        "state": row["state"],
        "alarms": [each["name"] for each in row["findings"] if each["is_alarm"]],
        "p_values": {each["name"]: each["p_value"] for each in row["findings"]},
        "swapped_at_least": row["swapped_at_least"],
        "calls": row["calls"],
        "lost": row["lost"],
        "n_suspect": row["n_suspect"],
        "n_reference": row["n_reference"],
        "error": row["error"],
        "cost": f"{row['cost']} {row['currency']}",
        "seconds": round(took.total_seconds()),
        "evidence_holds": checked["differences"] == [],
        "evidence_bytes": packed.stat().st_size,
    }


def _patiently(env: Mapping[str, str], *words: str) -> Any:
    """As `_run`; what a busy machine does not answer in time is asked again, and goes on."""
    for _ in range(_TRIES - 1):
        try:
            return _run(env, *words)
        except RuntimeError as error:
            if "control" not in str(error):
                raise
            sys.stderr.write(f"again: {error}\n")
            time.sleep(10)
    return _run(env, *words)


def _run(env: Mapping[str, str], *words: str) -> Any:
    """What a command prints as JSON, if it does; exit code 1 says that somebody is not genuine."""
    command = [sys.executable, "-m", "steelyard", *words]
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own words
        command, env=env, capture_output=True, text=True, timeout=_TEST_S, check=False
    )
    if done.returncode > 1 or done.stderr:
        raise RuntimeError(f"{' '.join(words[:2])}: {done.stderr[-2000:]}")
    return json.loads(done.stdout) if "--json" in words else None


def _refusal(url: str, seller: str) -> str:
    """Code with which a call of the offer is refused; empty if it is answered."""
    body = {"model": f"offer:{seller}/{SOLD}", "messages": [{"role": "user", "content": "hi"}]}
    request = urllib.request.Request(  # noqa: S310 - our own gateway
        f"{url}/v1/chat/completions",
        json.dumps({**body, "max_tokens": 1}).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {_SECRET}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
            answer.read()
            return ""
    except urllib.error.HTTPError as refused:
        return str(json.loads(refused.read())["error"]["code"])


@contextmanager
def _steelyard(home: Path, threads: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Runs `steelyard serve`; gives its address, and the environment for commands."""
    home.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    terms = {"threads": threads, "secret": _SECRET, "port": port, "sold": SOLD, **SERVED}
    (home / "steelyard.yaml").write_text(_CONFIG.format(**terms), "utf-8")
    env = {**os.environ, "STEELYARD_HOME": str(home)}
    command = [sys.executable, "-m", "steelyard", "serve", "--port", str(port)]
    with (home / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)  # noqa: S603 - as above
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_up(env, process)
        yield url, env
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _wait_until_up(env: Mapping[str, str], process: subprocess.Popen[bytes]) -> None:
    """Waits until both engines answer."""
    deadline_s = time.monotonic() + _READY_S
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            raise RuntimeError("steelyard ended; see serve.log")
        try:
            rows = _run(env, "offers", "--json")
        except RuntimeError:
            rows = []
        if len(rows) >= 4 and all(row["state"] == "up" for row in rows):
            return
        time.sleep(2)
    raise RuntimeError("the engines did not come up; see serve.log")


if __name__ == "__main__":
    raise SystemExit(main())
