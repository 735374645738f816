"""`ports.KeyValue` on Redis."""

from __future__ import annotations

from shared.bus.asking import ask
from shared.bus.redis_client import RedisClient


class RedisKeyValue:
    """Implements `ports.KeyValue`; keys are named in `streams`."""

    def __init__(self, redis: RedisClient) -> None:
        """Use the shared link of `redis`."""
        self._link = redis.shared

    async def get(self, key: str) -> bytes | None:
        """See `ports.KeyValue`."""
        value = await ask(self._link, "GET", key)
        return value if isinstance(value, bytes) else None

    async def set(self, key: str, value: bytes, ttl_s: float, *, only_if_absent: bool = False) -> bool:
        """See `ports.KeyValue`.

        A `SET … NX` whose answer was lost is refused the second time: its caller is told that somebody else was first,
        which is the safe side.
        """
        condition = ("NX",) if only_if_absent else ()
        return await ask(self._link, "SET", key, value, "PX", max(round(ttl_s * 1000), 1), *condition) is not None

    async def delete(self, key: str) -> None:
        """See `ports.KeyValue`."""
        await ask(self._link, "DEL", key)
