"""`ports.KeyValue` on Redis."""

from __future__ import annotations

import asyncio

from shared.bus import streams
from shared.bus.redis_client import Backoff, CommandError, RedisClient, RedisDown
from shared.errors import ErrorCode, ScoutError


class RedisKeyValue:
    """Implements `ports.KeyValue`; keys are named in `streams`."""

    def __init__(self, redis: RedisClient) -> None:
        """Use the shared link of `redis`."""
        self._link = redis.shared

    async def get(self, key: str) -> bytes | None:
        """See `ports.KeyValue`."""
        value = await self._ask("GET", key)
        return value if isinstance(value, bytes) else None

    async def set(self, key: str, value: bytes, ttl_s: float, *, only_if_absent: bool = False) -> bool:
        """See `ports.KeyValue`."""
        condition = ("NX",) if only_if_absent else ()
        return await self._ask("SET", key, value, "PX", max(round(ttl_s * 1000), 1), *condition) is not None

    async def delete(self, key: str) -> None:
        """See `ports.KeyValue`."""
        await self._ask("DEL", key)

    async def _ask(self, *command: bytes | str | int) -> object:
        """Ask, and ask again while a short outage lasts.

        A `SET … NX` whose answer was lost is refused the second time: its caller is told that somebody else was first,
        which is the safe side.
        """
        reason = "no answer in time"
        try:
            async with asyncio.timeout(streams.KEY_VALUE_PATIENCE_S):
                backoff = Backoff()
                while True:
                    try:
                        return await self._link.command(*command)
                    except RedisDown as down:
                        reason = str(down)
                        await backoff.pause()
        except (TimeoutError, CommandError) as error:
            detail = f"expected Redis to answer, got: {reason if isinstance(error, TimeoutError) else error}"
            raise ScoutError(ErrorCode.BUS_UNAVAILABLE, detail, retry_after=streams.RETRY_AFTER_S) from None
