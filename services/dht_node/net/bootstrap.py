"""From bootstrap names to addresses, whenever the node is short of contacts.

Every A record of every name is tried, for IPv6 every AAAA record, and the names belong to different operators: each of
the well-known ones has been dead for months at some time. When to ask again, and how much later each time, is the
core's decision.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence

from services.dht_node.core.contact import Address
from services.dht_node.core.family import V4, Family, family_of
from shared.settings import Endpoint

log = logging.getLogger(__name__)

RESOLVE_WITHIN = 5.0
"""Seconds; a name server that takes longer will be asked again."""


class Bootstrap:
    """Resolves names when wished for, and hands all their addresses on."""

    def __init__(self, names: Sequence[Endpoint], family: Family = V4) -> None:
        self._names = names
        self._family = family
        self._wished = asyncio.Event()

    def wish(self) -> None:
        """The node wants bootstrap nodes."""
        self._wished.set()

    async def run(self, hand_in: Callable[[list[Address]], None]) -> None:
        """Serve wishes until cancelled."""
        while True:
            await self._wished.wait()
            self._wished.clear()
            addresses = await resolve_all(self._names, self._family)
            if addresses:
                hand_in(addresses)


async def resolve_all(names: Sequence[Endpoint], family: Family = V4) -> list[Address]:
    """The addresses, of one family, of all names that have such; without duplicates, in the order of the names."""
    found = await asyncio.gather(*[_resolve(name, family) for name in names])
    return list(dict.fromkeys(address for addresses in found for address in addresses))


async def _resolve(name: Endpoint, family: Family) -> list[Address]:
    if family is V4 and family_of(name.host) is not V4:
        return []  # the address of a node of the other family, and no name at all
    kind = socket.AF_INET if family is V4 else socket.AF_INET6
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_WITHIN):
            records = await loop.getaddrinfo(name.host, name.port, family=kind, type=socket.SOCK_DGRAM)
    except (OSError, TimeoutError) as error:
        # that a name has no AAAA record is no news
        level = logging.WARNING if family is V4 else logging.DEBUG
        log.log(level, "a bootstrap name has no address", extra={"bootstrap": str(name), "reason": str(error)})
        return []
    return [(str(host), int(port)) for *_, (host, port, *_rest) in records]
