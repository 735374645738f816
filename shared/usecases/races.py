"""Two devices of one member that send at the same time set two heads for one message list: which of them goes on.

The head on a majority of nodes may have been promised to its sender; the other sender has been told nothing yet, and
puts its message on top as soon as it sees this. The merge's own order, which decides everywhere else, would drop
either. A seq above both makes the decision stay.

Who decides may be wrong: a write that it saw half done may have reached a majority since, and its sender been told so.
Therefore a write does not supersede the versions that it decided against: where one of them has a majority, it can get
none itself. What is left of it then, a later head on a few nodes, does not lead to what was promised: so a later head
goes before a promised one only where it does (`contested`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from shared.format.errors import SeqExhaustedError
from shared.format.members import member_of
from shared.usecases.formats.ports import Entries, Entry, Format

NO_HEADS: Mapping[int, bytes] = {}


class Held(Protocol):
    """A version of a record, as far as races are concerned."""

    @property
    def entries(self) -> Entries:
        """In ascending id order."""

    @property
    def holders(self) -> int:
        """Nodes that hold it."""


H = TypeVar("H", bound=Held)


@dataclass(frozen=True, slots=True)
class Contest:
    """A list with a head that enough nodes hold, and later ones on fewer."""

    id: int
    """Of its entry."""
    promised: Entry
    later: Sequence[Entry]
    """The likeliest first."""


@dataclass(slots=True)
class _Rivals:
    """The heads that one list may have."""

    newest: Entry
    """What the merge alone would take."""
    rules: Format
    holders: Counter[bytes] = field(default_factory=Counter)
    """Head -> nodes that hold a version with it."""
    entries: dict[bytes, Entry] = field(default_factory=dict)
    """Head -> the entry that says so and wins the merge."""

    def take(self, entry: Entry, holders: int) -> None:
        """Count in what a version says of the list."""
        head = self.rules.race(entry).head
        self.holders[head] += holders
        (self.entries[head],) = self.rules.merge((entry,), (self.entries.get(head, entry),))

    @property
    def latest(self) -> list[bytes]:
        """The heads of the newest round, or of a later one.

        A sender whose clock is ahead, and who died in the middle of a write, must not take back what others have sent
        since.
        """
        newest_round = self.rules.race(self.newest).round
        return [head for head, entry in self.entries.items() if self.rules.race(entry).round >= newest_round]

    @property
    def winner(self) -> bytes:
        """The head that goes on: of the latest the one on most nodes."""
        return max(self.latest, key=lambda head: (self.holders[head], self.entries[head].content or b""))

    def promised(self, enough: int) -> bytes | None:
        """The head that may have been promised, being on `enough` nodes: of several the one of the highest round."""
        held = [head for head in self.entries if self.holders[head] >= enough]
        return max(held, key=self._rank, default=None)

    def open(self, enough: int, decided: bytes) -> list[bytes]:
        """The latest heads beside the one that was `decided` for; none where that has been promised."""
        promised = self.promised(enough)
        if promised == decided:
            return []
        above = -1 if promised is None else self.rules.race(self.entries[promised]).round
        return [head for head in self.latest if head != decided and self.rules.race(self.entries[head]).round > above]

    def contest(self, enough: int) -> Contest | None:
        """Whether a later head would go before a promised one."""
        promised = self.promised(enough)
        if promised is None or self.winner == promised:
            return None
        above = self.rules.race(self.entries[promised]).round
        heads = [head for head, entry in self.entries.items() if self.rules.race(entry).round > above]
        later = [self.entries[head] for head in sorted(heads, key=self._rank, reverse=True)]
        return Contest(self.newest.id, self.entries[promised], later) if later else None

    def _rank(self, head: bytes) -> tuple[int, int, bytes]:
        return self.rules.race(self.entries[head]).round, self.holders[head], head


def union(rules: Format, versions: Sequence[Held], heads: Mapping[int, bytes] = NO_HEADS) -> Entries:
    """The merge of all versions; of several heads of one message list that of `heads`, or the one on more nodes."""
    merged = rules.merge(*(version.entries for version in versions))
    changed = []
    for rivals in _rivals(rules, versions):
        head = heads.get(rivals.newest.id, rivals.winner)
        if rivals.entries[head] == rivals.newest and len(rivals.latest) == 1:
            continue
        try:
            changed.append(rules.raised(rivals.entries[head], rivals.newest.seq + 1))
        except SeqExhaustedError:
            continue
    return rules.merge(merged, changed) if changed else merged


def is_undecided(rules: Format, versions: Sequence[Held], enough: int) -> bool:
    """Whether a list has several heads, none of them on `enough` nodes: it is being written right now."""
    return any(
        len(rivals.latest) > 1 and max(rivals.holders[head] for head in rivals.latest) < enough
        for rivals in _rivals(rules, versions)
    )


def decided(rules: Format, versions: Sequence[Held], enough: int, before: Mapping[int, bytes]) -> dict[int, bytes]:
    """The heads that go on, as far as the versions tell: id of the list's entry -> head.

    What was decided `before` stands while none is promised: what a writer superseded itself meanwhile has no holders.
    """
    heads = {}
    for rivals in _rivals(rules, versions):
        head = before.get(rivals.newest.id)
        stands = head in rivals.latest and rivals.promised(enough) not in rivals.latest
        heads[rivals.newest.id] = head if stands and head is not None else rivals.winner
    return heads


def contested(rules: Format, versions: Sequence[Held], enough: int) -> list[Contest]:
    """The lists in which a later head would go before one that `enough` nodes hold."""
    contests = (rivals.contest(enough) for rivals in _rivals(rules, versions))
    return [contest for contest in contests if contest is not None]


def overruled(rules: Format, versions: Sequence[H], enough: int, heads: Mapping[int, bytes] = NO_HEADS) -> list[H]:
    """The versions with a head that `union` decides against, and that may get a majority yet."""
    beaten = {
        (rivals.newest.id, head)
        for rivals in _rivals(rules, versions)
        for head in rivals.open(enough, heads.get(rivals.newest.id, rivals.winner))
    }
    return [
        version
        for version in versions
        if any((entry.id, rules.race(entry).head) in beaten for entry in version.entries if _is_list(entry))
    ]


def _rivals(rules: Format, versions: Sequence[Held]) -> Iterator[_Rivals]:
    """For each member's list with several heads: its entries, and how many nodes hold each."""
    disputed = _disputed(versions)
    merged = rules.merge(*(version.entries for version in versions)) if disputed else ()
    for newest in merged:
        if newest.id not in disputed or newest.content is None:
            continue
        rivals = _Rivals(newest, rules)
        for version in versions:
            for entry in filter(_is_list, version.entries):
                if entry.id == newest.id:
                    rivals.take(entry, version.holders)
        if len(rivals.entries) > 1:
            yield rivals


def _disputed(versions: Sequence[Held]) -> set[int]:
    """The lists of which versions say different things: usually none."""
    said: dict[int, bytes | None] = {}
    lists = (entry for version in versions for entry in version.entries if _is_list(entry))
    return {entry.id for entry in lists if said.setdefault(entry.id, entry.content) != entry.content}


def _is_list(entry: Entry) -> bool:
    """Whether it is a mailbox; one that was removed is no rival of those that there were, whatever is in them."""
    return member_of(entry.id) is not None and entry.content is not None
