"""Who and where: addresses, their compact form (BEP 5, "Contact Encoding"), and the prefixes we count them by."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple

from services.dht_node.core.family import V4, V6, Family

Address = tuple[str, int]
"""Host, dotted or as RFC 5952 writes IPv6, and UDP port: as the socket hands it over."""

NODE_ID = 20
"""Bytes of the id that a compact contact begins with."""
PORT_SIZE = 2
IPV6_LOOPBACK = bytes(15) + b"\x01"
ADDRESS_CACHE = 65_536
"""Addresses whose packed form is kept: more than the peers that speak to one node in an hour."""


class Contact(NamedTuple):
    """A node that somebody told us of, or that spoke to us."""

    id: bytes
    """20 bytes."""
    address: Address


@lru_cache(maxsize=ADDRESS_CACHE)
def pack_ip(host: str) -> bytes:
    """An address as 4 or 16 bytes; raises ValueError for anything else."""
    if ":" in host:
        return IPv6Address(host).packed
    packed = bytes(map(int, host.split(".")))
    if len(packed) != V4.ip_size:
        raise ValueError(f"expected an IP address, got {host!r}")
    return packed


@lru_cache(maxsize=ADDRESS_CACHE)
def pack_address(address: Address) -> bytes:
    """The compact form of an address: 6 or 18 bytes."""
    return pack_ip(address[0]) + address[1].to_bytes(2, "big")


@lru_cache(maxsize=ADDRESS_CACHE)
def unpack_address(compact: bytes) -> Address:
    """The address that 6 or 18 compact bytes stand for."""
    if len(compact) == V6.compact_peer:
        return unpack_ip(compact[: V6.ip_size]), int.from_bytes(compact[V6.ip_size :], "big")
    a, b, c, d, high, low = compact
    return f"{a}.{b}.{c}.{d}", high << 8 | low


def unpack_ip(ip: bytes) -> str:
    """The text of 4 or 16 bytes, the same for equal addresses (RFC 5952)."""
    return str(IPv6Address(ip)) if len(ip) == V6.ip_size else ".".join(map(str, ip))


def pack_contact(contact: Contact) -> bytes:
    """The compact form of a contact: 26 or 38 bytes."""
    return contact.id + pack_address(contact.address)


def unpack_contacts(packed: bytes, family: Family) -> tuple[Contact, ...]:
    """The contacts in a row of compact ones; a truncated last one is passed over."""
    size = family.compact_node
    return tuple(
        Contact(packed[at : at + NODE_ID], unpack_address(packed[at + NODE_ID : at + size]))
        for at in range(0, len(packed) - size + 1, size)
    )


@lru_cache(maxsize=ADDRESS_CACHE)
def prefix(host: str) -> bytes:
    """The network of an address, the unit of quotas and of diversity: its /24 (3 bytes), of IPv6 its /48 (6 bytes)."""
    return network(pack_ip(host))


def network(packed: bytes) -> bytes:
    """The same for an address that is packed already, with or without its port."""
    return packed[:3] if len(packed) <= V4.compact_peer else packed[:6]


@lru_cache(maxsize=ADDRESS_CACHE)
def subscriber(host: str) -> str:
    """What one subscriber has, and may have one entry and one rate for: an IPv4 address, or the /64 of an IPv6 one."""
    if ":" not in host:
        return host
    return unpack_ip(pack_ip(host)[:8] + bytes(8))


def wide_prefix(host: str) -> bytes:
    """What one owner of many addresses may well have whole: its /16 (2 bytes), of IPv6 its /32 (4 bytes)."""
    packed = pack_ip(host)
    return packed[:2] if len(packed) == V4.ip_size else packed[:4]


def is_local(ip: bytes) -> bool:
    """Whether an address (4 or 16 bytes) is private, loopback or link-local: BEP 42 ties no id to it.

    RFC 1918, RFC 1122 (127/8), RFC 3927 (169.254/16), RFC 4193 (fc00::/7), RFC 4291 (::1, fe80::/10).
    """
    first, second = ip[0], ip[1]
    if len(ip) == V4.ip_size:
        return (
            first in (10, 127) or (first, second) in ((169, 254), (192, 168)) or (first == 172 and 16 <= second < 32)  # noqa: PLR2004  # 172.16/12, as everybody writes it
        )
    return first & 0xFE == 0xFC or (first == 0xFE and second & 0xC0 == 0x80) or ip == IPV6_LOOPBACK  # noqa: PLR2004
