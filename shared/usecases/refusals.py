"""The refusal that needs more than the format knows: what a full record holds, and what would make room."""

from __future__ import annotations

from collections.abc import Sequence

from shared.errors import ErrorCode, ScoutError
from shared.format.scout1.record import MAX_PLAINTEXT, Entry, entry_size, size

LARGEST_NAMED = 5
"""Entries that the error names: enough to see what to make smaller, few enough to read."""


def record_full(held: Sequence[Entry], needed: int) -> ScoutError:
    """`record_full` with the budget: what the record holds now, and how large it would have become; in bytes."""
    largest = sorted(held, key=lambda entry: (-entry_size(entry), entry.id))[:LARGEST_NAMED]
    return ScoutError(
        ErrorCode.RECORD_FULL,
        f"Expected a record of at most {MAX_PLAINTEXT} bytes; with this change it would have {needed}.",
        facts={
            "limit": MAX_PLAINTEXT,
            "used": size(held),
            "left": max(0, MAX_PLAINTEXT - size(held)),
            "needed": needed,
            "largest": [{"id": entry.id, "size": entry_size(entry)} for entry in largest],
        },
    )
