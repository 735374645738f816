"""Node ids, their distance, and the ids that BEP 42 lets an address have."""

from __future__ import annotations

from services.dht_node.core.contact import is_local
from services.dht_node.core.ports import Entropy

ID_SIZE = 20
ID_BITS = 160
TAIL_SIZE = 17
"""Bytes of a BEP 42 id that its address leaves free: 3 bits of the first one are used, and all of the other 16."""

_PREFIX_BITS = 21
"""Leading bits of an id that BEP 42 ties to the address."""
_MASK_V4 = bytes.fromhex("030f3fff")
_MASK_V6 = bytes.fromhex("0103070f1f3f7fff")
"""BEP 42: an address may have more ids the more of its network it shares with others; of IPv6 only the /64 counts."""


def distance(a: bytes, b: bytes) -> int:
    """The Kademlia distance of two ids: their exclusive or, as a number below 2**160."""
    return int.from_bytes(a, "big") ^ int.from_bytes(b, "big")


def shared_bits(a: bytes, b: bytes) -> int:
    """Leading bits that two ids have in common, 0 to 160; below 160 also the bucket of one in the other's table."""
    return ID_BITS - distance(a, b).bit_length()


def random_id_in_bucket(own_id: bytes, index: int, entropy: Entropy) -> bytes:
    """A random id (20 bytes) that shares exactly `index` leading bits (0 to 159) with our own."""
    free_bits = ID_BITS - 1 - index
    own = int.from_bytes(own_id, "big")
    tail = int.from_bytes(entropy(ID_SIZE), "big") & ((1 << free_bits) - 1)
    flipped = (own >> free_bits ^ 1) << free_bits
    return (flipped | tail).to_bytes(ID_SIZE, "big")


def bep42_prefix(ip: bytes, random: int) -> int:
    """CRC32C over the masked address and the low 3 bits of `random` (BEP 42); its top 21 bits open the id.

    `ip` is 4 or 16 bytes.
    """
    mask = _MASK_V4 if len(ip) == len(_MASK_V4) else _MASK_V6
    masked = bytearray(a & m for a, m in zip(ip, mask, strict=False))
    masked[0] |= (random & 7) << 5
    return crc32c(masked)


def derive_id(ip: bytes, random: int, tail: bytes) -> bytes:
    """The BEP 42 id of an address (4 or 16 bytes): 20 bytes from `random` (0 to 255) and a random tail (17 bytes)."""
    prefix = bep42_prefix(ip, random).to_bytes(4, "big")
    joint = prefix[2] & 0xF8 | tail[0] & 0x07
    return b"%b%c%b%c" % (prefix[:2], joint, tail[1:TAIL_SIZE], random)


def is_bep42(node_id: bytes, ip: bytes) -> bool:
    """Whether BEP 42 lets an address (4 or 16 bytes) have this id; local addresses may have any."""
    if is_local(ip):
        return True
    claimed = int.from_bytes(node_id[:4], "big")
    return (claimed ^ bep42_prefix(ip, node_id[-1])) >> (32 - _PREFIX_BITS) == 0


def crc32c(data: bytes | bytearray) -> int:
    """CRC-32 with Castagnoli's polynomial (RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC32C[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _crc32c_entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_CRC32C = tuple(map(_crc32c_entry, range(256)))
