"""IPv4 and IPv6: two networks that never meet, and what differs between them (BEP 32, BEP 42)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """One address family, as KRPC writes it; sizes in bytes."""

    want: bytes
    """How a query asks for nodes of this family (BEP 32, `want`)."""
    nodes_key: bytes
    """The key, bencoded, under which a reply names nodes of this family."""
    ip_size: int
    compact_peer: int
    """Address and port."""
    compact_node: int
    """Id, address and port."""


V4 = Family(b"n4", b"5:nodes", ip_size=4, compact_peer=6, compact_node=26)
V6 = Family(b"n6", b"6:nodes6", ip_size=16, compact_peer=18, compact_node=38)


def family_of(host: str) -> Family:
    """The family of a host's address; a name counts as IPv4."""
    return V6 if ":" in host else V4
