"""Where a consumer's requests come from: first what others abandoned, then what is new."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from shared.bus import streams
from shared.bus.redis_client import CommandError, GroupExistsError, Link, NoGroupError
from shared.clock import Clock

Fields = list[bytes]
Entry = tuple[bytes, Fields | None]

NEW = ">"
OWN = "0"
"""Instead of NEW, XREADGROUP answers with what this consumer was given before and has not acknowledged."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request as the server hands it out."""

    entry_id: bytes
    envelope: bytes | None
    """None when it was deleted from the stream while it was pending: its work is lost."""
    deliveries: int = 1
    """How often it was handed out, this time included: the server counts, so a process that dies can't forget."""
    claimed: bool = False
    """It was in somebody else's hands before."""


class Intake:
    """Reads one request stream as one consumer of its group; heals the group when the server lost it."""

    def __init__(self, link: Link, shard: str, consumer: str, clock: Clock, pace: streams.Pace) -> None:
        """Read on `link`, which may block; the group is named after the service."""
        self._pace = pace
        self._link = link
        self._key = streams.requests(shard)
        self._group = shard.partition(":")[0]
        self._consumer = consumer
        self._clock = clock
        self._prepared = False
        self._claim_due = float("-inf")
        self.connection_id = 0
        """The server's name for the connection that reads; what CLIENT UNBLOCK wants."""

    def lost(self) -> None:
        """The connection broke: the server may have handed us requests that we never saw."""
        self._prepared = False

    async def take(self, room: int, in_hand: Collection[bytes]) -> list[Delivery]:
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

    async def _prepare(self, room: int, in_hand: Collection[bytes]) -> list[Delivery]:
        """Make the group, and fetch what the server counts as ours and we don't: replies to a read that got lost."""
        self.connection_id, created = await self._link.pipeline(
            [("CLIENT", "ID"), ("XGROUP", "CREATE", self._key, self._group, "0", "MKSTREAM")]
        )
        if isinstance(created, CommandError) and not isinstance(created, GroupExistsError):
            raise created
        entries = await self._xreadgroup(room + len(in_hand), OWN)
        self._prepared = True
        return await self._with_deliveries([entry for entry in entries if entry[0] not in in_hand], claimed=False)

    async def _claim(self, room: int, in_hand: Collection[bytes]) -> list[Delivery]:
        """Requests whose consumer has not renewed them for longer than the lease."""
        now = self._clock.monotonic()
        if now < self._claim_due:
            return []
        _cursor, entries, deleted = await self._link.command(
            "XAUTOCLAIM", self._key, self._group, self._consumer, self._pace.lease_ms, "0-0", "COUNT", room
        )
        if len(entries) < room:
            self._claim_due = now + self._pace.claim_s
        lost = [Delivery(entry_id, None) for entry_id in deleted]
        held = await self._with_deliveries([entry for entry in entries if entry[0] not in in_hand], claimed=True)
        return lost + held

    async def _read(self, room: int) -> list[Delivery]:
        return [
            Delivery(entry_id, _envelope(fields))
            for entry_id, fields in await self._xreadgroup(room, NEW, "BLOCK", self._pace.block_ms)
        ]

    async def _xreadgroup(self, room: int, start: str, *block: str | int) -> list[Entry]:
        answer: Any = await self._link.command(
            "XREADGROUP",
            *("GROUP", self._group, self._consumer, "COUNT", room, *block, "STREAMS", self._key, start),
            block_ms=self._pace.block_ms,
        )
        return answer[0][1] if answer else []

    async def _with_deliveries(self, entries: list[Entry], *, claimed: bool) -> list[Delivery]:
        if not entries:
            return []
        pending = await self._link.command(
            "XPENDING", self._key, self._group, entries[0][0], entries[-1][0], len(entries), self._consumer
        )
        counts = {row[0]: row[3] for row in pending}
        return [Delivery(entry_id, _envelope(fields), counts.get(entry_id, 1), claimed) for entry_id, fields in entries]


def _envelope(fields: Fields | None) -> bytes | None:
    """The value of an entry's first field: whatever it is, if it is no envelope it won't be decoded."""
    return fields[1] if fields else None
