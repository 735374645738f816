"""The use cases' ports over the bus: one line an operation."""

from __future__ import annotations

from collections.abc import Callable

from shared.bus.ports import Requester
from shared.contracts import crypto, dht
from shared.contracts.operation import CallContext, Operation, Reply, Request
from shared.errors import ErrorCode, ScoutError

LOST = 40
"""Packets that a call is taken to have cost when no reply says so: about those of one lookup."""


class _Charged:
    """Calls whose costs in DHT packets go to the account of whoever makes them."""

    def __init__(self, requester: Requester) -> None:
        self._requester = requester

    async def _call(
        self,
        operation: Operation[Request, Reply],
        request: Request,
        context: CallContext,
        cost: Callable[[Reply], int],
    ) -> Reply:
        try:
            reply = await self._requester.call(operation, request, context)
        except ScoutError as error:
            if error.code is ErrorCode.DEADLINE_EXCEEDED:
                context.spend(LOST)
            raise
        context.spend(cost(reply))
        return reply


class BusDht(_Charged):
    """The port `shared.usecases.ports.Dht`, answered by the DHT nodes on the bus."""

    async def get_mutable(self, request: dht.GetMutable, context: CallContext) -> dht.GetMutableReply:
        """Find the versions of a mutable item."""
        return await self._call(dht.GET_MUTABLE, request, context, _of_lookup)

    async def put_mutable(self, request: dht.PutMutable, context: CallContext) -> dht.PutReply:
        """Store a signed version, conditionally when `request.seen` is given."""
        return await self._call(dht.PUT_MUTABLE, request, context, _of_put)

    async def get_immutable(self, request: dht.GetImmutable, context: CallContext) -> dht.GetImmutableReply:
        """Find an immutable item by its target."""
        return await self._call(dht.GET_IMMUTABLE, request, context, _of_lookup)

    async def put_immutable(self, request: dht.PutImmutable, context: CallContext) -> dht.PutReply:
        """Store an immutable item."""
        return await self._call(dht.PUT_IMMUTABLE, request, context, _of_put)

    async def keep(self, request: dht.Keep, context: CallContext) -> dht.KeepReply:
        """Put versions of a mutable item when their time comes."""
        return await self._requester.call(dht.KEEP, request, context)

    async def release(self, request: dht.Release, context: CallContext) -> dht.ReleaseReply:
        """End the tenant's wish to have an item kept alive, or say that there is one."""
        return await self._requester.call(dht.RELEASE, request, context)


class BusDhtNode(_Charged):
    """What can be asked about a DHT node itself, answered by whichever of them takes the request.

    Peers are its as well: an announcement bears its address.
    """

    async def status(self, request: dht.Status, context: CallContext) -> dht.StatusReply:
        """How the node is."""
        return await self._requester.call(dht.STATUS, request, context)

    async def ping(self, request: dht.Ping, context: CallContext) -> dht.PingReply:
        """Whether another node answers it."""
        return await self._call(dht.PING, request, context, lambda _: 1)

    async def lookup(self, request: dht.Lookup, context: CallContext) -> dht.LookupReply:
        """The nodes nearest to a target."""
        return await self._call(dht.LOOKUP, request, context, _of_lookup)

    async def get_peers(self, request: dht.GetPeers, context: CallContext) -> dht.GetPeersReply:
        """The peers announced for an info-hash."""
        return await self._call(dht.GET_PEERS, request, context, _of_lookup)

    async def announce_peer(self, request: dht.AnnouncePeer, context: CallContext) -> dht.PutReply:
        """Announce a port of its address for an info-hash."""
        return await self._call(dht.ANNOUNCE_PEER, request, context, _of_put)


def _of_lookup(reply: dht.GetMutableReply | dht.GetImmutableReply | dht.GetPeersReply | dht.LookupReply) -> int:
    """A query to each node that was asked."""
    return reply.report.asked


def _of_put(reply: dht.PutReply) -> int:
    """The lookup's, and a put to each node that was asked to store."""
    return reply.lookup.asked + reply.storing.asked


class BusCrypto:
    """The port `shared.usecases.ports.Crypto`, answered by the crypto service on the bus."""

    def __init__(self, requester: Requester) -> None:
        self._requester = requester

    async def create_key(self, request: crypto.CreateKey, context: CallContext) -> crypto.CreateKeyReply:
        """Make or import a key."""
        return await self._requester.call(crypto.CREATE_KEY, request, context)

    async def create_link(self, request: crypto.CreateLink, context: CallContext) -> crypto.CreateLinkReply:
        """Make a link from a key and a peer, or from a shared secret."""
        return await self._requester.call(crypto.CREATE_LINK, request, context)

    async def locate(self, request: crypto.Locate, context: CallContext) -> crypto.LocateReply:
        """Say where a link's record lives."""
        return await self._requester.call(crypto.LOCATE, request, context)

    async def open_record(self, request: crypto.OpenRecord, context: CallContext) -> crypto.OpenRecordReply:
        """Open versions of a record."""
        return await self._requester.call(crypto.OPEN_RECORD, request, context)

    async def seal_record(self, request: crypto.SealRecord, context: CallContext) -> crypto.SealRecordReply:
        """Seal and sign the next version of a record."""
        return await self._requester.call(crypto.SEAL_RECORD, request, context)

    async def seal_message(self, request: crypto.SealMessage, context: CallContext) -> crypto.SealMessageReply:
        """Frame a message, sealed unless told otherwise."""
        return await self._requester.call(crypto.SEAL_MESSAGE, request, context)

    async def open_messages(self, request: crypto.OpenMessages, context: CallContext) -> crypto.OpenMessagesReply:
        """Unframe and open messages."""
        return await self._requester.call(crypto.OPEN_MESSAGES, request, context)

    async def rewrap(self, request: crypto.Rewrap, context: CallContext) -> crypto.RewrapReply:
        """Move a handle to the newest master key."""
        return await self._requester.call(crypto.REWRAP, request, context)
