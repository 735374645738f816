"""An item of our own, written to the DHT and read back: the only proof that what others ask of us would work.

A node may have contacts, and answers from them, and still be cut off from where items are stored. So each node keeps a
small signed item alive under keys of its own, and looks it up again with a lookup that begins anew. What comes back
must be the very version that was written.

The item is a record of scout2 with nothing in it: whoever stores it can't tell it from those of people, and so not tell
by it where a Scout service is.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.dht_node.health import FAILURES_MAX, CanaryHealth
from services.dht_node.service import DhtService
from shared.clock import Clock
from shared.contracts import crypto, dht
from shared.contracts.operation import CallContext
from shared.errors import ScoutError
from shared.format.scout2 import epochs, record
from shared.links.scout2 import Scout2Link
from shared.logs import trace_id
from shared.private_files import create_private_file
from shared.usecases.ports import Nodes

log = logging.getLogger(__name__)

SEED_SIZE = 32
"""Bytes of a root secret of scout2."""
_NOTHING = record.serialise(record.Record())


@dataclass(frozen=True, slots=True)
class CanaryPace:
    """The rhythm of the canary; seconds."""

    first_s: float = 60.0
    """After the node has joined: by then its table is filled."""
    interval_s: float = 600.0
    """Between two rounds that went well: two lookups in ten minutes are nothing beside what strangers ask."""
    retry_s: float = 60.0
    """After one that failed: three in a row take about three minutes."""
    jitter: float = 0.2
    """Share by which each is longer or shorter, so that nodes started together do not march in step."""
    round_s: float = 10.0
    """Deadline of the write, and of the reading."""
    look_again_s: float = 5.0
    """How often a node that has not joined looks whether it has."""


class Round(StrEnum):
    """How one round ended."""

    READ_BACK = "read_back"
    NOT_STORED = "not_stored"
    """No node took it."""
    NOT_FOUND = "not_found"
    """Nodes took it, and a lookup found none of them, or another version than ours."""
    UNAVAILABLE = "unavailable"
    """The DHT could not be asked: no contact answered, or not in time."""


@dataclass(frozen=True, slots=True)
class CanaryMeters:
    """What is exported of the canary."""

    success: Gauge
    """1 when the last round ended as it should; 0 before the first, too."""
    age: Gauge
    """Seconds since it was last read back, and before the first time since the start."""
    rounds: Counter
    """Label `outcome` (Round)."""

    @classmethod
    def build(cls, registry: CollectorRegistry, health: CanaryHealth, clock: Clock) -> CanaryMeters:
        """Register with `registry`, zeros visible; the age is read at each scrape."""
        meters = cls(
            success=Gauge("scout_dht_canary_success", "Whether our own item was read back last.", registry=registry),
            age=Gauge("scout_dht_canary_age_seconds", "Since our own item was read back.", registry=registry),
            rounds=Counter("scout_dht_canary_rounds", "Rounds of the canary.", ["outcome"], registry=registry),
        )
        began = clock.monotonic()
        meters.age.set_function(lambda: clock.monotonic() - (health.read_back or began))
        for outcome in Round:
            meters.rounds.labels(outcome)
        return meters


@dataclass(slots=True)
class Canary:
    """One node's canary: `run` it beside the node."""

    service: Nodes
    health: CanaryHealth
    _: KW_ONLY
    seed: bytes = field(repr=False)
    """32 bytes: the root secret of a link that nobody else has."""
    clock: Clock
    dice: random.Random
    """For jitter only."""
    meters: CanaryMeters
    joined: Callable[[], bool]
    """Whether there is a network to ask. A node that is cut off is unready for that reason alone."""
    pace: CanaryPace = field(default_factory=CanaryPace)
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits that many seconds."""
    nonces: Callable[[int], bytes] = os.urandom
    """So many random bytes."""
    _epoch: int = 0
    _seq: int = 0
    """The highest that was seen in that epoch."""

    async def run(self) -> None:
        """Write and read back, again and again, until cancelled."""
        await self._until_joined()
        await self._rest(self.pace.first_s)
        while True:
            await self._until_joined()
            outcome = await self.round()
            await self._rest(self.pace.interval_s if outcome is Round.READ_BACK else self.pace.retry_s)

    async def round(self) -> Round:
        """Write and read back once, and draw the conclusions."""
        trace_id.set(f"canary-{self.dice.getrandbits(32):08x}")
        outcome = await self._outcome()
        well = outcome is Round.READ_BACK
        self.health.failures = 0 if well else self.health.failures + 1
        if well:
            self.health.read_back = self.clock.monotonic()
        elif self.health.failures == FAILURES_MAX:
            log.warning("our own item does not come back from the DHT", extra={"outcome": outcome.value})
        self.meters.success.set(well)
        self.meters.rounds.labels(outcome).inc()
        return outcome

    async def _outcome(self) -> Round:
        try:
            return await self._write_and_read()
        except ScoutError as error:
            log.info("a round of the canary failed", extra={"reason": error.detail})
            return Round.UNAVAILABLE

    async def _write_and_read(self) -> Round:
        version = self._next_version()
        stored = await self.service.put_mutable(version, self._context())
        if not stored.storing.stored:
            # somebody holds a higher seq of ours: the wall clock was set back since
            await self._read(version)
            return Round.NOT_STORED
        found = await self._read(version)
        return Round.READ_BACK if version.signature in {one.signature for one in found} else Round.NOT_FOUND

    def _next_version(self) -> dht.PutMutable:
        """Seqs follow the wall clock, so that they grow over restarts too."""
        now_ms, phase = self.clock.utc_ms(), epochs.phase(self.seed)
        epoch = epochs.epoch_at(phase, now_ms / 1000)
        if epoch != self._epoch:
            self._epoch, self._seq = epoch, 0
        self._seq = epochs.next_seq([self._seq], phase, epoch, now_ms)
        at = crypto.SealAt(seq=self._seq, epoch=epoch)
        sealed = Scout2Link(self.seed, member=0).seal_record(_NOTHING, at, self.nonces)
        return dht.PutMutable(
            public_key=sealed.public_key, seq=sealed.seq, value=sealed.value, signature=sealed.signature
        )

    async def _read(self, version: dht.PutMutable) -> list[dht.MutableVersion]:
        request = dht.GetMutable(public_key=version.public_key)
        found = (await self.service.get_mutable(request, self._context())).versions
        self._seq = max([self._seq, *(one.seq for one in found)])
        return found

    async def _until_joined(self) -> None:
        while not self.joined():
            await self.pause(self.pace.look_again_s)

    async def _rest(self, seconds: float) -> None:
        await self.pause(seconds * self.dice.uniform(1 - self.pace.jitter, 1 + self.pace.jitter))

    def _context(self) -> CallContext:
        return CallContext(deadline_ms=self.clock.utc_ms() + round(self.pace.round_s * 1000), trace=trace_id.get())


def canary_of(service: DhtService, clock: Clock, registry: CollectorRegistry, seed_path: Path | None) -> Canary:
    """The canary of a running node; `seed_path` is where its key is kept."""
    return Canary(
        service,
        service.canary,
        seed=kept_seed(seed_path, os.urandom),
        clock=clock,
        dice=random.SystemRandom(),
        meters=CanaryMeters.build(registry, service.canary, clock),
        joined=lambda: service.joined,
    )


def kept_seed(path: Path | None, entropy: Callable[[int], bytes]) -> bytes:
    """The canary's seed (32 bytes) in the file at `path`, drawn the first time; with None a new one each time.

    So a restarted node writes its old item again instead of leaving one more behind. A file that can't be read or
    written costs no more than that, and a line in the log.
    """
    fresh = entropy(SEED_SIZE)
    if path is None:
        return fresh
    try:
        if not path.exists():
            create_private_file(path, fresh)
        seed = path.read_bytes()
    except OSError as error:
        log.warning("the canary's key can't be kept", extra={"path": str(path), "reason": error.strerror})
        return fresh
    if len(seed) != SEED_SIZE:
        log.warning("the canary's key is damaged and is not used", extra={"path": str(path)})
        return fresh
    return seed
