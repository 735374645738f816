"""What a format is to the use cases: entries that merge, and mailboxes among them. Both formats answer to it.

Every method is pure; those that may refuse raise `shared.format.errors.FormatError`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from shared.contracts.crypto import FormatName
from shared.format.scout2.epochs import Reading


class Entry(Protocol):
    """One entry of a record; always of the format that parsed it."""

    @property
    def id(self) -> int:
        """0 … 2^32 - 1; from 2^31 on a member's mailbox."""

    @property
    def seq(self) -> int:
        """The higher one is the newer: a counter in scout1, Unix milliseconds in scout2."""

    @property
    def content(self) -> bytes | None:
        """None: it was removed, and this is what is left to say so."""

    @property
    def expires_ms(self) -> int | None:
        """When it stops to count: Unix milliseconds; None: never."""


Entries = tuple[Entry, ...]
"""In ascending id order, each id once, wherever they come from `Format.merge`."""

Meta = tuple[tuple[bytes, bytes], ...]
"""What newer writers say about a whole record; kept as it is."""


class Content(NamedTuple):
    """What is in a record."""

    entries: Entries = ()
    meta: Meta = ()


class Wanted(NamedTuple):
    """The content that an entry shall have."""

    id: int
    content: bytes
    seq: int | None = None
    """None: the content replaces what is there. A number: it takes part in the merge as a version of that seq."""
    ttl: int | None = None
    """Seconds for which it counts; None: as long as it is kept alive, and as the format lets it by default."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What one member's entry says of its messages."""

    head: bytes | None = None
    """Address (20 bytes) of the newest one; None when there is none."""
    number: int | None = 0
    """Its number, from 1; 0 for an empty list, None when its writer did not say."""
    received: Mapping[int, int] = field(default_factory=dict)
    """Member -> the highest number received from it; scout1 does not say."""
    rest: tuple[bytes, ...] = ()
    """What a newer writer added."""


class Race(NamedTuple):
    """Which of the heads that a list may have after the same message an entry stands for."""

    round: int
    head: bytes


class Coming(NamedTuple):
    """An epoch still to come, for which a record is sealed ahead; wall clock, milliseconds."""

    epoch: int
    seq: int
    """Before it is veiled; see `shared.contracts.crypto.SealAt.ahead`."""
    from_ms: int
    until_ms: int
    """0: it only takes the place of an older one that is kept."""


class Format(Protocol):
    """The rules of one format."""

    @property
    def name(self) -> FormatName:
        """As the API calls it."""

    @property
    def max_plaintext(self) -> int:
        """Bytes of a record before it is sealed."""

    @property
    def has_epochs(self) -> bool:
        """Whether a record moves to another address each day."""

    @property
    def has_tombstones(self) -> bool:
        """Whether a removed entry stays removed; without, an older version may bring it back."""

    @property
    def reports_receipt(self) -> bool:
        """Whether mailboxes say what their owner has received."""

    def parse(self, plaintext: bytes, now_ms: int) -> Content:
        """What is in a record's plaintext, without what does not count at `now_ms`. Raises MalformedError."""

    def serialise(self, content: Content) -> bytes:
        """The plaintext of a record. Raises RecordFullError, EntryTooLargeError, TooManyEntriesError, FieldError."""

    def merge(self, *versions: Iterable[Entry]) -> Entries:
        """The union of all versions: commutative, associative, idempotent."""

    def merge_meta(self, versions: Sequence[Meta]) -> Meta:
        """The union of what all versions say about the record."""

    def change(self, entries: Entries, wanted: Wanted, now_ms: int, keep: int = 0) -> Entries:
        """`entries` with one of them set; unless its ttl is said, it counts while the record is kept (`keep` seconds).

        With the same `now_ms` it can be done again. Raises SeqExhaustedError.
        """

    def remove(self, entries: Entries, ids: Collection[int], now_ms: int) -> Entries:
        """`entries` without the contents of those of `ids`. Raises SeqExhaustedError."""

    def raised(self, entry: Entry, seq: int) -> Entry:
        """The same entry with this seq. Raises SeqExhaustedError when it is out of range."""

    def holding(self, entry: Entry, content: bytes) -> Entry:
        """The same entry with another content, of the same seq and as long as it counted."""

    def size(self, content: Content) -> int:
        """Bytes of plaintext that a record takes, whether or not it fits."""

    def entry_size(self, entry: Entry) -> int:
        """Bytes that an entry takes in the plaintext."""

    def reading(self, phase: int, now_ms: int) -> Reading:
        """Which epochs to read, and which to write, at a moment."""

    def next_seq(self, seen: Iterable[int], phase: int, epoch: int, now_ms: int) -> int:
        """The BEP 44 seq to write with, after those `seen` at the same address. Raises SeqExhaustedError."""

    def seq_ahead(self, phase: int, epoch: int, now_ms: int) -> int:
        """The BEP 44 seq, before it is veiled, of a version that is sealed for an epoch without a look at it."""

    def kept_until(self, phase: int, epoch: int, until_ms: int) -> int:
        """When a version that is written in `epoch` is of no more use, if its record is kept until `until_ms`."""

    def coming(self, entries: Entries, phase: int, epoch: int, now_ms: int, until_ms: int) -> Sequence[Coming]:
        """The epochs after `epoch` for which a record is sealed ahead at `now_ms`, to be kept until `until_ms`.

        As far ahead as an older version may have been that still says something of one of the `entries`.
        """

    def absolute(self, seq: int, epoch: int) -> int:
        """A BEP 44 seq as a number that goes on rising when the epoch turns."""

    def mailbox(self, entry: Entry) -> Mailbox | None:
        """The mailbox that an entry is; None for another content in its place."""

    def mailbox_content(self, mailbox: Mailbox) -> Wanted:
        """The content of a mailbox's entry and how long it counts; the id is the caller's to set. Raises FieldError."""

    def pushed(self, mailbox: Mailbox, head: bytes) -> Mailbox:
        """The mailbox after the message at `head` was put in front. Raises SeqExhaustedError."""

    def race(self, entry: Entry) -> Race:
        """What tells two heads that were set at the same time from two that were set one after the other."""

    def max_body(self, *, sealed: bool) -> int:
        """Bytes of a message's body that always fit."""
