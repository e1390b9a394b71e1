"""Weighs the local models on shipped tasks for real, and measures one as a judge.

`make bench-local` runs `steelyard serve` with the 0.5B and the 1.5B model over a state folder of
its own (`.work/local-models`), weighs them task by task through the gateway as a user would, and
writes `results/local-models.json` and `docs/reference/local-models.md`. Answers are kept in the
state folder: a run that was interrupted goes on, a second one is quick. About an hour of one core.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import judge, results

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".work" / "local-models"
PAGE = ROOT / "docs" / "reference" / "local-models.md"
CHEAP = "local/qwen2.5-coder-0.5b-instruct"
DEAR = "local/qwen2.5-coder-1.5b-instruct"
TASKS = (
    "shop/review-sentiment",
    "bank/intent",
    "shop/aspect-sentiment-zh",
    "knowledge/choice",
    "role-play/reply-zh",
    "after-sales/intent-zh",
    "coding/reading-zh",
    "office/department-zh",
    "shop/booking-slots",
    "data/sql-zh",
)
"""In both languages; the quickest to decide first."""
ITEMS_MAX = 150
_READY_S = 300.0
_CONFIG = """\
local:
  price_per_cpu_hour: 0.30 CNY
  models:
    smollm2-135m-instruct: {threads: 1}
    qwen2.5-coder-0.5b-instruct: {threads: 1}
    qwen2.5-coder-1.5b-instruct: {threads: 1}
weigh_when_idle: false
"""


@contextmanager
def steelyard(home: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Runs `steelyard serve` over a state folder; gives its address and the environment to ask it.

    Args:
        home: Is made when there is none.

    Yields:
        The gateway's address, and the environment for commands.
    """
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "steelyard.yaml").exists():
        (home / "steelyard.yaml").write_text(_CONFIG, "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    env = {**os.environ, "STEELYARD_HOME": str(home)}
    command = [sys.executable, "-m", "steelyard", "serve", "--port", str(port)]
    log = home / "serve.log"
    with log.open("ab") as out:
        begin = out.tell()
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out)
    try:
        _wait_until_up(log, begin, process)
        yield f"http://127.0.0.1:{port}", env
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def weigh(env: Mapping[str, str], task: str, limit: int) -> list[dict[str, Any]]:
    """Weighs both models on a task, as the command line does; the rows of its verdicts."""
    words = ["weigh", task, "--offer", CHEAP, "--offer", DEAR, "--limit", str(limit), "--json"]
    found = _steelyard(env, *words)
    rows: list[dict[str, Any]] = found["verdicts"]
    return [row for row in rows if row["offer"] in (CHEAP, DEAR)]


def figures_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """How many tasks were weighed, and on how many which model is proven."""
    proven = {(row["task"], row["offer"]) for row in rows if row["status"] == "proven"}
    tasks = {row["task"] for row in rows}
    return {
        "local_tasks": len(tasks),
        "local_cheaper_proven": sum((task, CHEAP) in proven for task in tasks),
        "local_only_dearer_proven": sum(
            (task, DEAR) in proven and (task, CHEAP) not in proven for task in tasks
        ),
    }


def page(meta: Mapping[str, Any], figures: Mapping[str, float]) -> str:
    """The tables as a page of the reference.

    Args:
        meta: Of the results: `rows` of verdicts, `judge` as `bench.judge` tells it, `machine`.
        figures: By name.
    """
    machine = meta["machine"]
    lines = [
        "# The local models, weighed",
        "",
        "Written by `make bench-local`; nothing here was edited. Bounds hold at 95 % for both",
        "models of a task together, however early a weighing stopped. Cost is that of a busy core",
        f"at 0.30 CNY an hour. Machine: {machine['cpu']}, {machine['cores']} cores.",
        "",
        "| task | model | verdict | quality | bounds | floor | items | cost per accepted answer |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += map(_line, meta["rows"])
    lines += _judges(meta["judge"])
    shown = " · ".join(f"`{name}` {value:.4g}" for name, value in figures.items())
    return "\n".join((*lines, "", f"Figures: {shown}.", ""))


def main() -> int:
    """Weigh, judge, write; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=HOME)
    parser.add_argument("--limit", type=int, default=ITEMS_MAX)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--pairs", type=int, default=judge.PAIRS, help="that the judges see")
    parser.add_argument(
        "--judges", action="store_true", help="measure these only; the last run's verdicts stay"
    )
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    of_rows: dict[str, Any] = {}
    if arguments.judges:
        earlier = json.loads((results.FOLDER / "local-models.json").read_text("utf-8"))["meta"]
        rows, now = earlier["rows"], {name: earlier[name] for name in ("commit", "measured_at")}
        of_rows = {"verdicts": earlier.get("verdicts", now)}
    with steelyard(arguments.home) as (url, env):
        for task in () if arguments.judges else arguments.only or TASKS:
            rows += weigh(env, task, arguments.limit)
        key = (arguments.home / "demo.key").read_text("ascii").strip()
        judged, judge_meta = judge.measure(url, key, arguments.pairs, arguments.home / "judging")
    figures = {**figures_of(rows), **judged}
    meta = {**of_rows, "rows": rows, "judge": judge_meta}
    path = results.write("local-models", figures, meta)
    PAGE.write_text(page(json.loads(path.read_text("utf-8"))["meta"], figures), "utf-8")
    return 0 if results.show("Local models", results.LOCAL, figures) else 1


def _line(row: Mapping[str, Any]) -> str:
    cells = (
        row["task"],
        row["offer"].partition("/")[2],
        row["status"].replace("_", " "),
        _share(row["quality"]),
        f"{_share(row['lower'])} to {_share(row['upper'])}",
        _share(row["floor"]),
        str(row["n"]),
        _cost(row),
    )
    return "| " + " | ".join(cells) + " |"


def _judges(found: Mapping[str, Any]) -> list[str]:
    """The same models as judges: what their opinions are worth."""
    lines = [
        "",
        "## As judges",
        "",
        f"{found['pairs']} pairs of a human text and one by {found['written by']}, each shown",
        "in both orders to a judge that a grammar holds to an opinion. *Turned*: the opinion",
        "changed with the order, which makes a tie. *To the first*: of the pairs that the place",
        "alone decided, those that went to the text shown first. *Kept*: of the pairs on which a",
        "better text was named in both orders, those on which it was the same; who goes by the",
        "place, or tosses a coin, reaches a half. Bounds at 95 %. *Changed*: grades that were",
        "others when the pair was turned, and when it was asked once more, which tells of the",
        f"engine and not of the order, of {found['again']}.",
        "",
        "| judge | unscored | turned | to the first | kept | human won, tied, lost"
        " | changed: turned, again |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, (offer, _) in judge.JUDGES.items():
        of_judge = found[name]
        human = of_judge["human text"]
        shares = (_counted(of_judge[what]) for what in ("disagreement", "first_favoured", "kept"))
        cells = (
            offer.partition("/")[2],
            str(of_judge["unscored"]),
            *shares,
            f"{human['won']}, {human['tied']}, {human['lost']}",
            f"{of_judge['order_changed']}, {of_judge['changed_again']}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    blind = [judge.JUDGES[name][0] for name in judge.JUDGES if not found[name]["is_reading"]]
    if blind:
        lines += ["", f"Nothing shows that these read what they compare: {', '.join(blind)}."]
    return lines


def _counted(share: Mapping[str, Any]) -> str:
    if not share["of"]:
        return "–"
    return f"{share['count']} of {share['of']} ({share['lower']:.2f} to {share['upper']:.2f})"


def _share(value: Any) -> str:
    return "" if value is None else f"{float(value):.3f}"


def _cost(row: Mapping[str, Any]) -> str:
    accepted = row["cost_per_accepted_pico"]
    return "–" if accepted is None else f"{int(accepted) / 1e12:.6f} {row['currency']}"


def _wait_until_up(log: Path, begin: int, process: "subprocess.Popen[bytes]") -> None:
    """Waits for what `serve` says when all its models answer."""
    deadline = time.monotonic() + _READY_S
    while b"ready:" not in log.read_bytes()[begin:]:
        if process.poll() is not None:
            raise SystemExit(f"steelyard serve ended with code {process.returncode}, see {log}")
        if time.monotonic() > deadline:
            raise SystemExit(f"the local models did not come up, see {log}")
        time.sleep(0.5)


def _steelyard(env: Mapping[str, str], *words: str) -> Any:
    command = [sys.executable, "-m", "steelyard", *words]
    done = subprocess.run(command, env=dict(env), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
