"""Links: connections that are made again when they break, and what is known of their health."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from shared.bus import streams
from shared.bus.meters import BusMeters
from shared.bus.redis_connection import Command, CommandError, RedisConnection, RedisDown
from shared.clock import Clock

Dial = Callable[[], Awaitable[RedisConnection]]
"""Makes a connection to the right server. Raises RedisDown, CommandError."""


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


class Link(ABC):
    """What speaks to Redis for one part of a process: to one server, or to whichever of a Cluster has the keys."""

    @abstractmethod
    async def pipeline(self, commands: Sequence[Command], *, block_ms: int = 0) -> list[Any]:
        """Send all commands; return a reply for each, a CommandError in the place of one refused.

        `block_ms` is what the commands themselves may wait in the server. Raises RedisDown.
        """

    @abstractmethod
    async def in_turn(self, first: Sequence[Command], then: Sequence[Command]) -> list[Any]:
        """The replies to both; nothing of `then` takes effect unless `first` has been answered. Raises RedisDown."""

    @abstractmethod
    def lane(self, *keys: str) -> str:
        """A name for the servers that have these keys now: what has another name need not wait for them."""

    @abstractmethod
    async def unblock(self) -> None:
        """End a read that waits in the server, as if its time were over. Raises RedisDown, CommandError."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connections, if there are any."""

    async def command(self, *command: bytes | str | int, block_ms: int = 0) -> Any:
        """Send one command; raises RedisDown, CommandError."""
        (reply,) = await self.pipeline([command], block_ms=block_ms)
        if isinstance(reply, CommandError):
            raise reply
        return reply


@dataclass(eq=False, slots=True)
class _Asked:
    """One caller's commands, and what came of them."""

    commands: Sequence[Command]
    sent: bool = False
    replies: Sequence[Any] = ()
    failure: str = ""


class ServerLink(Link):
    """One connection that is made again when it breaks; one batch of commands at a time, in one write.

    What callers ask while a batch is on its way leaves together, with the next one: whoever's turn comes first sends
    for all of them. Where many share a link, that spares most of the round trips.
    """

    def __init__(self, dial: Dial, health: Health) -> None:
        """Connect with `dial` at the first command."""
        self._dial = dial
        self._connection: RedisConnection | None = None
        self._health = health
        self._lock = asyncio.Lock()
        self._waiting: list[_Asked] = []

    async def pipeline(self, commands: Sequence[Command], *, block_ms: int = 0) -> list[Any]:
        """See `Link`.

        A caller who is cancelled while its commands are on their way drops the connection: to the others of that batch
        it is an outage, and over with their next command.
        """
        if block_ms:
            async with self._lock:
                return await self._exchange(commands, block_ms)
        mine = _Asked(commands)
        self._waiting.append(mine)
        try:
            async with self._lock:
                while not mine.sent:
                    await self._send_waiting()
        finally:
            if not mine.sent:
                self._waiting.remove(mine)
        if mine.failure:
            raise RedisDown(mine.failure)
        return list(mine.replies)

    async def _send_waiting(self) -> None:
        """Send for those who have waited longest, about as many commands as a batch may have."""
        batch: list[_Asked] = []
        commands: list[Command] = []
        while self._waiting and len(commands) < streams.BATCH_MAX:
            one = self._waiting.pop(0)
            one.sent, one.failure = True, "the connection was closed"
            batch.append(one)
            commands += one.commands
        try:
            replies = iter(await self._exchange(commands, 0))
        except RedisDown as down:
            for one in batch:
                one.failure = str(down)
            return
        for one in batch:
            one.replies, one.failure = list(islice(replies, len(one.commands))), ""

    async def _exchange(self, commands: Sequence[Command], block_ms: int) -> list[Any]:
        """The replies to one batch; without them the connection goes: they would be taken for those of the next."""
        try:
            async with asyncio.timeout(streams.PATIENCE_S + block_ms / 1000):
                if self._connection is None:
                    self._connection = await self._dial()
                replies = await self._connection.exchange(commands)
        except BaseException as error:
            await self._drop()
            if not isinstance(error, RedisDown | TimeoutError):
                raise
            self._health.down()
            raise RedisDown(str(error) or "no answer in time") from None
        self._health.up()
        return replies

    async def in_turn(self, first: Sequence[Command], then: Sequence[Command]) -> list[Any]:
        """See `Link`: one server takes them in the order in which they were written."""
        return await self.pipeline([*first, *then])

    def lane(self, *_keys: str) -> str:
        """See `Link`."""
        return ""

    async def unblock(self) -> None:
        """See `Link`."""
        if self._connection is None:
            return
        waiting, other = self._connection.id, ServerLink(self._dial, self._health)
        try:
            await other.command("CLIENT", "UNBLOCK", waiting)
        finally:
            await other.close()

    async def close(self) -> None:
        """See `Link`."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(wait=False)
