"""The use cases on a real swarm over UDP: writers behind different nodes race for the same records."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter

from services.crypto.handles import MasterKey
from services.crypto.service import CryptoService
from services.dht_node.keeping import KeepingDht, KeepPace
from services.standalone.swarm import open_swarm
from shared.bus.memory_leases import MemoryLeases
from shared.clock import SystemClock
from shared.contracts import crypto
from shared.contracts.operation import CallContext
from shared.settings import Secret
from shared.usecases import inbox, records
from shared.usecases.changes import Edit
from shared.usecases.formats import format_of
from shared.usecases.formats.ports import Wanted
from shared.usecases.messages import Outgoing, send
from shared.usecases.ports import Ports
from shared.usecases.records import Place
from shared.usecases.synchronise import Synchroniser

RECORDS, WRITERS, NODES = 10, 10, 12


async def test_racing_writers_behind_different_nodes_lose_nothing() -> None:
    clock = SystemClock()
    service = CryptoService([MasterKey(1, Secret(bytes(32)))], os.urandom)

    def soon() -> CallContext:
        return CallContext(deadline_ms=clock.utc_ms() + 20_000)

    async def place_of(secret: int, member: int) -> Place:
        made = await service.create_link(crypto.CreateLink(secret=bytes([secret]) * 32, member=member), soon())
        located = await service.locate(crypto.Locate(link=made.link), soon())
        return Place(made.link, format_of(located.format), located.member, tuple(located.sites))

    async with open_swarm(NODES, "127.92", clock=clock, entropy=os.urandom) as nodes:
        dice, leases = random.Random(1), MemoryLeases()
        keeping = [KeepingDht(node, leases, clock, dice, KeepPace()) for node in nodes[:2]]
        ports = [Ports(dht=node, crypto=service, clock=clock, dice=random.Random(n)) for n, node in enumerate(keeping)]
        async with Synchroniser(ports[0]) as one, Synchroniser(ports[1]) as other:
            processes = (one, other)
            places = [await place_of(n, 0) for n in range(1, RECORDS + 1)]
            synced = await asyncio.gather(
                *(
                    processes[writer % 2].synchronise(place, Edit((Wanted(writer, b"%d" % writer),)), soon())
                    for writer in range(1, WRITERS + 1)
                    for place in places
                )
            )
            assert len(synced) == RECORDS * WRITERS
            for place in places:
                found = await records.read_at(ports[0], place, soon())
                assert [entry.id for entry in found.entries] == list(range(1, WRITERS + 1))
            await asyncio.gather(
                *(send(ports[n % 2], processes[n % 2], places[0], Outgoing(b"%d" % n), soon()) for n in range(10))
            )
            reader = await place_of(1, 1)
            found = await records.read_at(ports[1], reader, soon())
            read = await inbox.read(ports[1], reader, found.entries, inbox.Query(), soon())
            assert Counter(message.body for message in read.messages) == Counter(b"%d" % n for n in range(10))
            assert read.gaps == ()
