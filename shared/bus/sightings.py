"""`Sightings` on Redis: what was last seen of an item, and whose turn it is to look again.

One hash for each item, by the server's clock. A script takes the turn for one asker and for nobody else, so an item is
looked at once for the whole cluster, however many processes watch it.
"""

from __future__ import annotations

from shared.bus import streams
from shared.bus.asking import ask
from shared.bus.redis_client import RedisClient
from shared.contracts.sightings import Glance, Sighting

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function whole(number) return string.format('%d', number) end
"""

_GLANCE = (
    _NOW
    + """
local tag, copy, at, due, turn = unpack(redis.call('HMGET', KEYS[1], 'tag', 'copy', 'at', 'due', 'turn'))
local mine = 0
if ARGV[2] == '1' and now >= tonumber(due or 0) and now >= tonumber(turn or 0) then
  mine = 1
  redis.call('HSET', KEYS[1], 'turn', whole(now + ARGV[3]))
  if not tag then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
end
if not tag or tag == ARGV[1] then copy = false end
return {tag or '', copy, at and now - at or 0, mine}
"""
)
"""ARGV: the tag that the asker knows, whether a turn is wanted, the turn's length. What nobody has seen yet ends with
the turn of whoever looks first."""

_SAW = (
    _NOW
    + """
local tag, seq, pause = unpack(redis.call('HMGET', KEYS[1], 'tag', 'seq', 'pause'))
if ARGV[4] == '1' and redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local next = tonumber(ARGV[5])
if tag and ARGV[2] < seq then
  redis.call('HSET', KEYS[1], 'due', whole(now + next))
else
  if tag == ARGV[1] and ARGV[4] == '0' then
    next = math.min(tonumber(ARGV[6]), math.floor(tonumber(pause) * tonumber(ARGV[7])))
  end
  redis.call('HSET', KEYS[1], 'tag', ARGV[1], 'seq', ARGV[2], 'copy', ARGV[3], 'at', whole(now))
  redis.call('HSET', KEYS[1], 'due', whole(now + next), 'pause', whole(next))
  redis.call('PEXPIRE', KEYS[1], ARGV[8])
end
if ARGV[4] == '0' then redis.call('HDEL', KEYS[1], 'turn') end
return 1
"""
)
"""ARGV: tag, seq, copy, whether it was a write, the shortest and the longest pause, the factor, the TTL. Seqs come as
20 digits, for a number in Lua has only 53 bits; so they compare as text. A sighting that is older than what is known
neither takes its place nor makes it last."""

_PUT_OFF = (
    _NOW
    + """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'turn', whole(now + ARGV[1])) end
return 0
"""
)


class RedisSightings:
    """Implements `shared.contracts.sightings.Sightings`; keys are named in `streams`."""

    def __init__(self, redis: RedisClient) -> None:
        """Use the shared link of `redis`."""
        self._link = redis.shared

    async def glance(self, target: bytes, *, known: bytes = b"", take_turn: bool = True) -> Glance:
        """See `Sightings`. Where an answer was lost the turn is nobody's, until its time is over."""
        wanted = ("1" if take_turn else "0", streams.SIGHTING_TURN_MS)
        tag, copy, age_ms, turn = await ask(self._link, "EVAL", _GLANCE, 1, streams.sighting(target), known, *wanted)
        return Glance(tag, copy, age_ms, bool(turn))

    async def saw(self, target: bytes, sighting: Sighting) -> None:
        """See `Sightings`."""
        await self._keep(target, sighting, "0")

    async def wrote(self, target: bytes, sighting: Sighting) -> None:
        """See `Sightings`."""
        await self._keep(target, sighting, "1")

    async def put_off(self, target: bytes) -> None:
        """See `Sightings`."""
        await ask(self._link, "EVAL", _PUT_OFF, 1, streams.sighting(target), streams.SIGHTING_SOONEST_MS)

    async def _keep(self, target: bytes, sighting: Sighting, written: str) -> None:
        seen = (sighting.tag, f"{sighting.seq:020d}", sighting.copy, written)
        pace = (streams.SIGHTING_SOONEST_MS, streams.SIGHTING_LATEST_MS, str(streams.SIGHTING_SLOWER))
        await ask(self._link, "EVAL", _SAW, 1, streams.sighting(target), *seen, *pace, streams.SIGHTING_TTL_MS)
