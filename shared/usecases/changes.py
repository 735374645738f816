"""What a caller may want of a record's entries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from shared.contracts.operation import CallContext
from shared.usecases.formats.ports import Entries, Format, Wanted


@dataclass(frozen=True, slots=True)
class Scope:
    """In which a change is applied."""

    format: Format
    now_ms: int
    """Wall clock when the change was asked for; the same in every attempt."""
    context: CallContext
    keep: int = 0
    """Seconds for which the caller asks the record to be kept alive."""
    older: dict[bytes, bytes | None] = field(default_factory=dict)
    """Address of a message -> of the next older one, None at the end of its list: what this run has learnt so far."""


class Change(Protocol):
    """What one caller wants of a record. It is applied anew in every attempt, to what was then found."""

    async def apply(self, entries: Entries, scope: Scope) -> Entries:
        """The entries as the caller wants them, in ascending order. Raises ScoutError or FormatError to refuse."""
        ...


@dataclass(frozen=True, slots=True)
class Edit:
    """Set some entries and remove others. Applied again it is the same edit."""

    wanted: tuple[Wanted, ...] = ()
    removed: frozenset[int] = frozenset()
    """Without tombstones (scout1) best effort: an older version on some node brings an entry back."""

    async def apply(self, entries: Entries, scope: Scope) -> Entries:
        """`entries` after the edit. Raises FormatError (SeqExhaustedError)."""
        for wanted in self.wanted:
            entries = scope.format.change(entries, wanted, scope.now_ms, scope.keep)
        return scope.format.remove(entries, self.removed, scope.now_ms)

    def news(self, entries: Entries) -> tuple[int, ...]:
        """Ids of those of `entries` that the caller did not bring along: new to it, or newer than its own."""
        mine: dict[int, bytes | None] = {wanted.id: wanted.content for wanted in self.wanted}
        mine.update(dict.fromkeys(self.removed))
        return tuple(entry.id for entry in entries if entry.id not in mine or mine[entry.id] != entry.content)
