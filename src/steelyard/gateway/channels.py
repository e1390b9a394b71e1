"""The worker's side of each channel: its pool of connections and the fixed part of its requests.

Pools outlive snapshots: a channel whose address did not change keeps its warm connections when a
new snapshot comes. Credentials live here, in the head that is written to their vendor, and nowhere
else.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from steelyard import __version__
from steelyard.domain.errors import UpstreamUnavailable
from steelyard.gateway.relay import origin_of
from steelyard.gateway.snapshot import ChannelEntry
from steelyard.gateway.view import View
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
        self._ways: dict[str, Way] = {}
        self._ways_revision = -1
        self.base_urls: dict[str, str] = {}
        """Addresses of embedded engines, as control told them."""

    def way(self, channel: ChannelEntry, path: str, view: View) -> Way:
        """The way to ``path`` on a channel.

        Raises:
            ConfigError: its address cannot be used.
            UpstreamUnavailable: its engine has no address yet.
        """
        if view.revision != self._ways_revision:
            self._ways.clear()
            self._ways_revision = view.revision
        way = self._ways.get(channel.name)
        if way is None:
            way = self._ways[channel.name] = self._make(channel, path, view)
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

    def _make(self, channel: ChannelEntry, path: str, view: View) -> Way:
        base_url = self.base_urls.get(channel.name) or channel.base_url
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
        lines = [
            f"POST {prefix}{path} HTTP/1.1",
            f"host: {host}",
            f"user-agent: steelyard/{__version__}",
            "content-type: application/json",
            "accept-encoding: identity",
        ]
        secret = view.secrets.get(channel.credential, "") if channel.credential else ""
        if secret:
            lines.append(f"authorization: Bearer {secret}")
        return Way(
            pool,
            ("\r\n".join(lines) + "\r\n").encode("latin-1"),
            Timeouts(
                connect_s=channel.timeout_connect_s,
                first_byte_s=channel.timeout_first_byte_s,
                idle_s=channel.timeout_idle_s,
                total_s=channel.timeout_total_s,
            ),
            Timeouts(
                connect_s=channel.timeout_connect_s,
                first_byte_s=channel.timeout_total_s,
                idle_s=channel.timeout_idle_s,
                total_s=channel.timeout_total_s,
            ),
        )
