"""`ports.DeadLetters` on Redis: a look at the streams of what was given up. Bodies are not even decoded."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from shared.bus import streams
from shared.bus.asking import ask_all
from shared.bus.ports import DeadLetter
from shared.bus.redis_client import Command, RedisClient
from shared.clock import Clock
from shared.contracts.envelope import DecodeError, Envelope, decode

TEXT_MAX = 64
"""Characters shown of what a caller wrote: more than any operation's name or request id has."""


class RedisDeadLetters:
    """Implements `ports.DeadLetters`."""

    def __init__(self, redis: RedisClient, services: Collection[str], clock: Clock) -> None:
        """Look at the streams of `services`, as they are called on the bus; tell ages by the wall clock."""
        self._link = redis.shared
        self._clock = clock
        self._shards = [shard for service in services for shard in streams.shards(service)]

    async def counts(self) -> dict[str, int]:
        """See `ports.DeadLetters`."""
        lengths = await ask_all(self._link, [("XLEN", streams.dead_letters(shard)) for shard in self._shards])
        return dict(zip(self._shards, lengths, strict=True))

    async def latest(self, limit: int) -> list[DeadLetter]:
        """See `ports.DeadLetters`."""
        asked: list[Command] = [
            ("XREVRANGE", streams.dead_letters(shard), "+", "-", "COUNT", limit) for shard in self._shards
        ]
        pages = await ask_all(self._link, asked)
        now_ms = self._clock.utc_ms()
        letters = [
            _letter(shard, entry, now_ms) for shard, page in zip(self._shards, pages, strict=True) for entry in page
        ]
        return sorted(letters, key=lambda letter: letter.age_ms)[:limit]


def _letter(shard: str, entry: Any, now_ms: int) -> DeadLetter:
    entry_id, flat = entry
    fields = dict(zip(flat[::2], flat[1::2], strict=False))
    envelope = _envelope(fields.get(b"envelope", b""))
    deliveries = fields.get(b"deliveries", b"0")
    return DeadLetter(
        shard=shard,
        operation=envelope.operation[:TEXT_MAX] if envelope else "",
        reason=fields.get(b"reason", b"").decode(errors="replace")[:TEXT_MAX],
        age_ms=max(now_ms - int(entry_id.partition(b"-")[0]), 0),
        deliveries=int(deliveries) if deliveries.isdigit() else 0,
        trace=envelope.trace[:TEXT_MAX] if envelope else "",
    )


def _envelope(data: bytes) -> Envelope | None:
    try:
        envelope: Envelope = decode(Envelope, data)
    except DecodeError:
        return None
    return envelope
