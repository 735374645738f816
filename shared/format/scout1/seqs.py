"""Which seq the next version of a scout1 record gets."""

from __future__ import annotations

from collections.abc import Iterable

from shared.format import bep44
from shared.format.errors import SeqExhaustedError

FIRST_SEQ = 1
"""uTorrent nodes take a put with seq 0 for an immutable one, so it is read but never sent."""


def next_seq(seen: Iterable[int]) -> int:
    """The seq to write after the versions `seen`: one above the highest, and at least 1. Raises SeqExhaustedError.

    The original never advanced it, so its second write was discarded everywhere.
    """
    highest = max(seen, default=FIRST_SEQ - 1)
    if highest >= bep44.MAX_SEQ:
        raise SeqExhaustedError(f"expected a seq below {bep44.MAX_SEQ} for the record, got {highest}")
    return max(highest + 1, FIRST_SEQ)
