"""The way to Redis: links that heal to one server, and the greeting that says at once what is wrong with it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from shared.bus.meters import BusMeters
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
from shared.bus.redis_settings import RedisSettings, parse_redis_url, redacted
from shared.clock import Clock
from shared.errors import ErrorCode, ScoutError

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
    """One server: a shared link for short commands, and links of their own for those who block or send a lot."""

    def __init__(self, settings: RedisSettings, health: Health) -> None:
        """Use `connect` instead."""
        self._settings = settings
        self.health = health
        self.shared = self.link()

    def link(self) -> Link:
        """A link of one's own; the caller closes it."""
        return ServerLink(self._dial, self.health)

    async def _dial(self) -> RedisConnection:
        settings = self._settings
        return await RedisConnection.open(settings, next(iter(settings.endpoints), None), db=settings.db)


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
        check_server(await client.shared.command("INFO", "server"))
    except (RedisDown, CommandError) as error:
        raise ScoutError(ErrorCode.BUS_UNAVAILABLE, f"expected Redis at {settings}, got: {error}") from None


def check_server(info: bytes) -> None:
    """Raise ScoutError `bus_unavailable` unless INFO is that of Redis 7.0 or later, or of Valkey."""
    fields = dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)
    version = fields.get("redis_version", "0.0")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST and "valkey_version" not in fields:
        raise ScoutError(ErrorCode.BUS_UNAVAILABLE, f"expected Redis 7.0 or later, or Valkey; got Redis {version}")
