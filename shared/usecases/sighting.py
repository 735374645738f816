"""One look at the DHT for all who watch an item: three ways to see it, each behind the port `Dht`.

A sighting is the reply of a settled get. Whoever looks leaves it for the others; whose turn that is, and how long a
sighting is good for, `Sightings` says.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from shared.clock import Clock
from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.contracts.sightings import Glance, Sighting, Sightings
from shared.errors import ErrorCode, ScoutError
from shared.format import bep44
from shared.usecases.mutable import is_signed
from shared.usecases.passing import PassingDht
from shared.usecases.ports import Dht
from shared.usecases.records import heard

FRESH_MS = 60_000
"""So long a sighting is good enough for a reader who did not ask for the newest: the longest pause between two looks
at what is watched."""

MAX_VERSIONS = 8
"""Of one sighting, the highest seqs: forks heal with the next write, and a flood of them shall not fill the memory."""

ITEMS_HELD = 4
"""Sightings that one watcher has at hand: those of the epochs around now, and one that has just passed."""

GLANCE_AGAIN_S = 0.2
"""Between two glances while somebody else takes the first look at an item."""

_TAG_SIZE = 12

_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(dht.GetMutableReply).decode


class Look(StrEnum):
    """What a look at an item came to."""

    SHARED = "shared"
    """Somebody in the cluster had looked lately: the DHT was not asked."""
    SAME = "same"
    CHANGED = "changed"
    FAILED = "failed"


def sighting_of(reply: dht.GetMutableReply) -> Sighting:
    """What a reply shows, to be shared."""
    kept = msgspec.structs.replace(reply, versions=reply.versions[:MAX_VERSIONS])
    digest = hashlib.blake2b(digest_size=_TAG_SIZE)
    for signature in sorted(version.signature for version in kept.versions):
        digest.update(signature)
    return Sighting(digest.digest(), _highest(kept.versions), _encode(kept))


def seen_in(glance: Glance, request: dht.GetMutable) -> dht.GetMutableReply | None:
    """The versions that a glance shows, as far as their key has signed them; None when it shows nothing to be read.

    Whoever may write to Redis could have left anything there.
    """
    if glance.copy is None:
        return None
    try:
        seen = _decode(glance.copy)
    except msgspec.DecodeError:
        return None
    return msgspec.structs.replace(seen, versions=[one for one in seen.versions if is_signed(request, one)])


def target_of(request: dht.GetMutable | dht.PutMutable) -> bytes:
    """Of the item that is asked about (20 bytes)."""
    return bep44.mutable_target(request.public_key, request.salt)


class TellingDht(PassingDht):
    """The DHT itself, whose writes are told to those who watch.

    What is read comes from the network, always: half a read-modify-write must not be of yesterday.
    """

    def __init__(self, inner: Dht, sightings: Sightings) -> None:
        """Write to `inner`, and tell `sightings`."""
        super().__init__(inner)
        self._sightings = sightings

    async def put_mutable(self, request: dht.PutMutable, context: CallContext) -> dht.PutReply:
        """See `Dht`; what nobody could be told of, watchers find by themselves."""
        reply = await self.inner.put_mutable(request, context)
        storing = reply.storing
        if storing.stored > storing.asked // 2 or (storing.stored and not reply.conflict):
            with suppress(ScoutError):
                await self._sightings.wrote(reply.target, sighting_of(_after(request, reply)))
        return reply


class CachedDht(PassingDht):
    """The DHT for a reader to whom a sighting is good enough; where there is none, the first version that comes."""

    def __init__(self, inner: Dht, sightings: Sightings) -> None:
        """Read from `sightings`, or else from `inner`."""
        super().__init__(inner)
        self._sightings = sightings
        self.age_ms: int | None = None
        """Of the oldest sighting that was read; None: all came from the network."""

    async def get_mutable(self, request: dht.GetMutable, context: CallContext) -> dht.GetMutableReply:
        """See `Dht`; who asks for a settled one has it from the network."""
        if request.settle:
            return await self.inner.get_mutable(request, context)
        target, glance = target_of(request), None
        with suppress(ScoutError):
            glance = await self._sightings.glance(target, take_turn=False)
        if glance is not None and glance.age_ms <= FRESH_MS and (seen := seen_in(glance, request)) is not None:
            self.age_ms = max(self.age_ms or 0, glance.age_ms)
            return seen
        reply = await self.inner.get_mutable(request, context)
        # one version tells less than all of them, of which those who watch know better
        if reply.versions and glance is not None and not glance.tag:
            with suppress(ScoutError):
                await self._sightings.saw(target, sighting_of(reply))
        return reply


@dataclass(frozen=True, slots=True)
class _Held:
    """A sighting that a watcher has at hand."""

    tag: bytes
    reply: dht.GetMutableReply


class SharedDht(PassingDht):
    """The DHT for one watcher: it sees what anybody saw, and looks itself when it is its turn."""

    def __init__(
        self,
        inner: Dht,
        sightings: Sightings,
        clock: Clock,
        *,
        count: Callable[[Look], None] = lambda _: None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Look at `inner`; `count` every look; `pause` seconds while somebody else looks for the first time."""
        super().__init__(inner)
        self._sightings = sightings
        self._clock = clock
        self._count = count
        self._pause = pause
        self._held: OrderedDict[bytes, _Held] = OrderedDict()
        self._no_turn_before = float("-inf")
        """Monotonic seconds: until then a look is more than the watcher can pay for."""

    async def get_mutable(self, request: dht.GetMutable, context: CallContext) -> dht.GetMutableReply:
        """See `Dht`. All versions that are known, whatever `settle` says."""
        target = target_of(request)
        while True:
            held, may_look = self._held.get(target), self._clock.monotonic() >= self._no_turn_before
            glance = await self._sightings.glance(target, known=held.tag if held else b"", take_turn=may_look)
            if glance.turn:
                return await self._look(target, request, context)
            if (shown := self._shown(target, glance, request)) is not None:
                self._count(Look.SHARED)
                return shown
            if glance.tag:  # something that can't be read, of another release perhaps
                return await self._look(target, request, context)
            if self._clock.utc_ms() >= context.deadline_ms:
                self._count(Look.FAILED)
                raise ScoutError(ErrorCode.DEADLINE_EXCEEDED, "Somebody else looks for the item, and is not done.")
            await self._pause(GLANCE_AGAIN_S)

    def _shown(self, target: bytes, glance: Glance, request: dht.GetMutable) -> dht.GetMutableReply | None:
        """What a glance shows; None when nobody has seen the item yet."""
        if (seen := seen_in(glance, request)) is not None:
            self._hold(target, glance.tag, seen)
        held = self._held.get(target)
        return held.reply if held is not None and held.tag == glance.tag else None

    async def _look(self, target: bytes, request: dht.GetMutable, context: CallContext) -> dht.GetMutableReply:
        """Ask the DHT, for all who watch."""
        try:
            reply = heard(await self.inner.get_mutable(msgspec.structs.replace(request, settle=True), context))
        except asyncio.CancelledError:
            with suppress(ScoutError):
                await self._sightings.put_off(target)  # or nobody would look until the turn is over
            raise
        except ScoutError as error:
            self._count(Look.FAILED)
            with suppress(ScoutError):
                await self._sightings.put_off(target)
            if error.code is ErrorCode.BUDGET_SPENT:
                self._no_turn_before = self._clock.monotonic() + (error.retry_after or 0.0)
                if (held := self._held.get(target)) is not None:
                    return held.reply
            raise
        sighting, held = sighting_of(reply), self._held.get(target)
        self._count(Look.SAME if held is not None and held.tag == sighting.tag else Look.CHANGED)
        with suppress(ScoutError):
            await self._sightings.saw(target, sighting)
        return self._settled(target, sighting, reply)

    def _settled(self, target: bytes, sighting: Sighting, reply: dht.GetMutableReply) -> dht.GetMutableReply:
        """What is known now: a look that showed something older than was seen before changes nothing."""
        held = self._held.get(target)
        if held is None or sighting.seq >= _highest(held.reply.versions):
            self._hold(target, sighting.tag, reply)
            return reply
        return held.reply

    def _hold(self, target: bytes, tag: bytes, reply: dht.GetMutableReply) -> None:
        self._held[target] = _Held(tag, reply)
        self._held.move_to_end(target)
        while len(self._held) > ITEMS_HELD:
            self._held.popitem(last=False)


def _highest(versions: Sequence[dht.MutableVersion]) -> int:
    return max((version.seq for version in versions), default=0)


def _after(request: dht.PutMutable, reply: dht.PutReply) -> dht.GetMutableReply:
    """What a get would show now: the version that was put, in the place of those that it supersedes."""
    stored = reply.storing.stored
    version = dht.MutableVersion(value=request.value, seq=request.seq, signature=request.signature, holders=stored)
    return dht.GetMutableReply(versions=[version], report=reply.lookup)
