"""The filters by which nodes count a swarm together (BEP 33, "Bloom Filters").

Each node knows some peers only, and many know the same ones. The union of two filters is their bitwise or, so whoever
asks several nodes counts every address once: log(z / m) / (2 log(1 - 1 / m)) with z bits of m unset.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha1

FILTER_SIZE = 256
"""Bytes of one filter."""
_BITS = 8 * FILTER_SIZE


def bloom(ips: Iterable[bytes]) -> bytes:
    """The filter (256 bytes) of addresses (4 or 16 bytes each): of each, the two bits that its SHA-1 begins with."""
    bits = bytearray(FILTER_SIZE)
    for ip in ips:
        digest = sha1(ip, usedforsecurity=False).digest()
        for half in (digest[:2], digest[2:4]):
            index = int.from_bytes(half, "little") % _BITS
            bits[index >> 3] |= 1 << (index & 7)
    return bytes(bits)
