"""Checks of BEP 42: which node ids an IPv4 address may have."""

from __future__ import annotations

import ipaddress
import re

from services.dht_node.core import ids
from tests.vectors.document import Vector, expect

ID_SIZE = 20
CRC_SIZE = 4


def prefix(vector: Vector) -> None:
    address = _packed(vector, vector.text("ip"))
    checksum = ids.bep42_prefix(address, vector.integer("random"))
    expect("CRC32C", checksum.to_bytes(CRC_SIZE, "big"), vector.hex("crc32c"))


def hardened_id(vector: Vector) -> None:
    """A whole id; its address stands in the section's name, its random number is the id's last byte."""
    found = re.search(r"(\d+)_(\d+)_(\d+)_(\d+)", vector.section)
    if found is None:
        raise vector.malformed("expected an address in the section's name")
    node_id = vector.unhex(vector.value)
    expect("size of the id", len(node_id), ID_SIZE)
    derived = ids.derive_id(_packed(vector, ".".join(found.groups())), node_id[-1], node_id[2:-1])
    expect("id", derived, node_id)


def _packed(vector: Vector, text: str) -> bytes:
    try:
        return ipaddress.IPv4Address(text).packed
    except ValueError:
        raise vector.malformed(f"expected an IPv4 address, got {text!r}") from None
