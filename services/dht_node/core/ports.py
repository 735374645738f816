"""What the core is given because it may not have it of its own: dice and a verifier."""

from __future__ import annotations

from collections.abc import Callable

Entropy = Callable[[int], bytes]
"""So many random bytes; `os.urandom` in life, a seeded generator in a simulation."""

Verify = Callable[[bytes, bytes, bytes], bool]
"""(public key of 32 bytes, signature of 64 bytes, message) -> whether the Ed25519 signature is good; never raises."""


def fraction(entropy: Entropy) -> float:
    """A number from 0 up to 1, for jitter."""
    return int.from_bytes(entropy(4), "big") / 2**32
