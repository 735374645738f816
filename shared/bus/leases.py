"""`ports.Leases` on Redis: what the cluster keeps alive, and whose turn each item is.

Two sorted sets and a hash for each item, all on one shard. `due` says when an item should be put again, and is what
overdue ones are counted by; `turns` says when a node may take it up. A claim moves the turn, not the due time, into the
near future: when the node dies with it, the turn comes round again. Scripts make each step one: Redis runs nothing else
in between, and a step whose answer was lost may be repeated.
"""

from __future__ import annotations

from shared.bus import streams
from shared.bus.asking import ask, ask_all
from shared.bus.ports import Claimed, Lease
from shared.bus.redis_client import Command, RedisClient
from shared.errors import ErrorCode, ScoutError

_KEEP = """
local due, turns, item = KEYS[1], KEYS[2], KEYS[3]
local target, seq, copy = ARGV[1], ARGV[2], ARGV[3]
local ends, next, now, limit = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local held_seq, held_ends = unpack(redis.call('HMGET', item, 'seq', 'until'))
if held_ends and tonumber(held_ends) > now then
  ends = math.max(ends, tonumber(held_ends))
else
  if ends <= now then return 0 end
  if not redis.call('ZSCORE', due, target) and redis.call('ZCARD', due) >= limit then return -1 end
  held_seq = false
end
if not held_seq or seq > held_seq then redis.call('HSET', item, 'seq', seq, 'copy', copy) end
redis.call('HSET', item, 'until', string.format('%d', ends))
redis.call('PEXPIRE', item, string.format('%d', ends - now))
if not held_seq or seq >= held_seq then
  next = string.format('%d', math.min(next, ends))
  redis.call('ZADD', due, next, target)
  redis.call('ZADD', turns, next, target)
end
for _, set in ipairs({due, turns}) do
  redis.call('PEXPIRE', set, string.format('%d', ends - now), 'NX')
  redis.call('PEXPIRE', set, string.format('%d', ends - now), 'GT')
end
return ends
"""
"""Seqs come as 20 digits, for a number in Lua has only 53 bits; so they compare as text. -1: there is no room."""

_CLAIM = """
local due, turns = KEYS[1], KEYS[2]
local taken = redis.call('ZRANGEBYSCORE', turns, '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, target in ipairs(taken) do redis.call('ZADD', turns, ARGV[2], target) end
return {taken, redis.call('ZCARD', due), redis.call('ZCOUNT', due, '-inf', ARGV[4])}
"""

_FORGET = """
local ends = redis.call('HGET', KEYS[3], 'until')
if ends and tonumber(ends) > tonumber(ARGV[2]) then return 0 end
redis.call('DEL', KEYS[3])
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('ZREM', KEYS[2], ARGV[1])
"""

_SETS = (streams.KEPT_DUE, streams.KEPT_TURNS)
_NO_ROOM = -1
_SEQ_OFFSET = 2**63


class RedisLeases:
    """Implements `ports.Leases`; keys are named in `streams`."""

    def __init__(self, redis: RedisClient, *, limit: int = streams.MAX_KEPT) -> None:
        """Use the shared link of `redis`; keep at most `limit` items."""
        self._link = redis.shared
        self._limit = limit

    async def keep(self, lease: Lease, *, due_ms: int, now_ms: int) -> int:
        """See `ports.Leases`."""
        ends: int = await ask(
            self._link,
            *("EVAL", _KEEP, 3, *_SETS, streams.kept(lease.target)),
            *(lease.target, f"{lease.seq + _SEQ_OFFSET:020d}", lease.copy, lease.until_ms, due_ms, now_ms, self._limit),
        )
        if ends == _NO_ROOM:
            raise keep_full(self._limit)
        return ends

    async def claim(self, *, now_ms: int, hold_ms: int, limit: int) -> Claimed:
        """See `ports.Leases`."""
        overdue_before = now_ms - streams.KEEP_OVERDUE_MS
        targets, kept, overdue = await ask(
            self._link, "EVAL", _CLAIM, 2, *_SETS, now_ms, now_ms + hold_ms, limit, overdue_before
        )
        found = await self._found(targets)
        ended = [target for target, lease in zip(targets, found, strict=True) if not lease or lease.until_ms <= now_ms]
        if ended:
            await ask_all(self._link, [_forget(target, now_ms) for target in ended])
        leases = tuple(lease for lease in found if lease and lease.until_ms > now_ms)
        return Claimed(leases, kept - len(ended), overdue)

    async def put_again(self, target: bytes, *, due_ms: int) -> None:
        """See `ports.Leases`."""
        await ask_all(self._link, [("ZADD", key, "XX", due_ms, target) for key in _SETS])

    async def postpone(self, target: bytes, *, until_ms: int) -> None:
        """See `ports.Leases`."""
        await ask(self._link, "ZADD", streams.KEPT_TURNS, "XX", until_ms, target)

    async def _found(self, targets: list[bytes]) -> list[Lease | None]:
        if not targets:
            return []
        rows = await ask_all(self._link, [("HMGET", streams.kept(t), "seq", "copy", "until") for t in targets])
        return [
            None if None in row else Lease(target, int(row[0]) - _SEQ_OFFSET, row[1], int(row[2]))
            for target, row in zip(targets, rows, strict=True)
        ]


def keep_full(limit: int) -> ScoutError:
    """`keep_full`: there is room for `limit` items only."""
    return ScoutError(
        ErrorCode.KEEP_FULL, f"{limit} items are kept alive, and there is room for no more.", facts={"limit": limit}
    )


def _forget(target: bytes, now_ms: int) -> Command:
    """Forget a lease that has ended, unless somebody began another meanwhile."""
    return ("EVAL", _FORGET, 3, *_SETS, streams.kept(target), target, now_ms)
