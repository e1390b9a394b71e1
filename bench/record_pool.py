"""Records answers of local models to the authenticity probes, for the pools that steelyard carries.

    python -m bench.record_pool --channel genuine --model FILE --into FOLDER
    python -m bench.record_pool --channel swap --model FILE_OF_A_SMALLER_ONE --into FOLDER --open 15
    python -m bench.record_pool --channel cut --model FILE --into FOLDER --cut middle
    python -m bench.record_pool --pack FOLDER --out POOL.json.gz --model-name NAME

Asks llama.cpp (`xllamacpp`) in this process, as an OpenAI client would: temperature 1, top_p 1 and
`max_tokens` of the probe (and its temperature, if it names one), everything else at the engine's
defaults. One line of JSON per answer goes to FOLDER/CHANNEL.jsonl at once; a second start asks only
for what is missing. Packing joins the channels in one file. An hour of two cores makes all channels
of a 1.5B model.
"""

import argparse
import hashlib
import http.client
import json
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.weigh.authenticity.pool import GENUINE, Channel, Pool, write_pool
from steelyard.weigh.authenticity.probes import Kind, Probe, ProbeAnswer, probes

if TYPE_CHECKING:
    import xllamacpp

LICENCE = "Apache-2.0"
SAMPLING = {"temperature": 1, "top_p": 1}

SAMPLES = {Kind.STEADY: 12, Kind.COUNTED: 2, Kind.OBEDIENCE: 2, Kind.NEEDLE: 8}
"""Of the genuine channel, which plays both the reference and the honest suspect."""
FEW = {Kind.STEADY: 2, Kind.COUNTED: 1, Kind.OBEDIENCE: 1, Kind.NEEDLE: 2}
CUT = {Kind.OPEN: 0, Kind.STEADY: 0, Kind.COUNTED: 0, Kind.OBEDIENCE: 0, Kind.NEEDLE: 4}
LOGPROBS_EVERY = 10
"""Of the samples of an open probe one in so many asks for log-probabilities; they are slow."""
_SLOTS = 4
_SLOT_TOKENS = 2048


@dataclass(frozen=True, slots=True)
class Engine:
    """Where llama.cpp answers."""

    host: str
    port: int


def start(model: Path, threads: int) -> "tuple[xllamacpp.Server, Engine]":
    """Return llama.cpp's server with the model loaded, and its address."""
    import xllamacpp  # noqa: PLC0415 - heavy, and packing needs none

    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_parallel = _SLOTS
    params.n_ctx = _SLOTS * _SLOT_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.n_threads_http = _SLOTS + 4
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.cache_ram_mib = 0
    params.ui = False
    params.verbosity = 0
    server = xllamacpp.Server(params)
    return server, Engine("127.0.0.1", int(server.listening_address.rpartition(":")[2]))


def ask(engine: Engine, probe: Probe, prompt: str, *, logprobs: bool) -> dict[str, Any]:
    """Return one answer as a line of the recording."""
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": probe.max_tokens,
        **SAMPLING,
        **probe.sampling,
    }
    if logprobs:
        body |= {"logprobs": True, "top_logprobs": 5}
    began = time.monotonic()
    connection = http.client.HTTPConnection(engine.host, engine.port, timeout=600)
    connection.request(
        "POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"}
    )
    answer = json.loads(connection.getresponse().read())
    connection.close()
    choice, usage = answer["choices"][0], answer["usage"]
    line: dict[str, Any] = {
        "probe": probe.id,
        "text": choice["message"]["content"],
        "finish": choice["finish_reason"],
        "in": usage["prompt_tokens"],
        "out": usage["completion_tokens"],
        "s": round(time.monotonic() - began, 3),
    }
    if logprobs and choice["logprobs"]["content"]:
        tops = choice["logprobs"]["content"][0]["top_logprobs"]
        line["logprobs"] = [[top["token"], round(top["logprob"], 4)] for top in tops]
    return line


def cut(prompt: str, how: str) -> str:
    """Return the prompt as a reseller sends it who keeps half of it."""
    if how == "none":
        return prompt
    half = len(prompt) // 2
    if how == "head":
        return prompt[-half:]
    return prompt[: half // 2] + prompt[-(half - half // 2) :]


def record(options: argparse.Namespace) -> None:
    """Ask for what is missing in the recording of one channel."""
    path = options.into / f"{options.channel}.jsonl"
    options.into.mkdir(parents=True, exist_ok=True)
    have = Counter(line["probe"] for line in _lines(path)) if path.exists() else Counter()
    few = SAMPLES if options.channel == GENUINE else FEW
    counts = CUT if options.cut != "none" else few | {Kind.OPEN: options.open}
    server, engine = start(options.model, options.threads)
    lock = threading.Lock()
    began, n_done = time.monotonic(), 0
    with path.open("a", encoding="utf-8") as out, ThreadPoolExecutor(_SLOTS) as pool:

        def one(probe: Probe, n: int) -> None:
            nonlocal n_done
            logprobs = probe.kind is Kind.OPEN and n % LOGPROBS_EVERY == 0
            line = ask(engine, probe, cut(probe.prompt, options.cut), logprobs=logprobs)
            with lock:
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
                out.flush()
                n_done += 1

        for probe in probes():
            missing = range(have[probe.id], counts[probe.kind])
            if probe.kind is Kind.NEEDLE:  # one after the other, so that a document is read once
                for n in missing:
                    one(probe, n)
            else:
                list(pool.map(one, [probe] * len(missing), missing))
            sys.stderr.write(f"{n_done} answers in {time.monotonic() - began:.0f} s\n")
    _about(options)
    del server


def _about(options: argparse.Namespace) -> None:
    about = {
        "file": options.model.name,
        "sha256": hashlib.sha256(options.model.read_bytes()).hexdigest(),
        "engine": f"xllamacpp {version('xllamacpp')}",
        "date": datetime.now(UTC).date().isoformat(),
        "cut": options.cut,
    }
    (options.into / f"{options.channel}.about.json").write_text(json.dumps(about) + "\n", "utf-8")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def pack(folder: Path, out: Path, model: str) -> None:
    """Join the recordings of a folder in one pool, in the order of the probes."""
    places = {probe.id: place for place, probe in enumerate(probes())}
    channels = {}
    for path in sorted(folder.glob("*.jsonl")):
        about = json.loads((folder / f"{path.stem}.about.json").read_text("utf-8"))
        lines = sorted(_lines(path), key=lambda line: places[line["probe"]])
        channels[path.stem] = Channel(about, tuple(map(_answer, lines)))
    write_pool(out, Pool(model, LICENCE, SAMPLING, channels))


def _answer(line: dict[str, Any]) -> ProbeAnswer:
    tops = line.get("logprobs")
    return ProbeAnswer(
        probe_id=line["probe"],
        text=line["text"],
        finish_reason=line["finish"],
        prompt_tokens=line["in"],
        completion_tokens=line["out"],
        total_s=line["s"],
        logprobs=None if tops is None else tuple((token, value) for token, value in tops),
    )


def main() -> int:
    """Record one channel or pack a folder; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--channel", help="name of the recording: genuine, swap, ...")
    add("--model", type=Path, help="GGUF file")
    add("--into", type=Path, help="folder of the recordings")
    add("--open", type=int, default=40, help="samples of each open probe")
    add("--cut", choices=["none", "middle", "head"], default="none")
    add("--threads", type=int, default=1)
    add("--pack", type=Path, help="folder of the recordings to pack")
    add("--out", type=Path, help="packed file")
    add("--model-name", help="name of the genuine model")
    options = parser.parse_args()
    if options.pack:
        pack(options.pack, options.out, options.model_name)
    else:
        record(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
