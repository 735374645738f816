"""From bootstrap names to addresses, whenever the node is short of contacts.

Every A record of every name is tried, and the names belong to different operators: each of the well-known ones has
been dead for months at some time. When to ask again, and how much later each time, is the core's decision.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence

from services.dht_node.core.contact import Address
from shared.settings import Endpoint

log = logging.getLogger(__name__)

RESOLVE_WITHIN = 5.0
"""Seconds; a name server that takes longer will be asked again."""


class Bootstrap:
    """Resolves names when wished for, and hands all their addresses on."""

    def __init__(self, names: Sequence[Endpoint]) -> None:
        self._names = names
        self._wished = asyncio.Event()

    def wish(self) -> None:
        """The node wants bootstrap nodes."""
        self._wished.set()

    async def run(self, hand_in: Callable[[list[Address]], None]) -> None:
        """Serve wishes until cancelled."""
        while True:
            await self._wished.wait()
            self._wished.clear()
            addresses = await resolve_all(self._names)
            if addresses:
                hand_in(addresses)


async def resolve_all(names: Sequence[Endpoint]) -> list[Address]:
    """The addresses of all names that could be resolved, without duplicates, in the order of the names."""
    found = await asyncio.gather(*map(_resolve, names))
    return list(dict.fromkeys(address for addresses in found for address in addresses))


async def _resolve(name: Endpoint) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_WITHIN):
            records = await loop.getaddrinfo(name.host, name.port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    except (OSError, TimeoutError) as error:
        log.warning("a bootstrap name has no address", extra={"bootstrap": str(name), "reason": str(error)})
        return []
    return [(str(host), int(port)) for *_, (host, port, *_rest) in records]
