"""Where a consumer's requests come from: first what others abandoned, then what is new."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.bus import streams
from shared.bus.partitions import Partitions
from shared.bus.redis_client import Command, CommandError, GroupExistsError, Link, NoGroupError
from shared.clock import Clock

Fields = list[bytes]
Entry = tuple[bytes, Fields | None]
Ref = tuple[str, bytes]
"""Shard and entry id: ids are unique within one stream only."""

NEW = ">"
OWN = "0"
"""Instead of NEW, XREADGROUP answers with what this consumer was given before and has not acknowledged."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request as the server hands it out."""

    shard: str
    entry_id: bytes
    envelope: bytes | None
    """None when it was deleted from the stream while it was pending: its work is lost."""
    deliveries: int = 1
    """How often it was handed out, this time included: the server counts, so a process that dies can't forget."""
    claimed: bool = False
    """It was in somebody else's hands before."""

    @property
    def ref(self) -> Ref:
        """What tells it from all others of its service."""
        return self.shard, self.entry_id


class Intake:
    """Reads a service's request streams as one consumer of its group; heals the group where the server lost it.

    All its streams are asked for in one command, so they have to be in one slot or on one server: in a Redis Cluster
    a consumer has an intake for each shard.
    """

    def __init__(
        self, link: Link, partitions: Partitions, shards: Sequence[str], clock: Clock, pace: streams.Pace
    ) -> None:
        """Read `shards` on `link`, which may block, as far as they are ours; the group is named after the service."""
        self._pace = pace
        self._link = link
        self._partitions = partitions
        self._shards = tuple(shards)
        self._alone = len(shards) == len(partitions.shards)
        self._group = partitions.service
        self._shard_of = {streams.requests(shard).encode(): shard for shard in shards}
        self._consumer = partitions.name
        self._clock = clock
        self._prepared = False
        self._claim_due = float("-inf")
        self._busy: tuple[str, ...] = ()
        """Shards of which the last read gave as many as it was allowed to: there may be more."""
        self._first = 0

    def lost(self) -> None:
        """The connection broke: the server may have handed us requests that we never saw."""
        self._prepared = False

    @property
    def reading(self) -> tuple[str, ...]:
        """The shards to read now; none when the others own them all."""
        reading = self._partitions.reading
        return reading if self._alone else tuple(shard for shard in reading if shard in self._shards)

    @property
    def busy(self) -> bool:
        """The last read gave as much as it was allowed to."""
        return bool(self._busy)

    async def unblock(self) -> None:
        """End the read that waits in the server. Raises RedisDown, CommandError."""
        await self._link.unblock()

    async def take(self, room: int, in_hand: Collection[Ref]) -> list[Delivery]:
        """At most `room` requests, waiting a while for the first; none that is `in_hand` already.

        Raises RedisDown, CommandError.
        """
        try:
            if not self._prepared:
                return await self._prepare(room, in_hand)
            return await self._claim(room, in_hand) or await self._read(room)
        except NoGroupError:
            self._prepared = False
            return []

    async def _prepare(self, room: int, in_hand: Collection[Ref]) -> list[Delivery]:
        """Make the groups, and fetch what the server counts as ours and we don't: replies to a read that got lost."""
        for reply in await self._link.pipeline([self._create(shard) for shard in self._shards]):
            if isinstance(reply, CommandError) and not isinstance(reply, GroupExistsError):
                raise reply
        found = await self._xreadgroup(self._shards, room + len(in_hand), OWN)
        self._prepared = True
        return await self._with_deliveries(_unknown(found, in_hand), claimed=False)

    def _create(self, shard: str) -> Command:
        return ("XGROUP", "CREATE", streams.requests(shard), self._group, "0", "MKSTREAM")

    async def _claim(self, room: int, in_hand: Collection[Ref]) -> list[Delivery]:
        """Requests whose consumer has not renewed them for longer than the lease."""
        now = self._clock.monotonic()
        if now < self._claim_due:
            return []
        shards = self._turn(room)
        if not shards:
            return []
        share = room // len(shards)
        claims = await self._link.pipeline([self._autoclaim(shard, share) for shard in shards])
        found: dict[str, list[Entry]] = {}
        lost: list[Delivery] = []
        for shard, claim in zip(shards, claims, strict=True):
            if isinstance(claim, CommandError):
                raise claim
            _cursor, found[shard], deleted = claim
            lost += [Delivery(shard, entry_id, None) for entry_id in deleted]
        if all(len(entries) < share for entries in found.values()) and len(shards) == len(self.reading):
            self._claim_due = now + self._pace.claim_s
        return lost + await self._with_deliveries(_unknown(found, in_hand), claimed=True)

    def _autoclaim(self, shard: str, count: int) -> Command:
        key, idle_ms = streams.requests(shard), self._pace.lease_ms
        return ("XAUTOCLAIM", key, self._group, self._consumer, idle_ms, "0-0", "COUNT", count)

    async def _read(self, room: int) -> list[Delivery]:
        """What is new. COUNT holds for each stream, so every one gets its share of the room.

        When some had more than their share, a second read gives the whole room to those, and does not wait.
        """
        busy, self._busy = self._busy, ()
        if busy:
            found = await self._xreadgroup(busy, max(room // len(busy), 1), NEW)
        else:
            shards = self._turn(room)
            if not shards:
                return []
            share = room // len(shards)
            found = await self._xreadgroup(shards, share, NEW, "BLOCK", self._pace.block_ms)
            if len(shards) > 1 or not self._alone:
                self._busy = tuple(shard for shard, entries in found.items() if len(entries) == share)[:room]
        return [
            Delivery(shard, entry_id, _envelope(fields))
            for shard, entries in found.items()
            for entry_id, fields in entries
        ]

    def _turn(self, room: int) -> tuple[str, ...]:
        """The shards to read now: all of them, or with little room as many as it has places, each in its turn."""
        shards = self.reading
        if len(shards) <= room:
            return shards
        self._first = (self._first + room) % len(shards)
        return (*shards[self._first :], *shards[: self._first])[:room]

    async def _xreadgroup(
        self, shards: Sequence[str], count: int, start: str, *block: str | int
    ) -> dict[str, list[Entry]]:
        answer: Any = await self._link.command(
            "XREADGROUP",
            *("GROUP", self._group, self._consumer, "COUNT", count, *block, "STREAMS"),
            *(*map(streams.requests, shards), *([start] * len(shards))),
            block_ms=self._pace.block_ms,
        )
        return {self._shard_of[key]: entries for key, entries in answer or ()}

    async def _with_deliveries(self, found: dict[str, list[Entry]], *, claimed: bool) -> list[Delivery]:
        """How often each was handed out, asked of the server."""
        if not found:
            return []
        pending = await self._link.pipeline([self._xpending(shard, entries) for shard, entries in found.items()])
        deliveries = []
        for (shard, entries), rows in zip(found.items(), pending, strict=True):
            if isinstance(rows, CommandError):
                raise rows
            counts = {row[0]: row[3] for row in rows}
            deliveries += [
                Delivery(shard, entry_id, _envelope(fields), counts.get(entry_id, 1), claimed)
                for entry_id, fields in entries
            ]
        return deliveries

    def _xpending(self, shard: str, entries: list[Entry]) -> Command:
        first, last = entries[0][0], entries[-1][0]
        return ("XPENDING", streams.requests(shard), self._group, first, last, len(entries), self._consumer)


def _unknown(found: dict[str, list[Entry]], in_hand: Collection[Ref]) -> dict[str, list[Entry]]:
    """The entries that are not in hand already, of those shards that have any."""
    unknown: Iterable[tuple[str, list[Entry]]] = (
        (shard, [entry for entry in entries if (shard, entry[0]) not in in_hand]) for shard, entries in found.items()
    )
    return {shard: entries for shard, entries in unknown if entries}


def _envelope(fields: Fields | None) -> bytes | None:
    """The value of an entry's first field: whatever it is, if it is no envelope it won't be decoded."""
    return fields[1] if fields else None
