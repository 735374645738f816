"""`ports.Fleet` on Redis: a hash of reports, and a sorted set that says when each came.

Ages are by the server's clock, so hosts whose clocks differ agree on who is dead. Both keys end an hour after the last
report of anybody; who has been silent for an hour is forgotten at the next report of somebody else.
"""

from __future__ import annotations

import logging

from shared.bus import streams
from shared.bus.asking import ask
from shared.bus.ports import Member
from shared.bus.redis_client import RedisClient
from shared.contracts.envelope import DecodeError, decode, encode
from shared.contracts.fleet import Report

log = logging.getLogger(__name__)

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local seen, reports = KEYS[1], KEYS[2]
"""

_REPORT = (
    _NOW
    + """
local instance, report, ttl, limit = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZADD', seen, string.format('%d', now), instance)
redis.call('HSET', reports, instance, report)
local gone = redis.call('ZRANGEBYSCORE', seen, '-inf', string.format('%d', now - ttl))
for _, name in ipairs(redis.call('ZRANGE', seen, 0, -limit - 1)) do gone[#gone + 1] = name end
for _, name in ipairs(gone) do
  redis.call('ZREM', seen, name)
  redis.call('HDEL', reports, name)
end
redis.call('PEXPIRE', seen, ttl)
redis.call('PEXPIRE', reports, ttl)
return 0
"""
)

_LEAVE = """
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('HDEL', KEYS[2], ARGV[1])
"""

_MEMBERS = (
    _NOW
    + """
local members = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', seen, string.format('(%d', now - tonumber(ARGV[1])), '+inf')) do
  local report = redis.call('HGET', reports, name)
  if report then
    members[#members + 1] = {report, now - tonumber(redis.call('ZSCORE', seen, name))}
  end
end
return members
"""
)

_KEYS = (2, streams.FLEET_SEEN, streams.FLEET_REPORTS)


class RedisFleet:
    """Implements `ports.Fleet`; keys are named in `streams`."""

    def __init__(self, redis: RedisClient) -> None:
        """Use the shared link of `redis`."""
        self._link = redis.shared

    async def report(self, report: Report) -> None:
        """See `ports.Fleet`."""
        bounds = (streams.FLEET_TTL_MS, streams.FLEET_MAX)
        await ask(self._link, "EVAL", _REPORT, *_KEYS, report.instance, encode(report), *bounds)

    async def leave(self, instance: str) -> None:
        """See `ports.Fleet`."""
        await ask(self._link, "EVAL", _LEAVE, *_KEYS, instance)

    async def members(self) -> list[Member]:
        """See `ports.Fleet`."""
        rows = await ask(self._link, "EVAL", _MEMBERS, *_KEYS, streams.FLEET_TTL_MS)
        members = [Member(report, max(silent_ms, 0)) for data, silent_ms in rows if (report := _report(data))]
        return sorted(members, key=by_service)


def by_service(member: Member) -> tuple[str, str]:
    """The order in which members are told."""
    return member.report.service, member.report.instance


def _report(data: bytes) -> Report | None:
    """The report, or None when it is of a version that we can't read."""
    try:
        report: Report = decode(Report, data)
    except DecodeError as error:
        log.debug("a report is passed over", extra={"reason": str(error)})
        return None
    return report
