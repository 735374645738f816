"""Somebody with a socket and no key: asks DHT nodes for what lies at an address (KRPC `get`, BEP 5 and BEP 44).

Written without the DHT node's own code on purpose: this is what the network looks like from outside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shared.format import bencode
from shared.settings import Endpoint

ANSWER_WITHIN = 2.0
"""Seconds for all nodes together; on loopback they take milliseconds."""
ID_SIZE = 20


@dataclass(frozen=True, slots=True)
class Found:
    """A value as a node handed it over (not bencoded), and how many nodes hold one at this address."""

    value: bytes
    holders: int


@dataclass(slots=True)
class _Ears(asyncio.DatagramProtocol):
    """Hears answers until every node asked has given one."""

    expected: int
    answers: list[bytes] = field(default_factory=list)
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    def datagram_received(self, data: bytes, _addr: object) -> None:
        self.answers.append(data)
        if len(self.answers) == self.expected:
            self.complete.set()


async def look(target: bytes, nodes: Sequence[Endpoint], entropy: Callable[[int], bytes]) -> Found | None:
    """Ask each of `nodes` for the item at `target` (20 bytes); None when no node holds one."""
    transport, ears = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Ears(len(nodes)), local_addr=(nodes[0].host, 0)
    )
    try:
        for node in nodes:
            transport.sendto(_query(target, entropy), (node.host, node.port))
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await ears.complete.wait()
        except TimeoutError:
            pass  # a node that is gone; the others have answered
    finally:
        transport.close()
    values = [value for value in map(_value, ears.answers) if value is not None]
    return Found(values[0], len(values)) if values else None


def _query(target: bytes, entropy: Callable[[int], bytes]) -> bytes:
    arguments = {b"id": entropy(ID_SIZE), b"target": target}
    return bencode.encode({b"t": entropy(2), b"y": b"q", b"q": b"get", b"a": arguments, b"ro": 1})


def _value(answer: bytes) -> bytes | None:
    try:
        reply = bencode.decode(answer).get(b"r", {})
    except bencode.BencodeError:
        return None
    value = reply.get(b"v")
    return value if isinstance(value, bytes) else None
