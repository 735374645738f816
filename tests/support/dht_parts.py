"""Parts of a DHT node for tests: seeded dice, a real verifier, contacts, datagrams."""

from __future__ import annotations

import random

import nacl.exceptions
import nacl.signing

from services.dht_node.core.contact import Contact
from services.dht_node.core.ports import Entropy
from shared.format.bep44 import signable_bytes

OWN_ID = bytes(range(20))
OTHER_ID = bytes(range(100, 120))


def dice(seed: int = 1) -> Entropy:
    """Random bytes that are the same in every run."""
    return random.Random(seed).randbytes


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Ed25519 by libsodium."""
    try:
        nacl.signing.VerifyKey(public_key).verify(message, signature)
    except (nacl.exceptions.BadSignatureError, ValueError):
        return False
    return True


class Signer:
    """An owner of mutable items."""

    def __init__(self, seed: int = 1) -> None:
        self._key = nacl.signing.SigningKey(dice(seed)(32))
        self.public_key = bytes(self._key.verify_key)

    def sign(self, value: bytes, seq: int, salt: bytes = b"") -> bytes:
        """The signature of a bencoded value."""
        return self._key.sign(signable_bytes(value, seq, salt)).signature


def id_in_bucket(own_id: bytes, index: int, tail: int) -> bytes:
    """An id that shares exactly `index` bits with `own_id` and ends in `tail`."""
    own = int.from_bytes(own_id, "big")
    free = 159 - index
    return (((own >> free ^ 1) << free) | tail).to_bytes(20, "big")


def contact(index: int, number: int, own_id: bytes = OWN_ID) -> Contact:
    """A contact for bucket `index`, alone in its /24."""
    return Contact(id_in_bucket(own_id, index, number), (f"100.{number >> 8}.{number & 255}.{index + 1}", 6881))
