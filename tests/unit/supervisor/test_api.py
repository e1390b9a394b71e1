from __future__ import annotations

import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.domain.errors import StoreUnavailable
from steelyard.supervisor.api import Api, ApiError


class Door(http.server.BaseHTTPRequestHandler):
    seen: list[tuple[str, str, str | None, bytes]] = []
    answers: dict[str, tuple[int, object]] = {}

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.seen.append((self.command, self.path, self.headers.get("authorization"), body))
        status, value = self.answers.get(self.path.partition("?")[0], (200, {}))
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_DELETE = do_GET

    def log_message(self, *args: object) -> None:
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def door(tmp_path: Path) -> Iterator[type[Door]]:
    Door.seen, Door.answers = [], {}
    with Server(str(tmp_path / "control.http"), Door) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Door
        server.shutdown()
        thread.join()


@pytest.fixture
def api(tmp_path: Path) -> Api:
    (tmp_path / "admin.token").write_text("secret\n")
    return Api(tmp_path, tmp_path, timeout_s=5)


def test_no_token_goes_to_a_folder_that_another_laid_out(door: type[Door], tmp_path: Path) -> None:
    (tmp_path / "admin.token").write_text("secret\n")
    (tmp_path / "trap").symlink_to(tmp_path)
    with pytest.raises(StoreUnavailable, match="not a folder of this user"):
        Api(tmp_path, tmp_path / "trap", timeout_s=5).get("/api/keys")
    assert door.seen == []


def test_files_go_as_they_are(door: type[Door], api: Api) -> None:
    door.answers["/api/prices/import"] = (200, {"state": "taken"})
    assert api.upload("/api/prices/import", b"\xef\xbb\xbfa,b", name="a b") == {"state": "taken"}
    assert door.seen == [
        ("POST", "/api/prices/import?name=a+b", "Bearer secret", b"\xef\xbb\xbfa,b")
    ]


def test_calls_carry_the_token_of_the_state_folder(door: type[Door], api: Api) -> None:
    door.answers["/api/keys"] = (200, {"data": [1]})
    assert api.get("/api/keys", account="a b") == {"data": [1]}
    assert api.call("DELETE", "/api/keys/x") == {}
    assert door.seen[0][:3] == ("GET", "/api/keys?account=a+b", "Bearer secret")
    assert door.seen[1][:2] == ("DELETE", "/api/keys/x")


def test_refusal_becomes_one_error_with_its_code(door: type[Door], api: Api) -> None:
    door.answers["/api/keys"] = (400, {"error": {"message": "no account x", "code": "bad"}})
    with pytest.raises(ApiError, match="no account x") as caught:
        api.post("/api/keys", {"account": "x"})
    assert caught.value.code == "bad"
    assert json.loads(door.seen[0][3]) == {"account": "x"}


def test_answer_that_is_no_json_is_an_error_too(door: type[Door], api: Api) -> None:
    door.answers["/x"] = (502, b"<html>")
    with pytest.raises(ApiError, match="answered 502"):
        api.get("/x")


def test_nobody_there_is_told_with_what_to_do(api: Api, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="start one: steelyard serve"):
        api.get("/api/status")
    (tmp_path / "processes.json").write_text("{}")
    with pytest.raises(StoreUnavailable, match="try in a moment"):
        api.get("/api/status")
    assert not api.answers()


def test_applying_says_what_changed_or_why_not(door: type[Door], api: Api) -> None:
    door.answers["/api/config/apply"] = (200, {"revision": 4, "changes": ["offers changed"]})
    assert api.answers()
    assert api.apply() == ["applied, revision 4", "offers changed"]
    door.answers["/api/config/apply"] = (400, {"error": {"message": "line 3: unknown key"}})
    assert api.apply() == ["not applied, the old configuration holds: line 3: unknown key"]
