"""Items of a weighing stay where they belong: no log, no figure, no other tenant sees a word."""

from __future__ import annotations

import http.server
import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from steelyard.supervisor.api import Api
from steelyard.testing.system import System

INPUT, REFERENCE, ANSWER = "kumquat-in-an-item", "kumquat-in-a-key", "kumquat-in-an-answer"
SECRET, OTHER = "sk-caller-of-the-tenant-1", "sk-caller-of-the-tenant-2"
CONFIG = """
weigh_when_idle: false
channels: {{shop: {{base_url: "{url}"}}}}
offers:
  - {{model: m, channel: shop, context: 4096, output_max: 64,
     rates: {{input: 1 CNY/mtok, output: 2 CNY/mtok}}}}
accounts: {{acme: , rival: }}
keys:
  caller: {{account: acme, secret: {secret}}}
  other: {{account: rival, secret: {other}}}
tasks:
  refused: {{set: refused.jsonl, floor: 0.5, grader: contains,
    form: {{id: plain, output_tokens_max: 8}}}}
  private: {{set: private.jsonl, floor: 0.5, form: {{id: plain, output_tokens_max: 8}},
    grader: {{name: python_function, function: "{grader}:grade"}}}}
"""
GRADER = """
def grade(answer, item):
    if item["id"].endswith("8"):
        raise ValueError(f"cannot grade {answer} of {item}")
    return answer == item["reference"], f"{answer} is not {item['reference']}"
"""
ITEMS = 24
PAGES = ("/", "/healthz", "/readyz", "/metrics", "/v1/models")


class Vendor(http.server.BaseHTTPRequestHandler):
    """Quotes what it was asked in its errors, as vendors do."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        number = int(json.loads(body)["messages"][-1]["content"].rpartition(" ")[2])
        if number % 3 == 0:
            message = {"role": "assistant", "content": ANSWER}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
            self._say(200, {"model": "m", "choices": [choice], "usage": usage})
        else:
            error = {"message": f"I do not take this: {body}", "type": "invalid_request_error"}
            self._say(400 if number % 3 == 1 else 500, {"error": error})

    def _say(self, status: int, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def weighed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A steelyard that has weighed the task, with answers, refusals and a grader that raises."""
    folder: Path = tmp_path_factory.mktemp("s")
    (folder / "own.py").write_text(GRADER)
    vendor = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    thread = threading.Thread(target=vendor.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{vendor.server_port}/v1"
    named = {"url": url, "secret": SECRET, "other": OTHER, "grader": folder / "own.py"}
    system = System(folder, CONFIG.format(**named), {})
    rows = [{"id": f"i{n}", "input": f"{INPUT} {n}", "reference": REFERENCE} for n in range(ITEMS)]
    for name, begin, step in (("private", 0, 1), ("refused", 1, 3)):
        lines = (json.dumps(row) + "\n" for row in rows[begin::step])
        (system.home / f"{name}.jsonl").write_text("".join(lines))
    try:
        system.start(workers=1)
        system.until_up(workers=1)
        api = Api(system.home, system.runtime)
        for task in ("private", "refused"):
            (number,) = api.post("/api/weighings", {"task": task})["weighings"]
            system.until(lambda: _row(api, number)["ended_at"] is not None, "a weighing's end")  # noqa: B023
        yield system
    finally:
        system.close()
        vendor.shutdown()
        thread.join()
        vendor.server_close()


def _row(api: Api, number: int) -> dict[str, Any]:
    rows = api.get("/api/weighings")["data"]
    return dict(next(row for row in rows if row["weighing_number"] == number))


def _holds(content: bytes) -> list[str]:
    return [word for word in (INPUT, REFERENCE, ANSWER) if word.encode() in content]


def test_items_were_asked_and_graded_and_lie_in_files_of_their_owner(weighed: System) -> None:
    files = [path for path in (weighed.home / "weighings").rglob("*.jsonl") if path.is_file()]
    held = b"".join(path.read_bytes() for path in files)
    assert ANSWER.encode() in held, "else nothing here shows anything"
    assert "cannot grade" in held.decode()
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE((weighed.home / "weighings").stat().st_mode) == 0o700


def test_no_log_journal_ledger_or_database_has_a_word_of_them(weighed: System) -> None:
    assert _holds(weighed.log.read_bytes()) == []
    for path in weighed.home.rglob("*"):
        if path.is_file() and "weighings" not in path.parts and path.suffix != ".jsonl":
            assert _holds(path.read_bytes()) == [], path
    api = Api(weighed.home, weighed.runtime)
    details = {row["task"]: row["detail"] for row in api.get("/api/weighings")["data"]}
    assert details["refused"] == "5 items in a row failed: rejected_by_vendor"

    def are_booked() -> bool:
        statuses = {row["status"] for row in api.get("/api/ledger/lines", limit="100")["data"]}
        return {200, 400, 500} <= statuses

    weighed.until(are_booked, "calls of every ending to be booked")
    assert _holds(json.dumps(api.get("/api/ledger/lines", limit="100")).encode()) == []


def test_no_tenant_sees_a_word_of_them(weighed: System) -> None:
    address = f"http://127.0.0.1:{weighed.port}"
    for secret in (SECRET, OTHER, ""):
        headers = {"authorization": f"Bearer {secret}"} if secret else {}
        with httpx.Client(base_url=address, headers=headers, trust_env=False) as client:
            body = {"model": "task:private", "messages": [{"role": "user", "content": "?"}]}
            answers = [client.get(page) for page in PAGES]
            answers.append(client.post("/v1/chat/completions", json=body))
            for path in ("/api/weighings", "/api/verdicts", "/api/cases/private", "/api/tasks"):
                answers.append(client.get(path))
                assert answers[-1].status_code in (401, 403, 404), path
        for answer in answers:
            assert _holds(answer.content) == [], answer.url
