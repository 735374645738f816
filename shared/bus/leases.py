"""`ports.Leases` on Redis: what the cluster keeps alive, and whose turn each item is.

Two sorted sets and a hash for each item, all on one shard. `due` says when an item should be put again, and is what
overdue ones are counted by; `turns` says when a node may take it up. A claim moves the turn, not the due time, into the
near future: when the node dies with it, the turn comes round again. Scripts make each step one: Redis runs nothing else
in between, and a step whose answer was lost may be repeated.

Several owners may wish the same item to be kept: its address is no secret. The hash has the end of each one's wish
beside the end of the lease, which is the latest of them, so that nobody can end what another asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.bus import streams
from shared.bus.asking import ask, ask_all
from shared.bus.ports import Claimed, Lease
from shared.bus.redis_client import Command, RedisClient
from shared.errors import ErrorCode, ScoutError

_KEEP = """
local due, turns, item = KEYS[1], KEYS[2], KEYS[3]
local target, seq, copy = ARGV[1], ARGV[2], ARGV[3]
local ends, next, now, limit = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local owner, wished = ARGV[8], tonumber(ARGV[4])
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
if wished > math.max(now, tonumber(redis.call('HGET', item, owner) or 0)) then
  redis.call('HSET', item, owner, string.format('%d', wished))
end
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

_RELEASE = """
local due, turns, item = KEYS[1], KEYS[2], KEYS[3]
local target, owner, prefix, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local found = redis.call('HMGET', item, 'seq', 'copy', owner)
if not found[3] or tonumber(found[3]) <= now then return {false, false, false} end
redis.call('HDEL', item, owner)
local ends, fields = 0, redis.call('HGETALL', item)
for place = 1, #fields, 2 do
  if string.sub(fields[place], 1, #prefix) == prefix then ends = math.max(ends, tonumber(fields[place + 1])) end
end
if ends <= now then
  redis.call('DEL', item)
  redis.call('ZREM', due, target)
  redis.call('ZREM', turns, target)
else
  redis.call('HSET', item, 'until', string.format('%d', ends))
  redis.call('PEXPIRE', item, string.format('%d', ends - now))
  for _, set in ipairs({due, turns}) do redis.call('ZADD', set, 'XX', 'LT', string.format('%d', ends), target) end
end
return found
"""
"""An item whose lease became shorter is due at its new end, if not before: to be forgotten."""

_SETS = (streams.KEPT_DUE, streams.KEPT_TURNS)
_NO_ROOM = -1
_SEQ_OFFSET = 2**63
_OWNER = "owner:"
"""Before the names of the fields with the ends of wishes."""


class RedisLeases:
    """Implements `ports.Leases`; keys are named in `streams`."""

    def __init__(self, redis: RedisClient, *, limit: int = streams.MAX_KEPT) -> None:
        """Use the shared link of `redis`; keep at most `limit` items."""
        self._link = redis.shared
        self._limit = limit

    async def keep(self, lease: Lease, *, due_ms: int, now_ms: int, owner: str = "") -> int:
        """See `ports.Leases`."""
        ends: int = await ask(
            self._link,
            *("EVAL", _KEEP, 3, *_SETS, streams.kept(lease.target)),
            *(lease.target, f"{lease.seq + _SEQ_OFFSET:020d}", lease.copy, lease.until_ms, due_ms, now_ms, self._limit),
            _OWNER + owner,
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

    async def wish(self, target: bytes, *, owner: str, now_ms: int) -> Lease | None:
        """See `ports.Leases`."""
        row = await ask(self._link, "HMGET", streams.kept(target), "seq", "copy", _OWNER + owner)
        found = _lease(target, row)
        return found if found and found.until_ms > now_ms else None

    async def release(self, target: bytes, *, owner: str, now_ms: int) -> Lease | None:
        """See `ports.Leases`."""
        names = (target, _OWNER + owner, _OWNER)
        row = await ask(self._link, "EVAL", _RELEASE, 3, *_SETS, streams.kept(target), *names, now_ms)
        return _lease(target, row)

    async def _found(self, targets: list[bytes]) -> list[Lease | None]:
        if not targets:
            return []
        rows = await ask_all(self._link, [("HMGET", streams.kept(t), "seq", "copy", "until") for t in targets])
        return [_lease(target, row) for target, row in zip(targets, rows, strict=True)]


def keep_full(limit: int) -> ScoutError:
    """`keep_full`: there is room for `limit` items only."""
    return ScoutError(
        ErrorCode.KEEP_FULL, f"{limit} items are kept alive, and there is room for no more.", facts={"limit": limit}
    )


def _lease(target: bytes, row: Sequence[bytes | None]) -> Lease | None:
    """The lease that seq, copy and end make; None where one of them is missing."""
    seq, copy, until = row
    if seq is None or copy is None or until is None:
        return None
    return Lease(target, int(seq) - _SEQ_OFFSET, copy, int(until))


def _forget(target: bytes, now_ms: int) -> Command:
    """Forget a lease that has ended, unless somebody began another meanwhile."""
    return ("EVAL", _FORGET, 3, *_SETS, streams.kept(target), target, now_ms)
