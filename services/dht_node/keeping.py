"""Puts that ask to be kept alive: stored on the DHT first, then under lease.

The lease holds the version as it was signed and sent, so it can be put again without any key.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import msgspec

from shared.bus.ports import Lease, Leases
from shared.clock import Clock
from shared.contracts import dht
from shared.contracts.envelope import DecodeError, decode, encode
from shared.contracts.operation import CallContext, Message
from shared.errors import ErrorCode, ScoutError
from shared.format import bep44
from shared.usecases.keeping import handed_over, has_taken, with_ahead
from shared.usecases.ports import Nodes


@dataclass(frozen=True, slots=True)
class KeepPace:
    """The rhythm of keeping alive; seconds."""

    interval_s: float = 3600.0
    """Between two puts of one item: nodes drop it two hours after the last, so one may fail and be made up for."""
    jitter: float = 0.2
    """Share of the interval by which each is longer or shorter, so that what was put at once spreads out."""
    hold_s: float = 60.0
    """How long a claimed item is its claimant's: longer than a put may take, short enough for a death to be made up
    for within two minutes."""
    poll_s: float = 10.0
    """Between two looks at an index that had nothing due, ±50 %."""
    retry_s: float = 60.0
    """Until the next attempt after one that failed."""
    put_s: float = 10.0
    """Deadline of one put."""
    at_once: int = 16
    """Items that one node claims and puts at a time: 16 lookups are some hundred datagrams."""

    @classmethod
    def every(cls, interval_s: float) -> Self:
        """The usual rhythm with another interval, looked after often enough for a short one."""
        return cls(interval_s=interval_s, poll_s=min(cls().poll_s, interval_s / 4))

    def next_ms(self, clock: Clock, dice: random.Random) -> int:
        """When an item that was put just now is due again, wall-clock milliseconds."""
        return clock.utc_ms() + round(self.interval_s * 1000 * dice.uniform(1 - self.jitter, 1 + self.jitter))


class Copy(Message, frozen=True, kw_only=True):
    """A version as it is kept: all that a put takes. An immutable item has only its value."""

    value: bytes
    public_key: bytes = b""
    salt: bytes = b""
    seq: int = 0
    signature: bytes = b""


def lease_of(copy: Copy, until_ms: int) -> Lease:
    """The lease on a version."""
    mutable = bep44.mutable_target(copy.public_key, copy.salt)
    target = mutable if copy.public_key else bep44.immutable_target(copy.value)
    return Lease(target, copy.seq, encode(copy), until_ms)


def copy_of(lease: Lease) -> Copy:
    """The version that a lease holds. Raises DecodeError when somebody else wrote there."""
    copy: Copy = decode(Copy, lease.copy)
    return copy


class KeepingDht:
    """A DHT with `keep`: implements `shared.usecases.ports.Dht`."""

    def __init__(self, service: Nodes, leases: Leases, clock: Clock, dice: random.Random, pace: KeepPace) -> None:
        """Put through `service`; `dice` is for jitter only."""
        self._service = service
        self._leases = leases
        self._clock = clock
        self._dice = dice
        self._pace = pace

    async def get_mutable(self, request: dht.GetMutable, context: CallContext) -> dht.GetMutableReply:
        """Find the versions of a mutable item. Raises ScoutError."""
        return await self._service.get_mutable(request, context)

    async def get_immutable(self, request: dht.GetImmutable, context: CallContext) -> dht.GetImmutableReply:
        """Find an immutable item. Raises ScoutError."""
        return await self._service.get_immutable(request, context)

    async def put_mutable(self, request: dht.PutMutable, context: CallContext) -> dht.PutReply:
        """Store a signed version and keep it. Raises ScoutError."""
        _check_keep(request.keep)
        reply = await self._service.put_mutable(request, context)
        if not has_taken(reply):
            return reply
        kept = self._kept(reply, _copy(request), request.keep, context.tenant)
        if not request.ahead:
            return await kept
        return with_ahead(*await asyncio.gather(kept, handed_over(self, request.ahead, context)))

    async def put_immutable(self, request: dht.PutImmutable, context: CallContext) -> dht.PutReply:
        """Store an immutable item and keep it. Raises ScoutError."""
        _check_keep(request.keep)
        reply = await self._service.put_immutable(request, context)
        if not has_taken(reply):
            return reply
        return await self._kept(reply, Copy(value=request.value), request.keep, context.tenant)

    async def keep(self, request: dht.Keep, context: CallContext) -> dht.KeepReply:
        """Begin a lease on each version, whose first put comes when its time does. Raises ScoutError for bad input.

        What the cluster has no room or no bus for is said in the reply, as it is of puts.
        """
        now_ms = self._clock.utc_ms()
        _check_versions(request.versions, now_ms)
        # at once: they share a pipeline to Redis, or one write to a disk
        replies = await asyncio.gather(*(self._begin(version, now_ms, context.tenant) for version in request.versions))
        refused = next((reply for reply in replies if reply.keep_refused), None)
        return refused or max(replies, key=lambda reply: reply.kept_until_ms)

    async def _begin(self, version: dht.KeptVersion, now_ms: int, owner: str) -> dht.KeepReply:
        lease, due_ms = lease_of(_copy(version), version.until_ms), max(version.from_ms, now_ms)
        try:
            until_ms = await self._leases.keep(lease, due_ms=due_ms, now_ms=now_ms, owner=owner)
        except ScoutError as error:
            return dht.KeepReply(keep_refused=error.code.value)
        return dht.KeepReply(kept_until_ms=until_ms)

    async def release(self, request: dht.Release, context: CallContext) -> dht.ReleaseReply:
        """Say what the caller's tenant wishes to be kept, and end that wish if it asks to. Raises ScoutError."""
        look_up = self._leases.release if request.end else self._leases.wish
        found = await look_up(request.target, owner=context.tenant, now_ms=self._clock.utc_ms())
        if found is None:
            return dht.ReleaseReply()
        return dht.ReleaseReply(value=_value_of(found), until_ms=found.until_ms)

    async def _kept(self, reply: dht.PutReply, copy: Copy, seconds: int, owner: str) -> dht.PutReply:
        """The reply, with what became of the wish to be kept.

        A write that the DHT has taken is not failed because the cluster can't keep it: the reply says so instead.
        """
        now_ms = self._clock.utc_ms()
        try:
            until_ms = await self._leases.keep(
                lease_of(copy, now_ms + seconds * 1000),
                due_ms=self._pace.next_ms(self._clock, self._dice),
                now_ms=now_ms,
                owner=owner,
            )
        except ScoutError as error:
            refused = error.code.value if seconds else ""
            return msgspec.structs.replace(reply, kept_until_ms=0, keep_refused=refused)
        return msgspec.structs.replace(reply, kept_until_ms=until_ms)


def _copy(version: dht.PutMutable | dht.KeptVersion) -> Copy:
    return Copy(
        value=version.value,
        public_key=version.public_key,
        salt=version.salt,
        seq=version.seq,
        signature=version.signature,
    )


def _value_of(lease: Lease) -> bytes | None:
    """The bencoded value under lease; None when somebody else wrote there."""
    try:
        return copy_of(lease).value
    except DecodeError:
        return None


def _check_versions(versions: Sequence[dht.KeptVersion], now_ms: int) -> None:
    """Raise ScoutError (`invalid_request`) for what must not be put, or not for so long.

    Signatures are checked where versions come in from outside (`shared.usecases.mutable`), and by the node when it puts
    one. Here a third time would be 60 µs for each: two milliseconds for every message that somebody sends.
    """
    if not 1 <= len(versions) <= dht.MAX_KEPT_VERSIONS:
        raise _invalid(f"Expected 1 … {dht.MAX_KEPT_VERSIONS} versions to keep, got {len(versions)}.")
    latest_ms = now_ms + 1000 * dht.MAX_KEEP_AHEAD_S
    for version in versions:
        if version.until_ms and not max(now_ms, version.from_ms) < version.until_ms <= latest_ms:
            raise _invalid(f"Expected to keep a version within the next {dht.MAX_KEEP_AHEAD_S} seconds.")
        if len(version.value) > bep44.MAX_VALUE or len(version.salt) > bep44.MAX_SALT:
            raise _invalid(f"Expected a value of at most {bep44.MAX_VALUE} bytes and a salt of {bep44.MAX_SALT}.")


def _invalid(sentence: str) -> ScoutError:
    return ScoutError(ErrorCode.INVALID_REQUEST, sentence)


def _check_keep(seconds: int) -> None:
    if not 0 <= seconds <= dht.MAX_KEEP_S:
        raise _invalid(f"Expected to keep for 0 … {dht.MAX_KEEP_S} seconds, got {seconds}.")
