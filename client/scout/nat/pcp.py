"""Port Control Protocol, version 2 (RFC 6887): as much of it as a mapping of one UDP port takes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address

from scout.nat.exchange import ask
from scout.nat.ports import PortMapping, UnmappedError, Wish
from shared.settings import Endpoint

VERSION = 2
MAP = 1
RESPONSE = 0x80
UDP = 17
NONCE_SIZE = 12
MAX_SIZE = 1100
"""Bytes of a message (section 7)."""

_REQUEST = struct.Struct("!BBxxI16s")
"""Version, opcode, lifetime in seconds, the client's address (section 7.1)."""
_RESPONSE = struct.Struct("!BBxBII12x")
"""Version, opcode, result, lifetime in seconds, the server's epoch (section 7.2)."""
_MAP = struct.Struct("!12sB3xHH16s")
"""Nonce, protocol, internal port, external port, external address (section 11.1)."""
_ANY = IPv6Address("::ffff:0:0").packed
"""Any external address of IPv4 (section 11.1)."""
_NAT_PMP = 0
_UNSUPPORTED_VERSION = 1
_RESULTS: Mapping[int, str] = {
    _UNSUPPORTED_VERSION: "it does not speak version 2",
    2: "not authorized",
    3: "malformed request",
    4: "unsupported opcode",
    5: "unsupported option",
    6: "malformed option",
    7: "network failure",
    8: "no resources",
    9: "unsupported protocol",
    10: "quota exceeded",
    11: "it can't provide the external address",
    12: "another NAT stands between us",
    13: "too many remote peers",
}
"""Section 7.4."""


@dataclass(frozen=True, slots=True)
class Pcp:
    """Implements `ports.Way`."""

    gateway: Endpoint
    nonce: bytes
    """12 bytes, the same for each renewal: a gateway lets nobody else change a mapping (section 11.2)."""
    name: str = "PCP"

    async def map(self, wish: Wish) -> PortMapping:
        """See `ports.Way`."""
        mapping = await self._ask(wish)
        if mapping.lifetime_s == 0:
            raise UnmappedError("the gateway grants no time")
        return mapping

    async def unmap(self, granted: Wish) -> None:
        """See `ports.Way`."""
        # a lifetime of zero deletes, and nothing is suggested (section 15.1 and its erratum 3621)
        await self._ask(Wish(granted.internal, 0, 0))

    async def _ask(self, wish: Wish) -> PortMapping:
        return await ask(
            self.gateway,
            wish.internal.host,
            encode(wish, self.nonce),
            lambda data: decode(data, wish.internal.port, self.nonce),
        )


def encode(wish: Wish, nonce: bytes) -> bytes:
    """A MAP request: 60 bytes."""
    header = _REQUEST.pack(VERSION, MAP, wish.lifetime_s, _mapped(wish.internal.host))
    return header + _MAP.pack(nonce, UDP, wish.internal.port, wish.external_port, _ANY)


def decode(data: bytes, internal_port: int, nonce: bytes) -> PortMapping | None:
    """What a MAP response grants; None for what answers something else. Raises UnmappedError for a refusal.

    A gateway that knows NAT-PMP only says so in a message of its own form (RFC 6886, section 3.5).
    """
    if data[:1] == bytes([_NAT_PMP]):
        raise UnmappedError("the gateway does not speak it")
    if not _RESPONSE.size <= len(data) <= MAX_SIZE or len(data) % 4:
        return None
    version, opcode, result, lifetime, _epoch = _RESPONSE.unpack_from(data)
    if opcode != RESPONSE | MAP or (version != VERSION and result != _UNSUPPORTED_VERSION):
        return None
    if version == VERSION and not _is_ours(data, internal_port, nonce):
        return None
    if result:
        raise UnmappedError(f"the gateway refuses ({_RESULTS.get(result, f'result {result}')})")
    *_, port, address = _MAP.unpack_from(data, _RESPONSE.size)
    return PortMapping("PCP", Endpoint(_unmapped(address), port), lifetime)


def _is_ours(data: bytes, internal_port: int, nonce: bytes) -> bool:
    """Whether a response is about our mapping (section 11.4)."""
    if len(data) < _RESPONSE.size + _MAP.size:
        return False
    echoed, protocol, port, *_ = _MAP.unpack_from(data, _RESPONSE.size)
    return bool((echoed, protocol, port) == (nonce, UDP, internal_port))


def _mapped(host: str) -> bytes:
    """An IPv4 address as PCP has it: mapped into IPv6 (section 5)."""
    return IPv6Address(f"::ffff:{host}").packed


def _unmapped(address: bytes) -> str:
    found = IPv6Address(address)
    return str(found.ipv4_mapped or found)
