"""Two processes' worth of use cases over one in-memory DHT and the real crypto service, all from one seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from services.crypto.handles import MasterKey
from services.crypto.service import CryptoService
from shared.contracts import crypto, dht
from shared.contracts.crypto import FormatName
from shared.contracts.operation import CallContext
from shared.format.scout1.record import Entry, serialise
from shared.settings import Secret
from shared.usecases import records
from shared.usecases.changes import Edit
from shared.usecases.formats.ports import Wanted
from shared.usecases.ports import Ports
from shared.usecases.records import Place, Record
from shared.usecases.synchronise import Synced, Synchroniser
from tests.support.clock import ManualClock
from tests.support.twin_dht import TwinDht

SECRET = bytes(range(32))


@dataclass
class World:
    """The twin DHT, the ports, and one synchroniser for each "process"."""

    twin: TwinDht
    crypto: CryptoService
    clock: ManualClock
    ports: Ports
    processes: list[Synchroniser]
    pauses: list[float] = field(default_factory=list)
    format: FormatName = "scout1"
    """Of the links that it makes."""

    @property
    def context(self) -> CallContext:
        return CallContext(deadline_ms=self.clock.utc_ms() + 10_000, trace="test")

    async def place(self, member: int = 0, secret: bytes = SECRET, tenant: str = "default") -> Place:
        context = replace(self.context, tenant=tenant)
        made = await self.crypto.create_link(
            crypto.CreateLink(secret=secret, member=member, format=self.format), context
        )
        return await records.locate(self.ports, made.link, context)

    async def sync(
        self, place: Place, entries: dict[int, bytes] | None = None, *, remove: set[int] | None = None, process: int = 0
    ) -> Synced:
        wanted = tuple(Wanted(id_, content) for id_, content in (entries or {}).items())
        change = Edit(wanted, frozenset(remove or ())) if wanted or remove else None
        return await self.processes[process].synchronise(place, change, self.context)

    def plant(self, place: Place, version: dht.MutableVersion, where: slice = slice(None)) -> None:
        """Have some nodes hold this version of the record, and no other."""
        self.twin.plant(place.sites[0].public_key, version, where)

    async def read(self, place: Place) -> Record:
        return await records.read_at(self.ports, place, self.context)

    async def contents(self, place: Place) -> dict[int, bytes]:
        return {entry.id: entry.content or b"" for entry in (await self.read(place)).entries}

    async def version(self, place: Place, seq: int, *entries: Entry) -> dht.MutableVersion:
        """A validly signed version, to be planted."""
        return await self.sealed(place, seq, serialise(entries))

    async def sealed(self, place: Place, seq: int, plaintext: bytes) -> dht.MutableVersion:
        request = crypto.SealRecord(link=place.link, plaintext=plaintext, places=[crypto.SealAt(seq=seq)])
        (sealed,) = (await self.crypto.seal_record(request, self.context)).sealed
        return dht.MutableVersion(value=sealed.value, seq=seq, signature=sealed.signature, holders=0)


@asynccontextmanager
async def a_world(*, nodes: int = 8, seed: int = 1, loss: float = 0.0, processes: int = 1) -> AsyncIterator[World]:
    dice = random.Random(seed)
    twin = TwinDht(nodes, seed=seed, loss=loss)
    service = CryptoService([MasterKey(1, Secret(bytes(32)))], dice.randbytes)
    clock = ManualClock()
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        # virtual milliseconds become turns of the loop, so that of two racing writers the luckier one goes first
        for _ in range(int(seconds * 1000)):
            await asyncio.sleep(0)

    ports = Ports(dht=twin, crypto=service, clock=clock, dice=dice, pause=pause)
    async with AsyncExitStack() as stack:
        running = [await stack.enter_async_context(Synchroniser(ports)) for _ in range(processes)]
        yield World(twin, service, clock, ports, running, pauses)
