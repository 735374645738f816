"""Who reads which shards of a service: every replica works it out for itself, from who is alive.

Replicas give signs of life in one sorted set, by the server's clock. Each shard belongs to the member with the highest
hash of shard and member (rendezvous hashing): when one comes or goes, only its own shards move. Two replicas that see
the members differently for a second both read a shard, which is harmless; a shard that nobody reads, because its owner
is alive but stuck or full, is read by the others as well after a grace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from shared.bus import streams
from shared.bus.redis_client import Link
from shared.clock import Clock

_SIGN_OF_LIFE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ttl = tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], string.format('%d', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now - ttl))
redis.call('PEXPIRE', KEYS[1], ttl)
return redis.call('ZRANGE', KEYS[1], 0, -1)
"""


@dataclass(slots=True)
class _Queue:
    """A shard on which requests wait."""

    delivered: bytes
    """The last entry that anybody was given."""
    since: float
    """When that was first seen, monotonic seconds."""


class Standstills:
    """Tells shards that nobody reads from those that are only busy."""

    def __init__(self, clock: Clock, grace_s: float) -> None:
        """A shard is neglected when nobody has been given anything of it for `grace_s` while requests waited."""
        self.neglected: frozenset[str] = frozenset()
        """Until nothing waits there any more."""
        self._clock = clock
        self._grace_s = grace_s
        self._queues: dict[str, _Queue] = {}

    def observe(self, shard: str, lag: int, delivered: bytes) -> None:
        """Take in how a shard is: requests that wait, and the id of the last one that anybody was given."""
        if lag == 0:
            self._queues.pop(shard, None)
            self.neglected -= {shard}
            return
        now = self._clock.monotonic()
        queue = self._queues.get(shard)
        if queue is None or queue.delivered != delivered:
            self._queues[shard] = _Queue(delivered, now)
        elif now - queue.since >= self._grace_s:
            self.neglected |= {shard}


class Partitions:
    """The shards of one service, as one replica reads them."""

    def __init__(self, service: str, name: str, clock: Clock, pace: streams.Pace) -> None:
        """`name` is the replica's, as a consumer; until it hears of others it reads everything."""
        self.service = service
        self.shards = streams.shards(service)
        self.name = name
        self.standstills = Standstills(clock, pace.grace_s)
        self._pace = pace
        self._owned: tuple[str, ...] = self.shards
        self._leaving = False

    @property
    def reading(self) -> tuple[str, ...]:
        """The shards to read new requests from: our own, and those that their owner neglects."""
        return self._owned + tuple(self.standstills.neglected.difference(self._owned))

    async def sign_of_life(self, link: Link) -> None:
        """Say that we are alive, and learn who else is. Raises RedisDown, CommandError."""
        if len(self.shards) == 1 or self._leaving:
            return
        key, ttl = streams.members(self.service), self._pace.member_ttl_ms
        members = await link.command("EVAL", _SIGN_OF_LIFE, 1, key, self.name, ttl)
        self._owned = owned(self.shards, [member.decode() for member in members], self.name)

    async def leave(self, link: Link) -> None:
        """Let the others take over at once. Raises RedisDown, CommandError."""
        self._leaving = True
        if len(self.shards) > 1:
            await link.command("ZREM", streams.members(self.service), self.name)


def owned(shards: Collection[str], members: Collection[str], name: str) -> tuple[str, ...]:
    """The shards that the member `name` owns."""
    return tuple(shard for shard in shards if max({*members, name}, key=lambda member: _weight(shard, member)) == name)


def _weight(shard: str, member: str) -> tuple[bytes, str]:
    return hashlib.blake2b(f"{shard}\0{member}".encode(), digest_size=8).digest(), member
