"""NAT Port Mapping Protocol (RFC 6886): as much of it as a mapping of one UDP port takes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from scout.nat.exchange import ask
from scout.nat.ports import PortMapping, UnmappedError, Wish
from shared.settings import Endpoint

VERSION = 0
EXTERNAL_ADDRESS = 0
MAP_UDP = 1
RESPONSE = 0x80

_ADDRESS_REQUEST = bytes([VERSION, EXTERNAL_ADDRESS])
_HEADER = struct.Struct("!BBHI")
"""Version, opcode, result, seconds since the gateway's start (section 3.2)."""
_ADDRESS = struct.Struct("!4s")
_REQUEST = struct.Struct("!BBxxHHI")
"""Version, opcode, internal port, suggested external port, lifetime in seconds (section 3.3)."""
_MAPPED = struct.Struct("!HHI")
"""Internal port, external port, lifetime in seconds (section 3.3)."""
_RESULTS: Mapping[int, str] = {
    1: "unsupported version",
    2: "not authorized",
    3: "network failure",
    4: "out of resources",
    5: "unsupported opcode",
}
"""Section 3.5."""


@dataclass(frozen=True, slots=True)
class NatPmp:
    """Implements `ports.Way`."""

    gateway: Endpoint
    name: str = "NAT-PMP"

    async def map(self, wish: Wish) -> PortMapping:
        """See `ports.Way`."""
        host = await ask(self.gateway, wish.internal.host, _ADDRESS_REQUEST, decode_address)
        port, lifetime = await self._ask(wish)
        if lifetime == 0:
            raise UnmappedError("the gateway grants no time")
        return PortMapping(self.name, Endpoint(host, port), lifetime)

    async def unmap(self, granted: Wish) -> None:
        """See `ports.Way`."""
        # a lifetime and a suggested port of zero delete the mapping (section 3.4)
        await self._ask(Wish(granted.internal, 0, 0))

    async def _ask(self, wish: Wish) -> tuple[int, int]:
        return await ask(
            self.gateway, wish.internal.host, encode(wish), lambda data: decode_mapping(data, wish.internal.port)
        )


def encode(wish: Wish) -> bytes:
    """A request for a mapping: 12 bytes."""
    return _REQUEST.pack(VERSION, MAP_UDP, wish.internal.port, wish.external_port, wish.lifetime_s)


def decode_address(data: bytes) -> str | None:
    """The gateway's external address; None for what answers something else. Raises UnmappedError for a refusal."""
    body = _granted(data, EXTERNAL_ADDRESS, _ADDRESS)
    return None if body is None else str(IPv4Address(_ADDRESS.unpack(body)[0]))


def decode_mapping(data: bytes, internal_port: int) -> tuple[int, int] | None:
    """External port and lifetime in seconds; None for what answers something else. Raises UnmappedError."""
    body = _granted(data, MAP_UDP, _MAPPED)
    if body is None:
        return None
    internal, external, lifetime = _MAPPED.unpack(body)
    return (external, lifetime) if internal == internal_port else None


def _granted(data: bytes, opcode: int, body: struct.Struct) -> bytes | None:
    """What follows the header of a response to `opcode`."""
    if len(data) < _HEADER.size:
        return None
    version, answered, result, _epoch = _HEADER.unpack_from(data)
    if (version, answered) != (VERSION, RESPONSE | opcode):
        return None
    if result:
        raise UnmappedError(f"the gateway refuses ({_RESULTS.get(result, f'result {result}')})")
    rest = data[_HEADER.size :]
    return rest if len(rest) == body.size else None
