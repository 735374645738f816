"""Where a consumer's answers go: reply first, then acknowledge and delete, a whole batch in one pipeline."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from shared.bus import streams
from shared.bus.intake import Delivery
from shared.bus.lanes import Lanes
from shared.bus.meters import DeadReason
from shared.bus.redis_client import Backoff, Command, CommandError, Link, RedisDown
from shared.bus.replies import FIELD
from shared.contracts.envelope import ReplyEnvelope, encode

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finished:
    """A request that needs no more work."""

    delivery: Delivery
    reply_to: str = ""
    """Empty when not even the envelope could be read."""
    reply: ReplyEnvelope | None = None
    dead: DeadReason | None = None


class Answers:
    """Gathers what is finished while the last batch is on its way, then sends it all at once."""

    def __init__(self, link: Link, group: str, release: Callable[[list[Finished]], None]) -> None:
        """Send on `link`; call `release` with what the server has acknowledged."""
        self._link = link
        self._group = group
        self._release = release
        self._lanes: Lanes[Finished] = Lanes(self._send)

    def add(self, finished: Finished) -> None:
        """Take an answer; it leaves with the next batch."""
        keys = (streams.requests(finished.delivery.shard), finished.reply_to)
        self._lanes.add(self._link.lane(*filter(None, keys)), finished)

    async def send_forever(self) -> None:
        """Send batches until cancelled; one whose receipt was lost is sent again."""
        await self._lanes.send_forever()

    async def _send(self, batch: list[Finished]) -> None:
        answers, acknowledgements = self._answers(batch), self._acknowledgements(batch)
        backoff = Backoff()
        while True:
            try:
                receipts = await self._link.in_turn(answers, acknowledgements)
            except RedisDown:
                await backoff.pause()
                continue
            for refused in (receipt for receipt in receipts if isinstance(receipt, CommandError)):
                log.error("an answer was refused", extra={"reason": str(refused)})
            self._release(batch)
            return

    def _answers(self, batch: list[Finished]) -> list[Command]:
        by_caller: defaultdict[str, list[ReplyEnvelope]] = defaultdict(list)
        for finished in batch:
            if finished.reply is not None:
                by_caller[finished.reply_to].append(finished.reply)
        # NOMKSTREAM: a caller that is gone must not come back as a stream without a TTL.
        commands: list[Command] = [
            ("XADD", caller, "NOMKSTREAM", "MAXLEN", "~", streams.REPLY_MAXLEN, "*", FIELD, encode(replies))
            for caller, replies in by_caller.items()
        ]
        return commands + [self._dead_letter(finished) for finished in batch if finished.dead]

    def _acknowledgements(self, batch: list[Finished]) -> list[Command]:
        by_shard: defaultdict[str, list[bytes]] = defaultdict(list)
        for finished in batch:
            by_shard[finished.delivery.shard].append(finished.delivery.entry_id)
        commands: list[Command] = []
        for shard, entry_ids in by_shard.items():
            key = streams.requests(shard)
            commands.append(("XACK", key, self._group, *entry_ids))
            commands.append(("XDEL", key, *entry_ids))
        return commands

    def _dead_letter(self, finished: Finished) -> Command:
        """Reason, deliveries, and the envelope as it came: sealed bodies stay sealed."""
        delivery, reason = finished.delivery, finished.dead or ""
        fields = ("reason", reason, "deliveries", delivery.deliveries, "envelope", delivery.envelope or b"")
        return ("XADD", streams.dead_letters(delivery.shard), "MAXLEN", "~", streams.DEAD_MAXLEN, "*", *fields)
