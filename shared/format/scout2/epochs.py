"""Epochs of scout2: each day a record has a new signing key, and so a new address.

Every pair's day turns at a moment of its own, drawn from its root secret: an observer of the DHT can't follow a
relationship from one day to the next, and an address that was poisoned heals by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from shared.format import bep44
from shared.format.errors import FieldError, SeqExhaustedError
from shared.format.scout2.hashing import subkey

EPOCH_S = 86_400
AFTER_TURN_S = 2 * 3600
"""So long after a turn the epoch before is read too: items live two hours, and somebody may not have carried over."""
BEFORE_TURN_S = 600
"""So long before a turn the next epoch is read too: clocks differ."""
AHEAD_S = 32 * EPOCH_S
"""So far before an epoch a version can be sealed for it: no longer does anybody keep one."""
VEIL_BITS = 37
"""Of what the seqs of versions sealed ahead are raised by: four years of milliseconds; they span two months."""
SEQ_BITS = VEIL_BITS + 1
"""Of the seqs that writers use; with an epoch before them they are whole numbers to JavaScript till 2059."""
MAX_EPOCH = 2**63 // 1000 // EPOCH_S
"""Whose milliseconds still fit a seq."""

_PHASE_BYTES = 4
_VEIL_BYTES = 8


class Reading(NamedTuple):
    """Where to look at one moment."""

    current: int
    """The epoch to write at."""
    also: tuple[int, ...]
    """Epochs to read beside it."""
    fallback: int | None
    """An epoch to read when nothing was found in those; None when it is among them."""


def phase(root: bytes) -> int:
    """Seconds, below a day, by which the epochs of this root secret (32 bytes) are ahead. Raises FieldError."""
    return int.from_bytes(subkey(root, b"scout2.phase", 0)[:_PHASE_BYTES], "big") % EPOCH_S


def epoch_at(ahead: int, now: float) -> int:
    """The epoch at `now` (Unix seconds), for the `phase` of a root. Raises FieldError outside of 0 … MAX_EPOCH."""
    epoch = math.floor((now + ahead) / EPOCH_S)
    require_epoch(epoch)
    return epoch


def began(ahead: int, epoch: int) -> int:
    """When an epoch begins (Unix seconds)."""
    return epoch * EPOCH_S - ahead


def reading(ahead: int, now: float) -> Reading:
    """Which epochs to read at `now` (Unix seconds)."""
    current = epoch_at(ahead, now)
    since = now - began(ahead, current)
    before, after = current - 1, current + 1
    if since < AFTER_TURN_S:
        return Reading(current, (before,) if before >= 0 else (), None)
    also = (after,) if since >= EPOCH_S - BEFORE_TURN_S else ()
    return Reading(current, also, before if before >= 0 else None)


def next_seq(seen: Iterable[int], ahead: int, epoch: int, now_ms: int) -> int:
    """The seq to write at `now_ms` after the versions `seen` of the same epoch: above them all, and never behind time.

    Milliseconds since the epoch began, so that two writers who saw nothing of each other differ. At least 1: a clock
    that is late must not lead to the seq 0, which uTorrent nodes take for an immutable put. Raises SeqExhaustedError.
    """
    highest = max(seen, default=0)
    if highest >= bep44.MAX_SEQ:
        raise SeqExhaustedError(f"expected a seq below {bep44.MAX_SEQ} for the record, got {highest}")
    return max(highest + 1, 1 + now_ms - 1000 * began(ahead, epoch), 1)


def seq_ahead(ahead: int, epoch: int, now_ms: int) -> int:
    """The seq at `now_ms` of a version that is sealed for an epoch still to come, so that the one sealed last wins.

    It has to be raised by the epoch's `veil` yet. Above it a writer in that epoch goes on as ever: one more than the
    highest it has seen.
    """
    return max(1, 1 + now_ms - 1000 * began(ahead, epoch) + 1000 * AHEAD_S)


def veil(root: bytes, epoch: int) -> int:
    """What the seqs of versions sealed ahead for an epoch are raised by: another number in each, which holders know.

    Those that one write seals would else lie whole days apart, to the millisecond, and an observer could go from the
    address of one day to that of the next. Raises FieldError.
    """
    return int.from_bytes(subkey(root, b"scout2.veil", epoch)[:_VEIL_BYTES], "big") % (1 << VEIL_BITS)


def in_order(epoch: int, seq: int) -> int:
    """A seq of an epoch as a number that goes on rising when the epoch turns."""
    return (epoch << SEQ_BITS) + seq


def require_epoch(epoch: int) -> None:
    """Raise FieldError unless `epoch` is one that a record can have."""
    if not 0 <= epoch <= MAX_EPOCH:
        raise FieldError(f"expected an epoch from 0 to {MAX_EPOCH}, got {epoch}")
