"""The two things every use case needs: a DHT, and somebody who holds the keys.

In the API both are gateways over the bus; in a client either may live in its own process.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from shared.clock import Clock
from shared.contracts import crypto, dht
from shared.contracts.operation import CallContext
from shared.usecases.highest import HighestStamps


class Nodes(Protocol):
    """A DHT node. Every call raises ScoutError (`dht_unavailable`, `deadline_exceeded`, …)."""

    async def get_mutable(self, request: dht.GetMutable, context: CallContext) -> dht.GetMutableReply:
        """Find the versions of a mutable item."""
        ...

    async def put_mutable(self, request: dht.PutMutable, context: CallContext) -> dht.PutReply:
        """Store a signed version, conditionally when `request.seen` is given."""
        ...

    async def get_immutable(self, request: dht.GetImmutable, context: CallContext) -> dht.GetImmutableReply:
        """Find an immutable item by its target."""
        ...

    async def put_immutable(self, request: dht.PutImmutable, context: CallContext) -> dht.PutReply:
        """Store an immutable item."""
        ...


class Dht(Nodes, Protocol):
    """A DHT node of a cluster that keeps things alive, as the `keep` of its puts asks for."""

    async def keep(self, request: dht.Keep, context: CallContext) -> dht.KeepReply:
        """Put versions of a mutable item by itself, each from its time on."""
        ...

    async def release(self, request: dht.Release, context: CallContext) -> dht.ReleaseReply:
        """End the tenant's wish to have an item kept alive, or say that there is one."""
        ...


class LinkCrypto(Protocol):
    """A holder of the keys of links. Every call raises ScoutError (`bad_handle`, …)."""

    async def locate(self, request: crypto.Locate, context: CallContext) -> crypto.LocateReply:
        """Say where a link's record lives."""
        ...

    async def open_record(self, request: crypto.OpenRecord, context: CallContext) -> crypto.OpenRecordReply:
        """Open versions of a record."""
        ...

    async def seal_record(self, request: crypto.SealRecord, context: CallContext) -> crypto.SealRecordReply:
        """Seal and sign the next version of a record."""
        ...

    async def seal_message(self, request: crypto.SealMessage, context: CallContext) -> crypto.SealMessageReply:
        """Frame a message, sealed unless told otherwise."""
        ...

    async def open_messages(self, request: crypto.OpenMessages, context: CallContext) -> crypto.OpenMessagesReply:
        """Unframe and open messages."""
        ...


class Crypto(LinkCrypto, Protocol):
    """The same, that makes links and wraps them into handles for their owners to keep."""

    async def create_key(self, request: crypto.CreateKey, context: CallContext) -> crypto.CreateKeyReply:
        """Make or import a key."""
        ...

    async def create_link(self, request: crypto.CreateLink, context: CallContext) -> crypto.CreateLinkReply:
        """Make a link from a key and a peer, or from a shared secret."""
        ...

    async def rewrap(self, request: crypto.Rewrap, context: CallContext) -> crypto.RewrapReply:
        """Move a handle to the newest master key."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """All that a use case takes from outside itself."""

    dht: Dht
    crypto: LinkCrypto
    clock: Clock
    dice: random.Random
    """For jitter only, never for keys."""
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits that many seconds."""
    highest: HighestStamps = field(default_factory=HighestStamps)
    """What this process has seen of records."""
