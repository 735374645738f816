"""`ports.Budgets` on Redis, and its twin inside one process.

A bucket is one hash: its balance, and when that was right. What has come back since then is added when somebody looks,
by the server's clock. A script takes from all buckets or from none, and Redis runs nothing else in between, so two
replicas never grant the same packets. A bucket that is full again is as good as none: its key ends then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from shared.bus.asking import ask
from shared.bus.ports import Bucket, Shortfall
from shared.bus.redis_client import Command, RedisClient
from shared.clock import Clock

_BALANCES = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local packets = tonumber(ARGV[1])
local function rate(i) return tonumber(ARGV[2 * i]) end
local function burst(i) return tonumber(ARGV[2 * i + 1]) end
local function balance(i)
  local held, at = unpack(redis.call('HMGET', KEYS[i], 'balance', 'at'))
  if not held then return burst(i) end
  return math.min(burst(i), tonumber(held) + math.max(0, now - tonumber(at)) * rate(i) / 1000)
end
local function keep(i, left)
  if left >= burst(i) then redis.call('DEL', KEYS[i]) return end
  redis.call('HSET', KEYS[i], 'balance', string.format('%.17g', left), 'at', string.format('%d', now))
  redis.call('PEXPIRE', KEYS[i], string.format('%d', math.ceil((burst(i) - left) * 1000 / rate(i))))
end
"""
"""ARGV: packets, then a second's and the burst of each bucket."""

_TAKE = (
    _BALANCES
    + """
local longest, short, left = 0, 0, {}
for i = 1, #KEYS do
  left[i] = balance(i) - packets
  local wait = math.ceil(-left[i] * 1000 / rate(i))
  if wait > longest then longest, short = wait, i end
end
if short > 0 then return {short, longest} end
for i = 1, #KEYS do keep(i, left[i]) end
return {0, 0}
"""
)

_SETTLE = (
    _BALANCES
    + """
for i = 1, #KEYS do keep(i, balance(i) + packets) end
return 0
"""
)


class RedisBudgets:
    """Implements `ports.Budgets`; keys are named in `streams`."""

    def __init__(self, redis: RedisClient) -> None:
        """Use the shared link of `redis`."""
        self._link = redis.shared

    async def take(self, buckets: Sequence[Bucket], packets: float) -> Shortfall | None:
        """See `ports.Budgets`. Where an answer was lost they may be taken twice, which is the safe side."""
        short, wait_ms = await ask(self._link, *_call(_TAKE, buckets, packets))
        return Shortfall(buckets[short - 1], wait_ms / 1000) if short else None

    async def settle(self, buckets: Sequence[Bucket], packets: float) -> None:
        """See `ports.Budgets`."""
        await ask(self._link, *_call(_SETTLE, buckets, packets))


class MemoryBudgets:
    """Implements `ports.Budgets` for one process."""

    def __init__(self, clock: Clock) -> None:
        """Refill by `clock`."""
        self._clock = clock
        self._balances: dict[str, tuple[float, float]] = {}
        """Name -> balance, and when that was right (monotonic seconds)."""

    async def take(self, buckets: Sequence[Bucket], packets: float) -> Shortfall | None:
        """See `ports.Budgets`."""
        waits_ms = [math.ceil((packets - self._balance(bucket)) * 1000 / bucket.per_second) for bucket in buckets]
        longest = max(waits_ms)
        if longest > 0:
            return Shortfall(buckets[waits_ms.index(longest)], longest / 1000)
        self._add(buckets, -packets)
        return None

    async def settle(self, buckets: Sequence[Bucket], packets: float) -> None:
        """See `ports.Budgets`."""
        self._add(buckets, packets)

    def _add(self, buckets: Sequence[Bucket], packets: float) -> None:
        for bucket in buckets:
            left = self._balance(bucket) + packets
            if left >= bucket.burst:
                self._balances.pop(bucket.name, None)
            else:
                self._balances[bucket.name] = left, self._clock.monotonic()

    def _balance(self, bucket: Bucket) -> float:
        now = self._clock.monotonic()
        balance, at = self._balances.get(bucket.name, (bucket.burst, now))
        return min(bucket.burst, balance + (now - at) * bucket.per_second)


def _call(script: str, buckets: Sequence[Bucket], packets: float) -> Command:
    rates = (repr(number) for bucket in buckets for number in (bucket.per_second, bucket.burst))
    return ("EVAL", script, len(buckets), *(bucket.name for bucket in buckets), repr(packets), *rates)
