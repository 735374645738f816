"""Who and where: addresses, their compact form (BEP 5, "Contact Encoding"), and the prefixes we count them by."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

Address = tuple[str, int]
"""Host in dotted form and UDP port, as the socket hands it over."""

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
    if len(packed) != COMPACT_PEER - 2:
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
