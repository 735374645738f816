"""The way to Redis: links that heal, to whatever the settings name, and a greeting that says at once what is wrong."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from shared.bus import streams
from shared.bus.meters import BusMeters
from shared.bus.redis_cluster import ClusterLink, SlotMap
from shared.bus.redis_connection import (
    Command,
    CommandError,
    GroupExistsError,
    NoGroupError,
    NotPermittedError,
    RedisConnection,
    RedisDown,
)
from shared.bus.redis_link import Backoff, Health, Link, ServerLink
from shared.bus.redis_sentinel import Sentinels
from shared.bus.redis_settings import RedisSettings, Topology, parse_redis_url, redacted
from shared.clock import Clock
from shared.errors import ErrorCode, ScoutError
from shared.settings import Endpoint

__all__ = [
    "Backoff",
    "Command",
    "CommandError",
    "GroupExistsError",
    "Health",
    "Link",
    "NoGroupError",
    "NotPermittedError",
    "RedisClient",
    "RedisDown",
    "RedisSettings",
    "connect",
    "parse_redis_url",
    "redacted",
]

OLDEST = (7, 0)
"""Redis 6.2 answers XAUTOCLAIM with deleted entries as nulls, for ever; 7.0 and Valkey drop them."""


class RedisClient:
    """A server or a Cluster: a shared link for short commands, links of their own for who blocks or sends a lot."""

    def __init__(self, settings: RedisSettings, health: Health) -> None:
        """Use `connect` instead."""
        self._settings = settings
        self.health = health
        self._slots = SlotMap(settings.endpoints, self._open) if settings.topology is Topology.CLUSTER else None
        self._dial = Sentinels(settings).dial if settings.topology is Topology.SENTINEL else self._open
        self.shared = self.link()

    def link(self) -> Link:
        """A link of one's own; the caller closes it."""
        return ClusterLink(self._slots, self.health) if self._slots else ServerLink(self._dial, self.health)

    def together(self, shards: Sequence[str]) -> list[Sequence[str]]:
        """The shards whose streams one command can read: all, but in a Cluster each alone, for each has its slot."""
        return [(shard,) for shard in shards] if self._slots else [shards]

    async def greet(self) -> None:
        """Make sure of the server, or of the first of the Cluster. Raises RedisDown, CommandError, ScoutError."""
        if self._slots:
            await self._slots.learn(age=0)
        check_server(await self.shared.command("INFO", "server"), self._settings)

    async def _open(self, at: Endpoint | None = None) -> RedisConnection:
        settings = self._settings
        return await RedisConnection.open(settings, at or next(iter(settings.endpoints), None), db=settings.db)


@contextlib.asynccontextmanager
async def connect(at: RedisSettings | str, *, clock: Clock, meters: BusMeters) -> AsyncIterator[RedisClient]:
    """Connect to the server that the settings name; a URL stands for settings that say no more.

    Raises ScoutError `bus_unavailable` when nobody answers there, or a server that is too old, or one that does not
    trust us, or that we don't trust.
    """
    settings = parse_redis_url(at) if isinstance(at, str) else at
    client = RedisClient(settings, Health(clock, meters))
    try:
        await _greet(client, settings)
        meters.connected.set(1)
        yield client
    finally:
        await client.shared.close()


async def _greet(client: RedisClient, settings: RedisSettings) -> None:
    try:
        async with asyncio.timeout(streams.PATIENCE_S):
            await client.greet()
    except (RedisDown, CommandError, TimeoutError) as error:
        reason = str(error) or "no answer in time"
        raise ScoutError(ErrorCode.BUS_UNAVAILABLE, f"expected Redis at {settings}, got: {reason}") from None


def check_server(info: bytes, settings: RedisSettings | None = None) -> None:
    """Raise ScoutError `bus_unavailable` unless INFO is of Redis 7.0 or later, or of Valkey, in the expected mode."""
    fields = dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)
    version = fields.get("redis_version", "0.0")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST and "valkey_version" not in fields:
        raise ScoutError(ErrorCode.BUS_UNAVAILABLE, f"expected Redis 7.0 or later, or Valkey; got Redis {version}")
    mode = fields.get("redis_mode", fields.get("server_mode", "standalone"))
    wanted = "cluster" if settings and settings.topology is Topology.CLUSTER else "standalone"
    if settings is not None and mode != wanted:
        detail = f"expected {settings.topology.value} at {settings}, got a server in {mode} mode: see docs/redis.md"
        raise ScoutError(ErrorCode.BUS_UNAVAILABLE, detail)
