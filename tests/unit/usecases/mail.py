"""Members of one link who leave each other messages, each call through a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from shared.contracts.operation import CallContext
from shared.usecases import inbox, receipts, records
from shared.usecases.inbox import Query
from shared.usecases.messages import Outgoing, Sent, send
from shared.usecases.releasing import Releaser
from shared.usecases.synchronise import Synchroniser
from tests.unit.usecases.world import World

HOUR = 3600


@dataclass
class Mail:
    """Members of one link who write through one process; each walk ends with the call that began it."""

    world: World

    @asynccontextmanager
    async def process(self, tenant: str = "default") -> AsyncIterator[tuple[Synchroniser, Releaser, CallContext]]:
        context = replace(self.world.context, tenant=tenant)
        async with Releaser(self.world.ports) as releaser, Synchroniser(self.world.ports, releaser.notice) as writer:
            yield writer, releaser, context

    async def send(self, member: int, body: bytes, *, keep: int = HOUR, tenant: str = "default") -> Sent:
        async with self.process(tenant) as (writer, _, context):
            place = await self.world.place(member, tenant=tenant)
            return await send(self.world.ports, writer, place, Outgoing(body, keep=keep), context)

    async def acknowledge(self, member: int, received: Mapping[int, int]) -> None:
        async with self.process() as (writer, _, context):
            place = await self.world.place(member)
            await writer.synchronise(place, receipts.acknowledgement(place, received), context)

    async def read(self, member: int, query: Query | None = None, tenant: str = "default") -> inbox.Inbox:
        async with self.process(tenant) as (_, releaser, context):
            place = await self.world.place(member, tenant=tenant)
            record = await records.read_at(self.world.ports, place, context)
            releaser.notice(place, record, context)
            return await inbox.read(self.world.ports, place, record.entries, query or Query(), context)

    def kept(self, sent: Sent, tenant: str = "default") -> bool:
        return (tenant, sent.target) in self.world.twin.kept
