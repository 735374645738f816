"""The refusal that needs more than the format knows: what a full record holds, and what would make room."""

from __future__ import annotations

from shared.errors import ErrorCode, ScoutError
from shared.format import members
from shared.usecases.formats.ports import Content, Format

LARGEST_NAMED = 5
"""Entries that the error names: enough to see what to make smaller, few enough to read."""

MAX_MEMBERS = 16
"""Members whose mailboxes a record has room for, beside a few devices."""


def record_full(rules: Format, held: Content, needed: int) -> ScoutError:
    """`record_full` with the budget: what the record holds now, and how large it would have become; in bytes."""
    sizes = {entry.id: rules.entry_size(entry) for entry in held.entries}
    largest = sorted(sizes, key=lambda entry_id: (-sizes[entry_id], entry_id))[:LARGEST_NAMED]
    used = rules.size(held)
    lists = sum(members.member_of(entry.id) is not None for entry in held.entries)
    crowd = f" It has the mailboxes of {lists} members; up to {MAX_MEMBERS} fit." if lists >= MAX_MEMBERS else ""
    return ScoutError(
        ErrorCode.RECORD_FULL,
        f"Expected a record of at most {rules.max_plaintext} bytes; with this change it would have {needed}.{crowd}",
        facts={
            "limit": rules.max_plaintext,
            "used": used,
            "left": max(0, rules.max_plaintext - used),
            "needed": needed,
            "largest": [{"id": entry_id, "size": sizes[entry_id]} for entry_id in largest],
        },
    )
