"""Signed mutable items of 900 bytes, in the form that `krpc_load` reads: the same content in every run."""

from __future__ import annotations

import random

from nacl.bindings import crypto_sign, crypto_sign_BYTES, crypto_sign_seed_keypair

from bench.krpc.load import BUILD, Items
from shared.format.bep44 import bencode_string, mutable_target, signable_bytes

VALUE_SIZE = 900
"""Bytes of a value before bencoding: libtorrent takes at most 1000 behind it."""
SEQ = 1
"""`krpc_load` puts under this one."""


def write_items(seed: int, count: int) -> Items:
    """Write `count` items, each with a key of its own; other ones for another seed."""
    rng = random.Random(seed)
    path, first = BUILD / "items.bin", b""
    with path.open("wb") as file:
        for _ in range(count):
            public_key, secret_key = crypto_sign_seed_keypair(rng.randbytes(32))
            value = rng.randbytes(VALUE_SIZE)
            signed = crypto_sign(signable_bytes(bencode_string(value), SEQ), secret_key)
            target = mutable_target(public_key)
            first = first or target
            file.write(public_key + signed[:crypto_sign_BYTES] + target + VALUE_SIZE.to_bytes(2, "big") + value)
    return Items(path, count, first)
