"""Write tokens (BEP 5, "get_peers"; BEP 44): proof that an asker really is at its address.

A token is a keyed hash of the address and the target, so nothing is kept for each asker. Other nodes' tokens can be
forged from one of one's own (a CRC is linear) or their 4-byte secret guessed offline; a keyed BLAKE2s with a 16-byte
secret leaves neither.
"""

from __future__ import annotations

import hashlib
import hmac

from services.dht_node.core.ports import Entropy

TOKEN_SIZE = 8
"""Bytes: a guess succeeds once in 2**64, and old clients accept at most 20."""
SECRET_SIZE = 16


class Tokens:
    """Issues tokens and recognises them for one to two rotations; `now` is in monotonic seconds."""

    def __init__(self, entropy: Entropy, rotation: float, now: float) -> None:
        self._entropy = entropy
        self._rotation = rotation
        self._current = self._new_secret()
        self._former = self._new_secret()
        self.deadline = now + rotation
        """When `rotate` is due."""

    def rotate(self, now: float) -> None:
        """Forget the former secret and draw a new one, if it is time; both, after a pause of two rotations."""
        if now < self.deadline:
            return
        overslept = now >= self.deadline + self._rotation
        self._former = self._new_secret() if overslept else self._current
        self._current = self._new_secret()
        self.deadline = now + self._rotation

    def issue(self, ip: bytes, target: bytes) -> bytes:
        """The token (8 bytes) with which the node at `ip` (4 or 16 bytes) may write to `target` (20 bytes)."""
        # as `_keyed`, written out: nearly every answer has a token
        digest = self._current.copy()
        digest.update(ip + target)
        return digest.digest()

    def accepts(self, token: bytes, ip: bytes, target: bytes) -> bool:
        """Whether this is a token of ours for that address and target, not older than two rotations."""
        subject = ip + target
        current = hmac.compare_digest(token, _keyed(self._current, subject))
        former = hmac.compare_digest(token, _keyed(self._former, subject))
        return current or former

    def _new_secret(self) -> hashlib.blake2s:
        return hashlib.blake2s(key=self._entropy(SECRET_SIZE), digest_size=TOKEN_SIZE)


def _keyed(secret: hashlib.blake2s, subject: bytes) -> bytes:
    # copying a hash that has taken its key in costs two thirds of keying a new one
    digest = secret.copy()
    digest.update(subject)
    return digest.digest()
