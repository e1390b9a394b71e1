"""The control plane as one object: database, configuration, links and publisher, joined.

The composition root of the control process: ``main`` makes one and runs its ``jobs``; API and
console ask it. Nothing here serves a call; workers go on without it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from steelyard.config.load import InvalidConfig
from steelyard.config.model import Config
from steelyard.config.presets import default_text
from steelyard.config.weighing import Captures as CaptureRules
from steelyard.control.captures.captures import Captures
from steelyard.control.configuration import resolve
from steelyard.control.configuration.apply import apply
from steelyard.control.engines import Engines
from steelyard.control.orders import Orders
from steelyard.control.places import Places
from steelyard.control.prices import exchange
from steelyard.control.prices import lists as price_lists
from steelyard.control.secret import ensure_token, put_only_key
from steelyard.control.snapshot.compile import currencies
from steelyard.control.snapshot.publish import Publisher
from steelyard.control.workers.desk import LeaseDesk
from steelyard.control.workers.link import LinkServer, WorkerLink
from steelyard.domain.accounts import hash_secret
from steelyard.domain.errors import (
    AccessError,
    ConfigError,
    RequestError,
    SteelyardError,
    StoreError,
)
from steelyard.gateway import snapshot
from steelyard.store import accounts, keys, limits, proofs, revisions, settings
from steelyard.store.database import Database
from steelyard.store.migrate import upgrade

log = logging.getLogger(__name__)

DEMO = "demo"


class Control:
    """Everything the control process holds."""

    def __init__(self, places: Places, environment: Mapping[str, str]) -> None:
        self.places = places
        self.database = Database(places.database)
        self.links = LinkServer(self._on_frame, self._greet)
        self.desk = LeaseDesk(self.database, lambda: self.links.links)
        self.engines = Engines(places)
        self.publisher = Publisher(places, self.database, self.links, self._all_secrets)
        self.admin_token = ""
        self.config: Config | None = None
        """The configuration that holds; None until one could be read since the start."""
        self.config_problem = ""
        """What is wrong with the file, if the one on disk is not the one that holds."""
        self.ledger_problem = ""
        """Why the ledger is behind; empty when it is not."""
        self.started_at_ns = time.time_ns()
        self.on_busy: list[asyncio.Event] = []
        """Set when a worker says that a foreground call came while background work runs."""
        self.environment = environment
        self._secrets: dict[str, str] = {}
        self._orders_key = ""
        self.orders = Orders(self.database)
        self.captures = Captures(places.home / "captures", self._capture_rules, self._account_paths)
        self._reading = asyncio.Lock()
        self._n_background = 0

    def prepare(self) -> None:
        """Brings up database, configuration and snapshot; blocks, before anything is served.

        Raises:
            StoreError: the database cannot be used.
        """
        upgrade(self.database)
        # Before the first snapshot, since offers take their prices from it.
        price_lists.seed(self.database, self.started_at_ns, price_lists.FIRST)
        with self.database.write() as connection:
            proofs.stop_running(connection, self.started_at_ns, "control ended before it did")
        self.admin_token = ensure_token(self.places.admin_token)
        self._orders_key = ensure_token(self.places.orders_key)
        self._secrets = snapshot.load_secrets(self.places.snapshot)
        if not self.places.config.exists():
            self.places.config.write_text(default_text(), "utf-8")
        try:
            self._read_config()
        except ConfigError as error:
            self._refuse_config(error)
            with self.database.read() as connection:
                self.engines.wish(settings.get(connection, "engines", []))
        self.engines.look()
        self.publisher.prepare()

    async def read_config(self) -> list[str]:
        """Reads and applies the file again; returns what changed.

        Raises:
            ConfigError: the file has mistakes; the old state holds.
            StoreError: the database cannot be written; the old state holds.
        """
        async with self._reading:
            began_ns = time.time_ns()
            before = await self.read(limits.of_accounts)
            try:
                changes = await asyncio.to_thread(self._read_config)
            except (ConfigError, StoreError) as error:
                self._refuse_config(error)
                raise
            after = await self.read(limits.of_accounts)
            revoked = await self.read(lambda c: keys.revoked_since(c, began_ns))
        if changes:
            log.info("steelyard.yaml applied: %s", ", ".join(changes))
        if revoked:
            self.publisher.revoke(revoked)
        for scope in after:
            if after[scope] != before.get(scope):
                self.links.broadcast("trim", scope)
        self.publisher.core.want()
        self.publisher.keys.want()
        self.tell_engines()
        return changes

    async def write(self, actor: str, reason: str, work: Any) -> Any:
        """Runs ``work(connection, change)`` in a write transaction off the loop; its result."""

        def run() -> Any:
            with self.database.write() as connection:
                change = revisions.begin(connection, time.time_ns(), actor, reason)
                return work(connection, change)

        return await asyncio.to_thread(run)

    async def read(self, work: Any) -> Any:
        """Runs ``work(connection)`` on one state of the database, off the loop; its result."""

        def run() -> Any:
            with self.database.read() as connection:
                return work(connection)

        return await asyncio.to_thread(run)

    def tell_engines(self) -> None:
        """Tells all workers where engines listen and which channels are not up."""
        self.links.broadcast("base_urls", self.engines.base_urls())
        self.links.broadcast("channels", self.engines.channel_states())

    def set_background(self, is_running: bool) -> None:
        """Tells all workers whether background work runs, so that they say ``busy``.

        Several may run at a time: each says when it begins and when it has ended.
        """
        self._n_background += 1 if is_running else -1
        self.links.broadcast("background", self._n_background > 0)

    def refresh_exchange(self) -> bool:
        """Adds the newest exchange rates for the pairs in use; True when there were new ones."""
        if self.config is None:
            return False
        now_ns = time.time_ns()
        with self.database.read() as connection:
            used = currencies(connection)
        pairs = [(base, quote) for base in used for quote in used if base != quote]
        try:
            return exchange.refresh(self.database, self.config.exchange_rates, pairs, now_ns)
        except ConfigError as error:
            log.error("exchange rates: %s", error.message)
            return False

    def close(self) -> None:
        """Closes the database."""
        self.database.close()

    def _read_config(self) -> list[str]:
        config = resolve.load_config(self.places.config, self.environment)
        try:
            changes = apply(self.database, config, time.time_ns())
        except (RequestError, AccessError) as error:
            # What the store refuses is the file's mistake: it must not keep control from starting.
            raise ConfigError(error.message) from error
        self.config, self.config_problem = config, ""
        self._secrets = resolve.secrets(config)
        self.engines.wish(resolve.engines(config))
        if config.demo_key:
            self._adopt_demo_key()
        self.refresh_exchange()
        return changes

    def _refuse_config(self, error: SteelyardError) -> None:
        if self.config_problem != error.message:
            # One line, since the supervisor shows only lines marked as errors; how many first,
            # since it shows only the beginning of a long one.
            n = len(error.findings) if isinstance(error, InvalidConfig) else 1
            told = "; ".join(error.message.splitlines())
            count = f"{n} mistakes: " if n > 1 else ""
            log.error("steelyard.yaml not applied, the old state holds: %s%s", count, told)
        self.config_problem = error.message

    def _adopt_demo_key(self) -> None:
        """Makes the key in demo.key hold again after the database was lost."""
        try:
            secret = self.places.demo_key.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return
        if not secret:
            return
        secret_hash = hash_secret(secret.encode())
        with self.database.read() as connection:
            if keys.find(connection, secret_hash=secret_hash):
                return
        with self.database.write() as connection:
            change = revisions.begin(connection, time.time_ns(), "demo", "demo.key adopted")
            put_only_key(connection, change, DEMO, secret)

    def _all_secrets(self) -> dict[str, str]:
        return {**self._secrets, **self.engines.keys(), snapshot.ORDERS_KEY: self._orders_key}

    def _greet(self, link: WorkerLink) -> None:
        link.send("base_urls", self.engines.base_urls())
        link.send("channels", self.engines.channel_states())
        link.send("background", self._n_background > 0)
        if link.revision < self.publisher.revision:
            link.send("snapshot", self.publisher.revision)

    def _capture_rules(self) -> CaptureRules:
        return (self.config or Config()).weighing.captures

    def _account_paths(self) -> Mapping[str, str]:
        with self.database.read() as connection:
            tree = accounts.tree(connection)
            return {account_id: tree.path(account_id) for account_id in tree.by_id}

    def _on_frame(self, link: WorkerLink, kind: str, fields: list[Any]) -> None:
        if kind in ("lease", "shrink"):
            self.desk.take(link, kind, fields)
        elif kind == "order":
            self.orders.told(fields, time.time_ns())
        elif kind == "captured":
            self.captures.take(fields, time.time_ns())
        elif kind == "busy":
            for event in self.on_busy:
                event.set()
        else:
            log.warning("worker %d sent a frame %r of a later version", link.worker, kind[:32])
