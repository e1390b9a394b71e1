"""A running steelyard before a scripted vendor, and the programs that are driven against it."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from program_vendor import USAGE, Vendor, vendor

from steelyard.testing.system import System

PAGES = Path(__file__).resolve().parents[2] / "docs" / "clients"
ADDRESS = "http://127.0.0.1:8080"
"""Where steelyard listens in the pages."""
KEY = "sk-of-this-program"
"""The key in the pages."""
MODEL = "coder"
"""The model in the pages."""
DIALECTS = ("openai_chat", "anthropic_messages", "openai_responses")
OTHERS = {
    "deepseek-v4-pro": "openai_chat",
    "gpt-5.5": "openai_chat",
    "gpt-6-luna": "openai_chat",
    "gpt-6-sol": "anthropic_messages",
}
"""Further models, some under names that programs know, and what their vendor speaks."""
ACCOUNT = "engineering/agents"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"^export (\w+)=(?:\"([^\"]*)\"|(\S*))", re.MULTILINE)
_CHANNEL = """
  {dialect}:
    base_url: "{base_url}"
    dialect: {dialect}
    dialects: {{}}
"""
LOCAL_MODEL = "smollm2-135m-instruct"
_LOCAL = f"""
local:
  price_per_cpu_hour: 0.30 CNY
  models:
    {LOCAL_MODEL}: {{threads: 1, slots: 1}}
"""
POOR_KEY = "sk-of-one-who-may-spend-almost-nothing-0000000"
_KEYS = f"""
keys:
  poor: {{account: {ACCOUNT}, secret: {POOR_KEY}, limits: [{{money: 0.001 CNY, period: day}}]}}
"""
_OFFER = """
  - model: {model}
    channel: {dialect}
    context: 200000
    output_max: 64000
    features: [stream, tools, images, json_schema, json_mode]
    rates: {{input: 4 CNY/mtok, cache_read: 1 CNY/mtok, output: 16 CNY/mtok}}
"""


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page that are in a language."""
    text = (PAGES / f"{page}.md").read_text("utf-8")
    return [body for kind, body in _FENCE.findall(text) if kind == language]


def exports(page: str) -> dict[str, str]:
    """The variables that a page tells to export."""
    found = (_EXPORT.findall(block) for block in blocks(page, "sh"))
    return {name: quoted or bare for block in found for name, quoted, bare in block}


@dataclass
class Ran:
    """How a program ended."""

    code: int
    output: str
    errors: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its output as lines of JSON; what is none is left out."""
        found = (line for line in self.output.splitlines() if line.startswith("{"))
        return [json.loads(line) for line in found]


class Key(NamedTuple):
    """A key of one program."""

    id: str
    secret: str


class Place:
    """A steelyard that runs, its vendor, and a folder for programs."""

    def __init__(self, system: System, played: Vendor, folder: Path) -> None:
        self.system = system
        self.vendor = played
        self.folder = folder
        self.url = f"http://127.0.0.1:{system.port}"
        self._serial = itertools.count(1)

    def command(self, *arguments: str) -> Any:
        """What a command of steelyard prints as JSON."""
        ran = subprocess.run(
            [sys.executable, "-m", "steelyard", *arguments, "--json"],
            env={**os.environ, "STEELYARD_HOME": str(self.system.home),
                 "XDG_RUNTIME_DIR": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def key(self, name: str) -> Key:
        """A new key, as the pages tell how to make one."""
        # Names are unique within an account.
        made = self.command("key", "create", ACCOUNT, "--name", f"{name}-{next(self._serial)}")
        return Key(made["id"], made["secret"])

    def filled(self, text: str, key: Key, model: str = MODEL) -> str:
        """A text of a page with the address, the key and the model of this place."""
        text = text.replace(ADDRESS, self.url).replace(KEY, key.secret)
        return re.sub(rf"\b{MODEL}\b", model, text)

    def booked(self, key: Key, count: int, model: str = "") -> list[dict[str, Any]]:
        """The lines of a key, or of one model under it, as soon as so many are; oldest first."""
        found: list[dict[str, Any]] = []

        def are_there() -> bool:
            lines = self.command("ledger", "--lines", "--limit", "200")
            own = (line for line in lines[::-1] if line["key_id"] == key.id)
            found[:] = [line for line in own if not model or line["model"] == model]
            return len(found) >= count

        self.system.until(are_there, f"{count} lines of {key.id}")
        return found

    def all_was_booked(self, key: Key, asked: int, model: str = "") -> list[dict[str, Any]]:
        """Checks that as many calls were booked as the vendor got, each with its own usage."""
        lines = self.booked(key, asked, model)
        assert len(lines) == asked
        read, cached, said = USAGE
        for line in lines:
            assert (line["outcome"], line["usage_source"]) == ("completed", "reported"), line
            assert line["account_name"] == ACCOUNT
            counts = (line["input_tokens"], line["cache_read_tokens"], line["output_tokens"])
            assert counts == (read, cached, said)
            price = (read - cached) * 4 + cached * 1 + said * 16
            assert int(line["cost_pico"]) == price * 1_000_000
        return lines


@contextmanager
def running() -> Iterator[Place]:
    """A place that serves."""
    with vendor() as played, tempfile.TemporaryDirectory(prefix="sy-") as folder:
        channels = (_CHANNEL.format(dialect=d, base_url=played.base_url) for d in DIALECTS)
        models = {f"by-{d}": d for d in DIALECTS} | OTHERS
        offers = (_OFFER.format(model=model, dialect=d) for model, d in models.items())
        [shared] = blocks("README", "yaml")
        config = "workers: 1\nweigh_when_idle: false\n"
        config += (
            "channels:" + "".join(channels) + "offers:" + "".join(offers) + _LOCAL + _KEYS + shared
        )
        system = System(Path(folder), config, {})
        try:
            system.start(workers=1)
            system.until_up(workers=1)
            yield Place(system, played, Path(folder))
            assert system.stop() == 0, system.log.read_text()
        finally:
            system.close()


def run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], within_s: float = 240
) -> Ran:
    """Runs a program in a folder; of our environment it gets to see nothing but the path.

    ``within_s`` is generous: the first run compiles what it imports, and machines may be busy.
    """
    home = folder.parent / f"{folder.name}-home"
    home.mkdir(exist_ok=True)
    bare = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TERM": "dumb"}
    ran = subprocess.run(
        command,
        cwd=folder,
        env={**bare, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)
