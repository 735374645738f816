"""Keeping alive: what is under lease is put again, hourly, by whichever node of the cluster claims it first.

A claim is short. A node that dies with claims in hand has them taken over when they run out; until an item has been put
again it stays due. So every item is put at least once an interval, and twice only where a node died in between.

**When another version is in the way** (301, 302: some node holds a newer one, or another of the same seq) the nodes are
asked for all versions. A newer one is the same owner's word, signed: the lease goes on with it, and it is put at once
for those nodes that lack it. Putting the older one again and again would be a rollback. Where nothing newer is found,
ours stays, and is tried again in an hour.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import KW_ONLY, dataclass, field

from services.dht_node.keep_meters import KeepMeters, PutAgain
from services.dht_node.keeping import Copy, KeepingDht, KeepPace, copy_of, lease_of
from services.dht_node.service import DhtService
from shared.bus.ports import Lease, Leases
from shared.clock import Clock
from shared.contracts import dht
from shared.contracts.envelope import DecodeError
from shared.contracts.operation import CallContext
from shared.errors import ScoutError
from shared.logs import trace_id
from shared.usecases.ports import Nodes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Keeper:
    """One node's share in keeping alive."""

    service: Nodes
    leases: Leases
    _: KW_ONLY
    clock: Clock
    dice: random.Random
    """For jitter only."""
    meters: KeepMeters
    able: Callable[[], bool]
    """Whether puts would succeed now. A node that is cut off claims nothing: it would only delay the others."""
    pace: KeepPace = field(default_factory=KeepPace)
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits that many seconds."""

    async def run(self) -> None:
        """Put again what is due, until cancelled. Redis and the DHT may be away at any time."""
        while True:
            try:
                more = await self.turn()
            except ScoutError as error:
                log.info("the leases can't be read", extra={"reason": error.detail})
                more = False
            if not more:
                await self.pause(self.pace.poll_s * self.dice.uniform(0.5, 1.5))

    async def turn(self) -> bool:
        """Claim once and put again what was claimed; whether there may be more. Raises ScoutError."""
        limit = self.pace.at_once if self.able() else 0
        claimed = await self.leases.claim(
            now_ms=self.clock.utc_ms(), hold_ms=round(self.pace.hold_s * 1000), limit=limit
        )
        self.meters.items.set(claimed.kept)
        self.meters.overdue.set(claimed.overdue)
        async with asyncio.TaskGroup() as tasks:
            for lease in claimed.leases:
                tasks.create_task(self._serve(lease), name="put again")
        return 0 < limit == len(claimed.leases)

    async def _serve(self, lease: Lease) -> None:
        """Put one item again and say when its next turn is; whatever happens, the others go on."""
        trace_id.set(f"keeper-{self.dice.getrandbits(32):08x}")
        try:
            outcome = await self._put_again(lease)
        except (ScoutError, DecodeError) as error:
            log.info("a kept item could not be put again", extra={"reason": str(error)})
            outcome = PutAgain.FAILED
        except Exception:
            log.exception("a kept item could not be put again")
            outcome = PutAgain.FAILED
        self.meters.republished.labels(outcome).inc()
        try:
            await self._reschedule(lease, outcome)
        except ScoutError as error:
            log.info("a kept item's next turn comes when its claim runs out", extra={"reason": error.detail})

    async def _put_again(self, lease: Lease) -> PutAgain:
        copy = copy_of(lease)
        reply = await self._put(copy)
        if reply.conflict:
            newer = await self._newer(copy)
            if newer is not None:
                await self._put(newer)
                # nobody's wish: the newer copy goes to those that there are
                await self.leases.keep(lease_of(newer, 0), due_ms=self._next_ms(), now_ms=self.clock.utc_ms())
            return PutAgain.SUPERSEDED
        return PutAgain.STORED if reply.storing.stored else PutAgain.FAILED

    async def _put(self, copy: Copy) -> dht.PutReply:
        """Store a version, whatever the nodes held before."""
        if not copy.public_key:
            return await self.service.put_immutable(dht.PutImmutable(value=copy.value), self._context())
        request = dht.PutMutable(
            public_key=copy.public_key, salt=copy.salt, seq=copy.seq, value=copy.value, signature=copy.signature
        )
        return await self.service.put_mutable(request, self._context())

    async def _newer(self, copy: Copy) -> Copy | None:
        """The newest version of the same item that any node holds, if it is newer than this one."""
        request = dht.GetMutable(public_key=copy.public_key, salt=copy.salt)
        found = (await self.service.get_mutable(request, self._context())).versions
        newest = max(found, key=lambda version: version.seq, default=None)
        if newest is None or newest.seq <= copy.seq:
            return None
        return Copy(
            value=newest.value,
            public_key=copy.public_key,
            salt=copy.salt,
            seq=newest.seq,
            signature=newest.signature,
        )

    async def _reschedule(self, lease: Lease, outcome: PutAgain) -> None:
        """A failure leaves the item due; otherwise it is due in an hour, or when its lease ends: to be forgotten."""
        if outcome is PutAgain.FAILED:
            again_ms = self.clock.utc_ms() + round(self.pace.retry_s * 1000 * self.dice.uniform(0.5, 1.5))
            await self.leases.postpone(lease.target, until_ms=again_ms)
        else:
            await self.leases.put_again(lease.target, due_ms=min(self._next_ms(), lease.until_ms))

    def _next_ms(self) -> int:
        return self.pace.next_ms(self.clock, self.dice)

    def _context(self) -> CallContext:
        return CallContext(deadline_ms=self.clock.utc_ms() + round(self.pace.put_s * 1000), trace=trace_id.get())


def keeper_of(
    service: DhtService, leases: Leases, clock: Clock, meters: KeepMeters, pace: KeepPace | None = None
) -> tuple[KeepingDht, Keeper]:
    """Both halves of keeping alive for a running node: its puts that begin leases, and its share in honouring them."""
    pace, dice = pace or KeepPace(), random.SystemRandom()
    keeper = Keeper(service, leases, clock=clock, dice=dice, meters=meters, able=lambda: service.joined, pace=pace)
    return KeepingDht(service, leases, clock, dice, pace), keeper
