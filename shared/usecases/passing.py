"""A DHT that passes everything on to another: the base of those that do one thing more."""

from __future__ import annotations

from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.usecases.ports import Dht


class PassingDht:
    """The port `Dht`, by way of `inner`."""

    def __init__(self, inner: Dht) -> None:
        """Pass everything on to `inner`."""
        self.inner = inner

    async def get_mutable(self, request: dht.GetMutable, context: CallContext) -> dht.GetMutableReply:
        """See `Dht`."""
        return await self.inner.get_mutable(request, context)

    async def put_mutable(self, request: dht.PutMutable, context: CallContext) -> dht.PutReply:
        """See `Dht`."""
        return await self.inner.put_mutable(request, context)

    async def get_immutable(self, request: dht.GetImmutable, context: CallContext) -> dht.GetImmutableReply:
        """See `Dht`."""
        return await self.inner.get_immutable(request, context)

    async def put_immutable(self, request: dht.PutImmutable, context: CallContext) -> dht.PutReply:
        """See `Dht`."""
        return await self.inner.put_immutable(request, context)

    async def keep(self, request: dht.Keep, context: CallContext) -> dht.KeepReply:
        """See `Dht`."""
        return await self.inner.keep(request, context)

    async def release(self, request: dht.Release, context: CallContext) -> dht.ReleaseReply:
        """See `Dht`."""
        return await self.inner.release(request, context)
