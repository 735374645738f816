"""The node's own values in the words of `shared.contracts.dht`, and an address out of them."""

from __future__ import annotations

from ipaddress import ip_address

from services.dht_node.core.contact import Address
from services.dht_node.core.events import LookupCounts, Stored
from shared.contracts import dht
from shared.errors import ErrorCode, ScoutError
from shared.settings import Endpoint, endpoint

PORT_SIZE = 2
COMPACT_SIZES = frozenset((4 + PORT_SIZE, 16 + PORT_SIZE))
"""Bytes of an address with a port, of either family (BEP 5, BEP 32)."""


def parse_address(text: str) -> Address:
    """A node's address from `host:port`. Raises ScoutError (`invalid_request`)."""
    try:
        found = endpoint(text)
        return str(ip_address(found.host)), found.port
    except ValueError:
        raise ScoutError(
            ErrorCode.INVALID_REQUEST, "Expected the address of a node as an IP address and a port: 198.51.100.4:6881."
        ) from None


def seen_as(external_ip: bytes | None) -> str | None:
    """`host:port` from a compact address; None when a node said nothing, or no port."""
    if external_ip is None or len(external_ip) not in COMPACT_SIZES:
        return None
    host = ip_address(external_ip[:-PORT_SIZE])
    return str(Endpoint(str(host), int.from_bytes(external_ip[-PORT_SIZE:], "big")))


def lookup_report(lookup: LookupCounts) -> dht.LookupReport:
    """How a lookup went."""
    return dht.LookupReport(
        asked=lookup.asked,
        answered=lookup.answered,
        timed_out=lookup.timed_out,
        elapsed_ms=lookup.seconds * 1000,
    )


def storing_report(stored: Stored) -> dht.StoringReport:
    """What became of a put."""
    return dht.StoringReport(
        asked=stored.asked,
        answered=stored.answered,
        stored=stored.stored,
        rejected=stored.rejected,
        timed_out=stored.timed_out,
        prefixes=stored.prefixes,
        closest_distance=stored.shared_bits,
        elapsed_ms=stored.seconds * 1000,
        suspicious=stored.suspicious,
    )
