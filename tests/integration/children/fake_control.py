"""A control process that answers just enough for the supervisor's own tests."""

import argparse
import http.server
import json
import socketserver
from pathlib import Path


class Door(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer({"data": []} if self.path == "/api/verdicts" else {"status": "ok"})

    def do_POST(self) -> None:
        # Read to its end: who answers and closes before that breaks the caller's pipe.
        self.rfile.read(int(self.headers["content-length"] or 0))
        self._answer({"secret": "sk-made-by-fake-control", "revision": 2, "changes": []})

    def _answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass

    def address_string(self) -> str:
        return "unix"


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--home", "--runtime", "--port"):
        parser.add_argument(name)
    options = parser.parse_args()
    path = Path(options.runtime) / "control.http"
    path.unlink(missing_ok=True)
    (Path(options.runtime) / "engines.json").write_text('{"engines": []}')
    Server(str(path), Door).serve_forever()


if __name__ == "__main__":
    main()
