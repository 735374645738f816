"""A consumer's recurring duties: renew what is in hand, measure the lag, sweep names that nobody uses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import Any

from shared.bus import streams
from shared.bus.meters import BusMeters
from shared.bus.redis_client import Command, CommandError, Link, RedisDown

log = logging.getLogger(__name__)


class Janitor:
    """Looks after one consumer and its group."""

    def __init__(self, link: Link, shard: str, consumer: str, meters: BusMeters, pace: streams.Pace) -> None:
        """Speak on `link`, shared with the answers."""
        self._link = link
        self._key = streams.requests(shard)
        self._service = shard.partition(":")[0]
        self._group = self._service
        self._consumer = consumer
        self._meters = meters
        self._pace = pace

    async def work_forever(self, in_hand: Collection[bytes]) -> None:
        """Do every duty at its time until cancelled; `in_hand` are the ids of the entries to renew."""
        turns_to_sweep = 0
        while True:
            await asyncio.sleep(self._pace.renew_s)
            try:
                await self._turn(list(in_hand))
                if turns_to_sweep == 0:
                    await self._sweep()
                    turns_to_sweep = int(self._pace.sweep_s / self._pace.renew_s)
                turns_to_sweep -= 1
            except (RedisDown, CommandError) as error:
                log.debug("a duty waits for its next turn", extra={"reason": str(error)})

    async def leave(self) -> None:
        """Leave the group, but never with anything pending: XGROUP DELCONSUMER would lose it."""
        try:
            pending = await self._link.command("XPENDING", self._key, self._group, "-", "+", 1, self._consumer)
            if not pending:
                await self._link.command("XGROUP", "DELCONSUMER", self._key, self._group, self._consumer)
        except (RedisDown, CommandError) as error:
            log.info("the consumer's name is left to be swept", extra={"reason": str(error)})

    async def _turn(self, in_hand: list[bytes]) -> None:
        commands: list[Command] = [("XINFO", "GROUPS", self._key), ("XLEN", self._key)]
        if in_hand:
            # JUSTID: renewing is no delivery, the count stays. Those acknowledged meanwhile are passed over.
            commands.append(("XCLAIM", self._key, self._group, self._consumer, 0, *in_hand, "JUSTID"))
        groups, length, *_ = await self._link.pipeline(commands)
        if isinstance(groups, CommandError) or isinstance(length, CommandError):
            return
        for group in map(_fields, groups):
            if group["name"] == self._group.encode():
                # null when something else than our acknowledged entries was deleted from the stream
                lag = group["lag"] if group["lag"] is not None else max(length - group["pending"], 0)
                self._meters.lag.labels(self._service).set(lag)
                self._meters.pending.labels(self._service).set(group["pending"])

    async def _sweep(self) -> None:
        for consumer in map(_fields, await self._link.command("XINFO", "CONSUMERS", self._key, self._group)):
            if consumer["pending"] == 0 and consumer["idle"] > streams.SWEEP_IDLE_MS:
                await self._link.command("XGROUP", "DELCONSUMER", self._key, self._group, consumer["name"])


def _fields(flat: list[Any]) -> dict[str, Any]:
    return {name.decode(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}
