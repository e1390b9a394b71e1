"""The worker's side of each channel: its pool of connections and the fixed part of its requests.

Pools outlive snapshots: a channel whose address did not change keeps its warm connections when a
new snapshot comes. Credentials live here, in the head that is written to their vendor, and nowhere
else.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import quote

from steelyard.dialects.base import Dialect
from steelyard.domain.errors import ConfigError, UpstreamUnavailable
from steelyard.gateway.heads import request_head
from steelyard.gateway.relay import origin_of
from steelyard.gateway.snapshot import ChannelEntry, SpokenEntry
from steelyard.gateway.view import Candidate, View
from steelyard.wire.call import PoolLimits, Timeouts
from steelyard.wire.timers import TimerWheel
from steelyard.wire.upstream import Pool

_QUEUE_MAX = 4096


@dataclass(frozen=True, slots=True)
class Way:
    """How requests reach one channel."""

    pool: Pool
    head: bytes
    """Request line and fixed headers, up to where the attempt's own follow."""
    stream_timeouts: Timeouts
    plain_timeouts: Timeouts
    """Without streaming the first byte comes with the last: its time-out is the total one."""


class Channels:
    """All ways of this worker, made when a channel is first used."""

    def __init__(self, wheel: TimerWheel, loop: asyncio.AbstractEventLoop) -> None:
        self._wheel = wheel
        self._loop = loop
        self._pools: dict[tuple[str, str, str, int], Pool] = {}
        self._ways: dict[str, dict[str, Way]] = {}
        """By the dialect's name, then by the channel's, or by the offer's where paths differ."""
        self._ways_revision = -1
        self.base_urls: dict[str, str] = {}
        """Addresses of embedded engines, as control told them."""

    def way(self, candidate: Candidate, dialect: Dialect, view: View) -> Way:
        """The way of an offer's requests in a dialect.

        Raises:
            ConfigError: its address, a header or its credential cannot be used, or the channel
                does not speak the dialect.
            UpstreamUnavailable: its engine has no address yet.
        """
        if view.revision != self._ways_revision:
            self._ways.clear()
            self._ways_revision = view.revision
        ways = self._ways.get(dialect.name)
        if ways is None:
            ways = self._ways[dialect.name] = {}
        channel = candidate.channel
        # A path of its own may hold the model's name.
        place = candidate.name if channel.path else channel.name
        way = ways.get(place)
        if way is None:
            way = ways[place] = self._make(candidate, dialect, view)
        return way

    def told(self, base_urls: dict[str, str]) -> None:
        """Takes over the addresses of embedded engines."""
        self.base_urls = base_urls
        self._ways.clear()

    def forget(self) -> None:
        """Makes every way anew on next use: a snapshot or a credential has changed."""
        self._ways.clear()

    def close(self) -> None:
        """Closes all pools."""
        for pool in self._pools.values():
            pool.close()

    def _make(self, candidate: Candidate, dialect: Dialect, view: View) -> Way:
        channel = candidate.channel
        spoken = spoken_of(channel, dialect.name)
        base_url = self.base_urls.get(channel.name) or spoken.base_url
        if not base_url:
            raise UpstreamUnavailable(f"The engine of channel {channel.name} is not up yet.")
        connections = channel.concurrency or channel.connections_max
        place = (channel.name, base_url, channel.ca_file, connections)
        origin, host, prefix = origin_of(channel, base_url)
        pool = self._pools.get(place)
        if pool is None:
            limits = PoolLimits(
                connections_max=connections, idle_max=connections, queue_max=_QUEUE_MAX
            )
            pool = self._pools[place] = Pool(origin, limits, self._wheel, self._loop)
        model = quote(candidate.entry.upstream_model, safe="")
        target = prefix + (spoken.path or dialect.path).replace("{model}", model)
        if channel.query:
            target += f"?{channel.query}"
        headers = [*spoken.headers]
        secret = view.secrets.get(channel.credential, "") if channel.credential else ""
        if secret:
            headers.append((spoken.credential_header, spoken.credential_prefix + secret))
        total_s, idle_s = channel.timeout_total_s, channel.timeout_idle_s
        connect_s, first_byte_s = channel.timeout_connect_s, channel.timeout_first_byte_s
        return Way(
            pool,
            request_head(channel.name, target, host, headers),
            Timeouts(
                connect_s=connect_s, first_byte_s=first_byte_s, idle_s=idle_s, total_s=total_s
            ),
            Timeouts(connect_s=connect_s, first_byte_s=total_s, idle_s=idle_s, total_s=total_s),
        )


def spoken_of(channel: ChannelEntry, dialect: str) -> SpokenEntry:
    """Where and how a channel is spoken to in a dialect.

    Raises:
        ConfigError: it does not speak it.
    """
    if dialect == channel.dialect:
        return SpokenEntry(
            channel.base_url,
            channel.path,
            channel.credential_header,
            channel.credential_prefix,
            channel.headers,
        )
    spoken = channel.speaks.get(dialect)
    if spoken is None:
        raise ConfigError(f"channel {channel.name} does not speak {dialect}")
    return spoken
