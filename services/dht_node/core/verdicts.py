"""The values that nodes answered one question with: each is verified once and kept once, however many send it."""

from __future__ import annotations

from services.dht_node.core.errors import Rejection
from services.dht_node.core.items import Found
from services.dht_node.core.messages import Reply
from services.dht_node.core.ports import Verify
from shared.format import bep44


class Verdicts:
    """What has been thought of each value so far."""

    def __init__(self, target: bytes, salt: bytes, verify: Verify) -> None:
        """`target` (20 bytes) is what was asked for, and `salt` the one that it is made with: nodes return none."""
        self._target = target
        self._salt = salt
        self._verify = verify
        self._judged: dict[Found, Found | None] = {}
        """None: its signature is bad."""

    @property
    def newest(self) -> int | None:
        """The highest seq of a valid value that has come in, 0 of an immutable one; None when none has."""
        return max((held.seq for held in self._judged.values() if held is not None), default=None)

    def judge(self, reply: Reply, value: bytes) -> Found | Rejection:
        """The value of an answer, when it is one for this target; or what is wrong with it."""
        if len(value) > bep44.MAX_VALUE:
            return Rejection.VALUE_TOO_BIG
        if bep44.immutable_target(value) == self._target:
            found = Found(value, 0, b"")
            return self._judged.setdefault(found, found) or Rejection.WRONG_KEY
        if reply.public_key is None or reply.signature is None or reply.seq is None:
            return Rejection.WRONG_KEY
        if bep44.mutable_target(reply.public_key, self._salt) != self._target:
            return Rejection.WRONG_KEY
        return self._verified(Found(value, reply.seq, reply.signature), reply.public_key)

    def _verified(self, found: Found, public_key: bytes) -> Found | Rejection:
        if found not in self._judged:
            message = bep44.signable_bytes(found.value, found.seq, self._salt)
            good = self._verify(public_key, found.signature, message)
            self._judged[found] = found if good else None
        return self._judged[found] or Rejection.BAD_SIGNATURE
