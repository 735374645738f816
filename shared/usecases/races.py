"""Two devices of one member that send at the same time set two heads for one message list: which of them goes on.

The head on a majority of nodes may have been promised to its sender; the other sender has been told nothing yet, and
puts its message on top as soon as it sees this. The merge's own order, which decides everywhere else, would drop
either. A seq above both makes the decision stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.format.errors import SeqExhaustedError
from shared.format.members import member_of
from shared.usecases.formats.ports import Entries, Entry, Format


class Held(Protocol):
    """A version of a record, as far as races are concerned."""

    @property
    def entries(self) -> Entries:
        """In ascending id order."""

    @property
    def holders(self) -> int:
        """Nodes that hold it."""


@dataclass(slots=True)
class _Rivals:
    """The heads that one list may have."""

    newest: Entry
    """What the merge alone would take."""
    holders: Counter[bytes] = field(default_factory=Counter)
    """Head -> nodes that hold a version with it."""
    entries: dict[bytes, Entry] = field(default_factory=dict)
    """Head -> the entry that says so and wins the merge."""


def union(rules: Format, versions: Sequence[Held]) -> Entries:
    """The merge of all versions; of two heads of one message list the one on more nodes goes on."""
    merged = rules.merge(*(version.entries for version in versions))
    decided = []
    for rivals in _rivals(rules, versions, merged):
        head = max(rivals.holders, key=lambda head: (rivals.holders[head], rivals.entries[head].content or b""))
        try:
            decided.append(rules.raised(rivals.entries[head], rivals.newest.seq + 1))
        except SeqExhaustedError:
            continue
    return rules.merge(merged, decided) if decided else merged


def is_undecided(rules: Format, versions: Sequence[Held], enough: int) -> bool:
    """Whether a list has several heads, none of them on `enough` nodes: it is being written right now."""
    merged = rules.merge(*(version.entries for version in versions))
    return any(max(rivals.holders.values()) < enough for rivals in _rivals(rules, versions, merged))


def _rivals(rules: Format, versions: Sequence[Held], merged: Entries) -> Iterator[_Rivals]:
    """For each member's list with several heads of the newest round: its entries, and how many nodes hold each.

    Or of a later one: a sender whose clock is ahead, and who died in the middle of a write, must not take back what
    others have sent since.
    """
    for newest in merged:
        if member_of(newest.id) is None:
            continue
        newest_round, rivals = rules.race(newest).round, _Rivals(newest)
        for version in versions:
            entry = next((held for held in version.entries if held.id == newest.id), None)
            race = None if entry is None else rules.race(entry)
            if entry is not None and race is not None and race.round >= newest_round:
                rivals.holders[race.head] += version.holders
                (rivals.entries[race.head],) = rules.merge((entry,), (rivals.entries.get(race.head, entry),))
        if len(rivals.holders) > 1:
            yield rivals
