"""Redis Cluster: every command goes to the server that has its key, and follows the key when that moves.

A pipeline is parted by server; the parts run side by side, each in its order. MOVED and ASK are followed here. When a
server is away the map is asked for again, and the caller, as with one server, waits a little and asks again: the
commands that others took meanwhile take effect twice then, which at-least-once allows.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from shared.bus import streams
from shared.bus.redis_connection import AskError, Command, CommandError, MovedError, RedisConnection, RedisDown
from shared.bus.redis_link import Health, Link, ServerLink
from shared.bus.redis_slots import Ownership, Unit, ownership, redirection, slot_of, units
from shared.settings import Endpoint

Open = Callable[[Endpoint], Awaitable[RedisConnection]]
"""Connects to one server. Raises RedisDown."""

MAX_REDIRECTIONS = 5
"""How often a command follows its key before the caller is told to wait: more is a map that does not settle."""

_ASKING: Command = ("ASKING",)


class SlotMap:
    """Who has which slot, learnt from the servers and shared by all links of a client."""

    def __init__(self, seeds: Iterable[Endpoint], open_: Open) -> None:
        """Ask the `seeds` first."""
        self._seeds = tuple(seeds)
        self.open = open_
        self._known = Ownership({}, frozenset())
        self._lock = asyncio.Lock()
        self.age = 0
        """Grows with each map: tells who failed on an old one that there is a newer."""

    def server(self, slot: int | None) -> Endpoint:
        """The master of a slot, of None any. Raises RedisDown when nobody has it."""
        masters = self._known.masters
        found = masters.get(slot) if slot is not None else next(iter(masters.values()), None)
        if found is None:
            raise RedisDown("no server of the Cluster has the key" if masters else "the Cluster is not known yet")
        return found

    @property
    def servers(self) -> frozenset[Endpoint]:
        """Everybody who is known."""
        return self._known.servers

    def moved(self, slot: int, to: Endpoint) -> None:
        """A server said that another one has the slot now."""
        self._known = Ownership({**self._known.masters, slot: to}, self._known.servers | {to})

    async def learn(self, age: int) -> None:
        """Ask for the map again, unless there is a newer one than that of `age`. Raises RedisDown."""
        async with self._lock:
            if self.age != age:
                return
            reason = "nobody was asked"
            for server in dict.fromkeys((*self._known.servers, *self._seeds)):
                try:
                    self._known = await self._ask(server)
                except (RedisDown, TimeoutError) as error:
                    reason = str(error) or "no answer in time"
                    continue
                self.age += 1
                return
        raise RedisDown(reason)

    async def _ask(self, server: Endpoint) -> Ownership:
        async with asyncio.timeout(streams.CONNECT_S):
            connection = await self.open(server)
            try:
                (answer,) = await connection.exchange([("CLUSTER", "SLOTS")])
            finally:
                await connection.close(wait=False)
        if isinstance(answer, CommandError):
            raise RedisDown(str(answer))
        known = ownership(answer, server)
        if not known.masters:
            raise RedisDown("a Cluster in which nobody has any slot")
        return known


class ClusterLink(Link):
    """A connection to each server of a Cluster that is needed, made at the first command for it."""

    def __init__(self, slots: SlotMap, health: Health) -> None:
        """Find servers in `slots`, which other links share."""
        self._slots = slots
        self._health = health
        self._links: dict[Endpoint, ServerLink] = {}
        self._last: ServerLink | None = None

    async def pipeline(self, commands: Sequence[Command], *, block_ms: int = 0) -> list[Any]:
        """See `Link`; the order holds among the commands of one slot."""
        replies: list[Any] = [None] * len(commands)
        left = list(units(commands))
        for _ in range(MAX_REDIRECTIONS):
            age = self._slots.age
            try:
                left = await self._send(left, replies, block_ms)
            except RedisDown:
                self._health.down()
                # this attempt is over, but the next one should find whoever took over
                await self._slots.learn(age)
                await self._forget_gone()
                raise
            if not left:
                return replies
        raise RedisDown("the key moves from server to server")

    async def in_turn(self, first: Sequence[Command], then: Sequence[Command]) -> list[Any]:
        """See `Link`: in one write only where all of it goes to one server."""
        try:
            servers = {self._slots.server(unit.slot) for unit in units([*first, *then])}
        except RedisDown:
            servers = set()
        if len(servers) == 1:
            return await self.pipeline([*first, *then])
        return [*await self.pipeline(first), *await self.pipeline(then)]

    def lane(self, *keys: str) -> str:
        """See `Link`."""
        try:
            return " ".join([str(self._slots.server(slot_of(key))) for key in keys])
        except RedisDown:
            return ""

    async def unblock(self) -> None:
        """See `Link`; for a link that reads from one server at a time."""
        if self._last is not None:
            await self._last.unblock()

    async def close(self) -> None:
        """See `Link`."""
        for link in self._links.values():
            await link.close()

    async def _send(self, left: list[Unit], replies: list[Any], block_ms: int) -> list[Unit]:
        """Send units to their servers; returns those whose key has moved, to be sent again."""
        by_server: defaultdict[Endpoint, list[Unit]] = defaultdict(list)
        for unit in left:
            by_server[self._slots.server(unit.slot)].append(unit)
        moved: list[Unit] = []
        sending = [self._send_to(server, part, replies, block_ms) for server, part in by_server.items()]
        if len(sending) == 1:
            return await sending[0]
        # every server is heard out: what one of them took must not be cut off because another is away
        for outcome in await asyncio.gather(*sending, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
            moved += outcome
        return moved

    async def _send_to(self, server: Endpoint, part: list[Unit], replies: list[Any], block_ms: int) -> list[Unit]:
        self._last = link = self._link(server)
        commands = [command for unit in part for command in unit.commands]
        answers = iter(await link.pipeline(commands, block_ms=block_ms))
        moved: list[Unit] = []
        for unit in part:
            got = [next(answers) for _ in unit.commands]
            if any(isinstance(reply, AskError) for reply in got):
                got = await self._ask(unit, got, server, block_ms)
            if any(isinstance(reply, MovedError) for reply in got):
                self._follow(got, server)
                moved.append(unit)
            for place, reply in zip(unit.places, got, strict=True):
                replies[place] = reply
        return moved

    async def _ask(self, unit: Unit, refused: list[Any], server: Endpoint, block_ms: int) -> list[Any]:
        """The replies of the server to which the unit's key is on its way.

        ASKING holds for the next command, which may be a whole transaction.
        """
        told = next(reply for reply in refused if isinstance(reply, AskError))
        _, where = redirection(str(told), server)
        answers = await self._link(where).pipeline([_ASKING, *unit.commands], block_ms=block_ms)
        return answers[1:]

    def _follow(self, refused: list[Any], server: Endpoint) -> None:
        for reply in refused:
            if isinstance(reply, MovedError):
                self._slots.moved(*redirection(str(reply), server))

    async def _forget_gone(self) -> None:
        for server in self._links.keys() - self._slots.servers:
            await self._links.pop(server).close()

    def _link(self, server: Endpoint) -> ServerLink:
        link = self._links.get(server)
        if link is None:
            link = self._links[server] = ServerLink(lambda: self._slots.open(server), self._health)
        return link
