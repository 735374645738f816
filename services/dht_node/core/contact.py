"""Who and where: addresses, their compact form (BEP 5, "Contact Encoding"), and the prefixes we count them by."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

Address = tuple[str, int]
"""Host in dotted form and UDP port, as the socket hands it over."""

IPV4_SIZE = 4
IPV6_LOOPBACK = bytes(15) + b"\x01"
COMPACT_PEER = 6
"""Bytes: IPv4 address and port, big-endian."""
COMPACT_NODE = 26
"""Bytes: node id and compact peer."""
ADDRESS_CACHE = 65_536
"""Addresses whose packed form is kept: more than the peers that speak to one node in an hour."""


class Contact(NamedTuple):
    """A node that somebody told us of, or that spoke to us."""

    id: bytes
    """20 bytes."""
    address: Address


@lru_cache(maxsize=ADDRESS_CACHE)
def pack_ip(host: str) -> bytes:
    """An IPv4 address in dotted form as 4 bytes; raises ValueError for anything else."""
    packed = bytes(map(int, host.split(".")))
    if len(packed) != IPV4_SIZE:
        raise ValueError(f"expected an IPv4 address, got {host!r}")
    return packed


@lru_cache(maxsize=ADDRESS_CACHE)
def pack_address(address: Address) -> bytes:
    """The compact form of an address: 6 bytes."""
    return pack_ip(address[0]) + address[1].to_bytes(2, "big")


@lru_cache(maxsize=ADDRESS_CACHE)
def unpack_address(compact: bytes) -> Address:
    """The address that 6 compact bytes stand for."""
    a, b, c, d, high, low = compact
    return f"{a}.{b}.{c}.{d}", high << 8 | low


def pack_contact(contact: Contact) -> bytes:
    """The compact form of a contact: 26 bytes."""
    return contact.id + pack_address(contact.address)


def prefix(host: str) -> bytes:
    """The /24 that an IPv4 address lies in, 3 bytes: the unit of quotas and of diversity."""
    return pack_ip(host)[:3]


def is_local(ip: bytes) -> bool:
    """Whether an address (4 or 16 bytes) is private, loopback or link-local: BEP 42 ties no id to it.

    RFC 1918, RFC 1122 (127/8), RFC 3927 (169.254/16), RFC 4193 (fc00::/7), RFC 4291 (::1, fe80::/10).
    """
    first, second = ip[0], ip[1]
    if len(ip) == IPV4_SIZE:
        return (
            first in (10, 127) or (first, second) in ((169, 254), (192, 168)) or (first == 172 and 16 <= second < 32)  # noqa: PLR2004  # 172.16/12, as everybody writes it
        )
    return first & 0xFE == 0xFC or (first == 0xFE and second & 0xC0 == 0x80) or ip == IPV6_LOOPBACK  # noqa: PLR2004
