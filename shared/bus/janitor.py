"""A consumer's recurring duties: a sign of life, renew what is in hand, measure, sweep names that nobody uses."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Collection
from dataclasses import dataclass
from typing import Any

from shared.bus import streams
from shared.bus.intake import Ref
from shared.bus.meters import BusMeters
from shared.bus.partitions import Partitions
from shared.bus.redis_client import Command, CommandError, Link, RedisDown

log = logging.getLogger(__name__)

_REMOVE = """
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 0 end
return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
"""
"""XGROUP DELCONSUMER loses what is pending, so nothing may become pending between looking and removing."""


@dataclass(slots=True)
class _Totals:
    """Of all shards of the service."""

    waiting: int = 0
    pending: int = 0


class Janitor:
    """Looks after one consumer and its group."""

    def __init__(self, link: Link, partitions: Partitions, meters: BusMeters, pace: streams.Pace) -> None:
        """Speak on `link`, shared with the answers."""
        self._link = link
        self._partitions = partitions
        self._group = partitions.service
        self._consumer = partitions.name
        self._meters = meters
        self._pace = pace

    async def arrive(self) -> None:
        """Make ourselves known before the first request is read; without Redis that waits for the first turn."""
        try:
            await self._partitions.sign_of_life(self._link)
        except (RedisDown, CommandError) as error:
            log.info("a first sign of life waits for its turn", extra={"reason": str(error)})

    async def work_forever(self, in_hand: Collection[Ref]) -> None:
        """Do every duty at its time until cancelled; `in_hand` are the entries to renew."""
        turns_to_sweep = 0
        while True:
            await asyncio.sleep(self._pace.renew_s)
            await self._attempt(self._partitions.sign_of_life(self._link))
            await self._turn(list(in_hand))
            if turns_to_sweep == 0:
                turns_to_sweep = int(self._pace.sweep_s / self._pace.renew_s)
                for shard in self._partitions.shards:
                    await self._attempt(self._sweep(shard))
            turns_to_sweep -= 1

    async def _attempt(self, duty: Awaitable[None]) -> None:
        """Do one duty, or leave it to its next turn: the others don't wait for it."""
        try:
            await duty
        except (RedisDown, CommandError) as error:
            log.debug("a duty waits for its next turn", extra={"reason": str(error)})

    async def hand_over(self) -> None:
        """Stop being somebody who reads: the others take over at once."""
        try:
            await self._partitions.leave(self._link)
        except (RedisDown, CommandError) as error:
            log.info("the others take over when our sign of life has grown old", extra={"reason": str(error)})

    async def leave(self) -> None:
        """Leave the group, but never with anything pending."""
        try:
            await self._link.pipeline([self._remove(shard, self._consumer) for shard in self._partitions.shards])
        except RedisDown as error:
            log.info("the consumer's name is left to be swept", extra={"reason": str(error)})

    async def _turn(self, in_hand: list[Ref]) -> None:
        """Renew and measure; shards of servers that are away hold up no others."""
        lanes: defaultdict[str, list[str]] = defaultdict(list)
        for shard in self._partitions.shards:
            lanes[self._link.lane(streams.requests(shard))].append(shard)
        totals = _Totals()
        async with asyncio.TaskGroup() as tasks:
            for shards in lanes.values():
                tasks.create_task(self._attempt(self._look_after(shards, in_hand, totals)))
        self._meters.lag.labels(self._group).set(totals.waiting)
        self._meters.pending.labels(self._group).set(totals.pending)
        self._meters.partitions.labels(self._group).set(len(self._partitions.reading))

    async def _look_after(self, shards: list[str], in_hand: list[Ref], totals: _Totals) -> None:
        commands: list[Command] = []
        for key in map(streams.requests, shards):
            commands += [("XINFO", "GROUPS", key), ("XLEN", key)]
        renewals = self._renewals([ref for ref in in_hand if ref[0] in shards])
        replies = await self._link.pipeline(commands + renewals)
        for shard, groups, length in zip(shards, replies[::2], replies[1::2], strict=False):
            if isinstance(groups, CommandError) or isinstance(length, CommandError):
                continue
            for group in map(_fields, groups):
                if group["name"] == self._group.encode():
                    # null when something else than our acknowledged entries was deleted from the stream
                    lag = group["lag"] if group["lag"] is not None else max(length - group["pending"], 0)
                    self._partitions.standstills.observe(shard, lag, group["last-delivered-id"])
                    totals.waiting += lag
                    totals.pending += group["pending"]

    def _renewals(self, in_hand: list[Ref]) -> list[Command]:
        """JUSTID: renewing is no delivery, the count stays. Those acknowledged meanwhile are passed over."""
        by_shard: defaultdict[str, list[bytes]] = defaultdict(list)
        for shard, entry_id in in_hand:
            by_shard[shard].append(entry_id)
        return [
            ("XCLAIM", streams.requests(shard), self._group, self._consumer, 0, *entry_ids, "JUSTID")
            for shard, entry_ids in by_shard.items()
        ]

    async def _sweep(self, shard: str) -> None:
        consumers = await self._link.command("XINFO", "CONSUMERS", streams.requests(shard), self._group)
        idle = [c for c in map(_fields, consumers) if c["pending"] == 0 and c["idle"] > streams.SWEEP_IDLE_MS]
        if idle:
            await self._link.pipeline([self._remove(shard, consumer["name"]) for consumer in idle])

    def _remove(self, shard: str, consumer: bytes | str) -> Command:
        return ("EVAL", _REMOVE, 1, streams.requests(shard), self._group, consumer)


def _fields(flat: list[Any]) -> dict[str, Any]:
    return {name.decode(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}
