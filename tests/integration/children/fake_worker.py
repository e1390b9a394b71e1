"""A worker that answers with its incarnation and takes its time to drain if it is told to."""

import argparse
import os
import signal
import socket
import sys
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("home", "runtime", "incarnation", "worker", "workers", "fd", "drain-s"):
        parser.add_argument(f"--{name}")
    options = parser.parse_args()
    if os.environ.get("FAKE_WORKER_DIES"):
        sys.exit("ERROR no will to live")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    listener = socket.socket(fileno=int(options.fd))
    listener.setblocking(True)
    while True:
        client, _ = listener.accept()
        with client:
            asked = client.recv(65536)
            if b"/slow" in asked:
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
                Path(options.home, "slow").touch()
                time.sleep(0.3)
            body = options.incarnation.encode()
            head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            client.sendall(head.encode() + body)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


if __name__ == "__main__":
    main()
