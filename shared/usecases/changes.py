"""What a caller may want of a record's entries."""

from __future__ import annotations

from dataclasses import dataclass

from shared.contracts.operation import CallContext
from shared.format.scout1.merge import change, merge, remove
from shared.format.scout1.record import Entry
from shared.usecases.records import Entries


@dataclass(frozen=True, slots=True)
class Wanted:
    """The content that an entry shall have."""

    id: int
    content: bytes
    seq: int | None = None
    """None: the content replaces what is there. A number: it takes part in the merge as a version of that seq."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Set some entries and leave others out. Applied again it is the same edit."""

    wanted: tuple[Wanted, ...] = ()
    removed: frozenset[int] = frozenset()
    """In scout1 best effort: an older version on some node brings an entry back, for there are no tombstones."""

    async def apply(self, entries: Entries, _context: CallContext) -> Entries:
        """`entries` after the edit. Raises FormatError (SeqExhaustedError)."""
        for wanted in self.wanted:
            if wanted.seq is None:
                entries = change(entries, wanted.id, wanted.content)
            else:
                entries = merge(entries, (Entry(wanted.id, wanted.seq, wanted.content),))
        return remove(entries, self.removed)

    def news(self, entries: Entries) -> tuple[int, ...]:
        """Ids of those of `entries` that the caller did not bring along: new to it, or newer than its own."""
        mine = {wanted.id: wanted.content for wanted in self.wanted}
        return tuple(entry.id for entry in entries if mine.get(entry.id) != entry.content)
