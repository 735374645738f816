"""What can be wrong with bytes, keys and sizes of the Scout formats: one tree, so that a caller can catch the root.

A service turns these into `shared.errors.ScoutError` at its edge; a `LimitError` carries the figures of the budget.
No message ever holds a key or a plaintext.
"""

from __future__ import annotations


class FormatError(Exception):
    """Root of all errors of `shared.format.keys`, `shared.format.devices` and the formats themselves."""


class MalformedError(FormatError):
    """Bytes from outside are not what the format says: truncated, or of another structure."""


class UnsealError(FormatError):
    """A box does not open: another key, or altered bytes. It does not say which, because nobody can know."""


class LowOrderKeyError(FormatError):
    """The X25519 product with this public key is zero for every secret: nothing would be shared."""


class FieldError(FormatError):
    """A value handed in does not fit its field: a key of another size, a number out of its range."""


class SeqExhaustedError(FormatError):
    """A number that must rise stands at its highest: 2^63 - 1 of a seq, 2^32 - 1 of a message. Nothing can follow."""


class LimitError(FormatError):
    """Something is larger than the format can hold: `size` came, `limit` is allowed."""

    what = "bytes"

    def __init__(self, size: int, limit: int) -> None:
        """Keep both figures; the message names them."""
        super().__init__(f"expected at most {limit} {self.what}, got {size}")
        self.size = size
        self.limit = limit


class EntryTooLargeError(LimitError):
    """One entry's content is over its limit; `entry_id` says whose."""

    what = "bytes of content in an entry"

    def __init__(self, size: int, limit: int, entry_id: int) -> None:
        """Keep the figures and the entry's id."""
        super().__init__(size, limit)
        self.entry_id = entry_id


class TooManyEntriesError(LimitError):
    """More entries than the record's count can express."""

    what = "entries"


class RecordFullError(LimitError):
    """The record's plaintext is over its limit."""

    what = "bytes of plaintext in a record"


class MessageTooLargeError(LimitError):
    """A message's body is over its limit."""

    what = "bytes of body in a message"


class ItemTooLargeError(LimitError):
    """A value is over the 1000 bytes of a BEP 44 item, bencoded."""

    what = "bytes in a bencoded value"
