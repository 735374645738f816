"""A few KRPC questions from this very machine: one UDP socket, no node.

It says that it is read-only (BEP 43), because nobody will answer at its address a minute later.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from scout.transport import Surroundings
from shared.format import bencode

Address = tuple[str, int]

ANSWER_WITHIN = 2.0
"""Seconds: more than any round trip on earth."""
ATTEMPTS = 2
"""One datagram may get lost."""
ID_SIZE = 20
TRANSACTION_SIZE = 4
COMPACT_NODE = 26
"""Bytes of a node in `nodes` (BEP 5): id, IPv4 address, port."""
COMPACT_ADDRESS = 6


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer."""

    source: Address
    seen_as: Address | None
    """Our address as that node sees it (BEP 42 `ip`); None when it does not say."""
    nodes: tuple[Address, ...]
    """The nodes that it named."""
    seconds: float


class Prober(asyncio.DatagramProtocol):
    """Asks, and matches answers by transaction and address."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._id = surroundings.entropy(ID_SIZE)
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[tuple[bytes, Address], asyncio.Future[dict[bytes, Any]]] = {}

    @property
    def port(self) -> int:
        """The port that our datagrams leave by, as this machine knows it."""
        if self._transport is None:
            raise RuntimeError("expected a prober from `probing`")
        return int(self._transport.get_extra_info("sockname")[1])

    async def find_node(self, address: Address) -> Heard | None:
        """Ask for the nodes near a random id; None when no answer came."""
        return await self._ask(address, b"find_node", {b"target": self._surroundings.entropy(ID_SIZE)})

    async def ping(self, address: Address) -> Heard | None:
        """Ask whether somebody is there."""
        return await self._ask(address, b"ping", {})

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        # a loop's own transports are DatagramTransports in form only, before Python 3.12
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Hand an answer to whoever waits for it; anything else is nobody's."""
        try:
            message = bencode.decode_lenient(data)
        except bencode.BencodeError:
            return
        if isinstance(message, dict) and isinstance(message.get(b"t"), bytes):
            future = self._waiting.get((message[b"t"], addr))
            if future is not None and not future.done() and isinstance(message.get(b"r"), dict):
                future.set_result(message)

    def error_received(self, exc: Exception) -> None:
        """Somebody on the way says that nobody is there; so does silence."""

    async def _ask(self, address: Address, method: bytes, arguments: dict[bytes, Any]) -> Heard | None:
        for _ in range(ATTEMPTS):
            sent = self._surroundings.clock.monotonic()
            message = await self._once(address, method, arguments)
            if message is not None:
                seconds = self._surroundings.clock.monotonic() - sent
                return Heard(address, _address(message.get(b"ip")), _nodes(message[b"r"].get(b"nodes")), seconds)
        return None

    async def _once(self, address: Address, method: bytes, arguments: dict[bytes, Any]) -> dict[bytes, Any] | None:
        transaction = self._surroundings.entropy(TRANSACTION_SIZE)
        query = {b"a": {b"id": self._id, **arguments}, b"q": method, b"ro": 1, b"t": transaction, b"y": b"q"}
        waiting: asyncio.Future[dict[bytes, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[transaction, address] = waiting
        try:
            if self._transport is not None:
                self._transport.sendto(bencode.encode(query), address)
            async with asyncio.timeout(ANSWER_WITHIN):
                return await waiting
        except TimeoutError:
            return None
        finally:
            del self._waiting[transaction, address]


@asynccontextmanager
async def probing(surroundings: Surroundings) -> AsyncIterator[Prober]:
    """A prober on a port of its own until the block ends. Raises OSError where no socket can be had."""
    loop = asyncio.get_running_loop()
    transport, prober = await loop.create_datagram_endpoint(
        lambda: Prober(surroundings),
        local_addr=("0.0.0.0", 0),  # noqa: S104  # any way out
        family=socket.AF_INET,
    )
    try:
        yield prober
    finally:
        transport.close()


def _nodes(packed: Any) -> tuple[Address, ...]:
    if not isinstance(packed, bytes):
        return ()
    ends = range(COMPACT_NODE, len(packed) + 1, COMPACT_NODE)
    found = (_address(packed[end - COMPACT_ADDRESS : end]) for end in ends)
    return tuple(address for address in found if address is not None and address[1])


def _address(compact: Any) -> Address | None:
    if not isinstance(compact, bytes) or len(compact) != COMPACT_ADDRESS:
        return None
    return str(ipaddress.IPv4Address(compact[:4])), int.from_bytes(compact[4:], "big")
