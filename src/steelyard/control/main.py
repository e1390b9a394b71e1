"""Entry of the control process; ``steelyard.console`` calls it with its pages."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvicorn
import uvloop
from starlette.routing import BaseRoute

from steelyard.control.app import make_app
from steelyard.control.control import Control
from steelyard.control.jobs import Jobs
from steelyard.control.places import Places
from steelyard.control.weighing.weighings import Weighings
from steelyard.domain.errors import SteelyardError
from steelyard.journal.process_log import log_to_stderr

log = logging.getLogger(__name__)

_DRAIN_S = 5
Pages = Callable[[Control], Sequence[BaseRoute]]


def main(argv: Sequence[str] | None = None, pages: Pages | None = None) -> int:
    """Runs control until SIGTERM; returns the exit code."""
    parser = argparse.ArgumentParser(prog="steelyard-control")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--runtime", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args(argv)
    log_to_stderr("%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("httpx", "alembic", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    os.umask(0o077)
    places = Places(arguments.home, arguments.runtime, arguments.port)
    places.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    places.runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        control = Control(places, os.environ)
        control.prepare()
    except SteelyardError as error:
        log.critical("control cannot start: %s", error.message)
        return 2
    uvloop.run(_run(control, pages(control) if pages is not None else ()))
    return 0


async def _run(control: Control, routes: Sequence[BaseRoute]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    weighings = Weighings(control, control.places.gateway_url)
    jobs = Jobs(control, weighings)
    app = make_app(control, routes)
    app.state.weighings = weighings
    app.state.drift = jobs.drift
    app.state.supplies = jobs.supplies
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_DRAIN_S,
        )
    )
    await control.links.open(control.places.link)
    listeners = [_listen(control.places.http), *_listen_admin(control)]
    serving = loop.create_task(server.serve(listeners))
    working = loop.create_task(jobs.run())
    stopping = loop.create_task(stop.wait())
    log.info("control serves on %s", control.places.http)
    await asyncio.wait({serving, working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await asyncio.wait({serving})
    working.cancel()
    stopping.cancel()
    await asyncio.wait({working, stopping})
    await weighings.close()
    await jobs.drift.close()
    await jobs.supplies.close()
    await control.links.close()
    await jobs.finish()
    control.close()
    for task in (serving, working):
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


class _Server(uvicorn.Server):
    """A server that leaves the signals to us: jobs end after it, in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(256)
    return listener


def _listen_admin(control: Control) -> list[socket.socket]:
    """The address of ``admin.listen``, if there is one; the admin token is asked for there, too.

    An address that cannot be had costs the remote administration, not the gateway.
    """
    wanted = control.config.admin.listen if control.config is not None else None
    if wanted is None:
        return []
    host, _, port = wanted.rpartition(":")
    try:
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        listener = socket.create_server((host.strip("[]"), int(port)), family=family)
    except OSError as error:
        log.error("admin.listen %s cannot be had: %s", wanted, error.strerror or error)
        return []
    log.info("administration on %s", wanted)
    return [listener]
