"""The highest seq seen of each mutable item: who offers an older version later is behind, or has us go back on purpose.

An old version is still validly signed, so a few nodes that lost the newer one, or keep it back, can undo a removal or
bring a device's old address back. Nothing in BEP 44 tells that from the truth but memory.
"""

from __future__ import annotations


class HighestSeqs:
    """Targets and the highest seq seen of each; of too many the one longest not looked at is forgotten."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seqs: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._seqs)

    def of(self, target: bytes) -> int:
        """The highest seq seen; 0 when none is remembered."""
        return self._seqs.get(target, 0)

    def see(self, target: bytes, seq: int) -> bool:
        """Remember a seq; False when a higher one has been seen before."""
        highest = self._seqs.pop(target, 0)
        self._seqs[target] = max(highest, seq)
        if len(self._seqs) > self._limit:
            del self._seqs[next(iter(self._seqs))]
        return seq >= highest
