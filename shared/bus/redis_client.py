"""The only module that knows redis-py: connections that heal, commands in one write, replies in plain types.

redis-py gives the connection (URL, TLS, authentication, hiredis); its pipelines and clients are passed by, since one
reply costs them several times what it costs the server. It is asked for no retries and no read timeouts of its own
either: by default it waits 5 s and then tries ten times in silence, so that a longer BLOCK fails after a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, cast

import hiredis
from redis.asyncio.connection import AbstractConnection, ConnectionPool, parse_url
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.bus import streams
from shared.bus.meters import BusMeters
from shared.clock import Clock
from shared.errors import ErrorCode, ScoutError

Command = tuple[bytes | str | int, ...]

OLDEST = (7, 0)
"""Redis 6.2 answers XAUTOCLAIM with deleted entries as nulls, for ever; 7.0 and Valkey drop them."""

_SCHEMES = {"valkey": "redis", "valkeys": "rediss", "valkey+unix": "unix"}
_READ_BYTES = 1 << 18


class RedisDown(Exception):  # noqa: N818  # a state that passes, not a fault of the command
    """The server can't be reached, or went silent, or is still loading; whether the commands took effect is unknown."""


class CommandError(Exception):
    """The server refused a command."""


class NoGroupError(CommandError):
    """The stream or its consumer group is gone: the server lost its data."""


class GroupExistsError(CommandError):
    """Somebody else created the group first."""


_REFUSALS = {"NOGROUP": NoGroupError, "UNBLOCKED": NoGroupError, "BUSYGROUP": GroupExistsError}


class Health:
    """Whether the server answers, as seen by all links of one client."""

    def __init__(self, clock: Clock, meters: BusMeters) -> None:
        """Begin as connected."""
        self._clock = clock
        self._meters = meters
        self._down_since: float | None = None

    def up(self) -> None:
        """A command was answered."""
        if self._down_since is not None:
            self._down_since = None
            self._meters.connected.set(1)

    def down(self) -> None:
        """A command was not answered."""
        if self._down_since is None:
            self._down_since = self._clock.monotonic()
            self._meters.connected.set(0)

    @property
    def connected(self) -> bool:
        """Whether the last command was answered."""
        return self._down_since is None

    @property
    def ready(self) -> bool:
        """False only after a sustained outage: a short one is ridden out."""
        return self._down_since is None or self._clock.monotonic() - self._down_since < streams.OUTAGE_S


class Backoff:
    """Pauses that double, with full jitter, so that a fleet does not come back in step."""

    def __init__(self, entropy: random.Random | None = None) -> None:
        """Draw the jitter from `entropy`."""
        self._entropy = entropy or random.SystemRandom()
        self._longest = streams.BACKOFF_FIRST_S

    def reset(self) -> None:
        """It worked: the next pause is a short one again."""
        self._longest = streams.BACKOFF_FIRST_S

    async def pause(self) -> None:
        """Wait before the next attempt."""
        await asyncio.sleep(self._entropy.uniform(0, self._longest))
        self._longest = min(2 * self._longest, streams.BACKOFF_MAX_S)


class Link:
    """One connection that is made again when it breaks; one batch of commands at a time."""

    def __init__(self, make: Callable[[], AbstractConnection], health: Health) -> None:
        """Connect with `make` at the first command."""
        self._connection = make()
        self._health = health
        self._lock = asyncio.Lock()

    async def pipeline(self, commands: Sequence[Command], *, block_ms: int = 0) -> list[Any]:
        """Send all commands in one write; return a reply for each, a CommandError in the place of one refused.

        `block_ms` is what the commands themselves may wait in the server. Raises RedisDown.
        Cancelled, it drops the connection: replies nobody read would be taken for those of the next commands.
        """
        packed = b"".join([hiredis.pack_command(cast("tuple[Any]", command)) for command in commands])
        async with self._lock:
            try:
                async with asyncio.timeout(streams.PATIENCE_S + block_ms / 1000):
                    await self._connection.send_packed_command(packed)
                    replies = [await self._reply() for _ in commands]
            except (RedisConnectionError, RedisTimeoutError, TimeoutError, OSError) as error:
                self._health.down()
                await self._connection.disconnect(nowait=True)
                raise RedisDown(str(error) or "no answer in time") from None
        self._health.up()
        return replies

    async def command(self, *command: bytes | str | int, block_ms: int = 0) -> Any:
        """Send one command; raises RedisDown, CommandError."""
        (reply,) = await self.pipeline([command], block_ms=block_ms)
        if isinstance(reply, CommandError):
            raise reply
        return reply

    async def close(self) -> None:
        """Close the connection, if there is one."""
        await self._connection.disconnect()

    async def _reply(self) -> Any:
        try:
            # math.inf: no timeout of redis-py's own for each reply; the one above is for all of them
            return await self._connection.read_response(disable_decoding=True, timeout=math.inf)
        except ResponseError as error:
            return _refusal(error)


class RedisClient:
    """One server: a shared link for short commands, and links of their own for those who block or send a lot."""

    def __init__(self, pool: ConnectionPool, health: Health) -> None:
        """Use `connect` instead."""
        self._pool = pool
        self.health = health
        self.shared = self.link()

    def link(self) -> Link:
        """A connection of one's own; the caller closes it."""
        return Link(self._pool.make_connection, self.health)


@contextlib.asynccontextmanager
async def connect(url: str, *, clock: Clock, meters: BusMeters) -> AsyncIterator[RedisClient]:
    """Connect to the server at `url` (redis, rediss, unix, or the same with valkey).

    Raises ScoutError `bus_unavailable` when nobody answers there, or a server that is too old, or one that wants
    another password.
    """
    client = RedisClient(_pool(url), Health(clock, meters))
    try:
        await _greet(client, url)
        meters.connected.set(1)
        yield client
    finally:
        await client.shared.close()


async def _greet(client: RedisClient, url: str) -> None:
    try:
        check_server(await client.shared.command("INFO", "server"))
    except (RedisDown, CommandError) as error:
        raise ScoutError(ErrorCode.BUS_UNAVAILABLE, f"expected Redis at {redacted(url)}, got: {error}") from None


def check_server(info: bytes) -> None:
    """Raise ScoutError `bus_unavailable` unless INFO is that of Redis 7.0 or later, or of Valkey."""
    fields = dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)
    version = fields.get("redis_version", "0.0")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST and "valkey_version" not in fields:
        raise ScoutError(ErrorCode.BUS_UNAVAILABLE, f"expected Redis 7.0 or later, or Valkey; got Redis {version}")


def redacted(url: str) -> str:
    """The URL without user, password and options, for messages."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def redis_url(text: str) -> str:
    """Parse a setting: a URL that `connect` accepts; raises ValueError."""
    try:
        parse_url(_known_scheme(text))
    except ValueError:
        raise ValueError(f"a URL such as redis://host:6379/0, got {redacted(text)!r}") from None
    return text


def _pool(url: str) -> ConnectionPool:
    return ConnectionPool.from_url(
        _known_scheme(url),
        protocol=2,
        socket_timeout=None,
        socket_connect_timeout=streams.CONNECT_S,
        socket_read_size=_READ_BYTES,
        driver_info=None,
    )


def _known_scheme(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return _SCHEMES.get(scheme, scheme) + separator + rest


def _refusal(error: ResponseError) -> CommandError:
    """The one place that reads the server's words: their first is the only code that tells one refusal from another."""
    text = str(error)
    return _REFUSALS.get(text.partition(" ")[0], CommandError)(text)
