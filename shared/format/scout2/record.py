"""The plaintext of a scout2 record: MessagePack `[entries, meta]`, and how it is sealed into a BEP 44 value.

An entry is `[id, stamp, ttl, value, …]`; without a value it is a tombstone. What a newer writer added (elements after
the fourth, keys in meta) is kept as it was encoded, and written back.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from shared.format import bep44
from shared.format.errors import FieldError, MalformedError, RecordFullError
from shared.format.scout2 import seal
from shared.format.scout2.link import EpochKeys
from shared.format.scout2.packing import MAX_U32, MAX_U64, U32, U64, elements, pack, pack_array, pack_map, unpack

MAX_ID = MAX_U32
MAX_STAMP = MAX_U64
MAX_TTL_S = MAX_U32
MAX_PLAINTEXT = seal.MAX_PLAINTEXT

_FIELDS = 4
_PARTS = 2
_WHAT = b"scout2.record"
_SEQ_BYTES = 8


class Entry(NamedTuple):
    """One entry of a record."""

    id: int
    """0 … 2^32 - 1."""
    stamp: int
    """When it was written: Unix milliseconds; the higher one is the newer."""
    ttl: int
    """Seconds from its stamp after which it is dropped."""
    value: bytes | None
    """None: a tombstone; the entry was removed."""
    rest: tuple[bytes, ...] = ()
    """Elements that a newer writer added, each encoded."""

    @property
    def seq(self) -> int:
        """Its stamp, by the name that both formats have for what makes an entry the newer one."""
        return self.stamp

    @property
    def content(self) -> bytes | None:
        """Its value, by the name that both formats have for it."""
        return self.value

    @property
    def expires_ms(self) -> int:
        """When it is dropped: Unix milliseconds."""
        return self.stamp + 1000 * self.ttl


class Record(NamedTuple):
    """A record: its entries in ascending id order, each id once, and what else newer writers know about it."""

    entries: tuple[Entry, ...] = ()
    meta: tuple[tuple[bytes, bytes], ...] = ()
    """Key and value of each, encoded; in ascending order of the keys."""


def serialise(record: Record) -> bytes:
    """The plaintext of a record.

    Raises RecordFullError over 938 bytes, FieldError for what is out of its range or out of order.
    """
    _require_ascending([entry.id for entry in record.entries], FieldError)
    plaintext = _packed(record)
    if len(plaintext) > MAX_PLAINTEXT:
        raise RecordFullError(len(plaintext), MAX_PLAINTEXT)
    return plaintext


def size(record: Record) -> int:
    """Bytes of plaintext that a record takes, whether or not it fits: what a budget is reckoned with."""
    return len(_packed(record))


def parse(plaintext: bytes) -> Record:
    """The record in a plaintext. Raises MalformedError for anything else, ids out of order or given twice included."""
    parts = elements(plaintext, _PARTS, "a record [entries, meta]")
    if len(parts) > _PARTS:
        raise MalformedError(f"expected a record of {_PARTS} parts, got {len(parts)}")
    entries = tuple(_decode_entry(item) for item in elements(parts[0], 0, "an array of entries"))
    _require_ascending([entry.id for entry in entries], MalformedError)
    meta: dict[Any, msgspec.Raw] = unpack(parts[1], dict[Any, msgspec.Raw], "a map as a record's meta")
    return Record(entries, tuple(sorted((pack(key), bytes(value)) for key, value in meta.items())))


def seal_plaintext(plaintext: bytes, keys: EpochKeys, seq: int, nonce: bytes) -> bytes:
    """The box of a serialised record, to be stored with this `seq` under the keys' address.

    `nonce`: 24 random bytes, fresh for every call. Raises RecordFullError, FieldError.
    """
    return seal.seal(plaintext, keys.seal_key, _place(keys, seq), nonce)


def open_plaintext(box: bytes, keys: EpochKeys, seq: int) -> bytes:
    """The plaintext in a box that was stored with this `seq`. Raises UnsealError, MalformedError, FieldError."""
    return seal.unseal(box, keys.seal_key, _place(keys, seq))


def seal_record(record: Record, keys: EpochKeys, seq: int, nonce: bytes) -> bytes:
    """The box of a record, as `seal_plaintext` makes it. Raises RecordFullError, FieldError."""
    return seal_plaintext(serialise(record), keys, seq, nonce)


def open_record(box: bytes, keys: EpochKeys, seq: int) -> Record:
    """The record in a box, as `open_plaintext` opens it. Raises UnsealError, MalformedError, FieldError."""
    return parse(open_plaintext(box, keys, seq))


def encode_entry(entry: Entry) -> bytes:
    """An entry as it stands in a record. Raises FieldError."""
    bounds = (("id", entry.id, MAX_ID), ("stamp", entry.stamp, MAX_STAMP), ("ttl", entry.ttl, MAX_TTL_S))
    for name, value, most in bounds:
        if not 0 <= value <= most:
            raise FieldError(f"expected {name} of an entry from 0 to {most}, got {value}")
    return pack_array(entry[:_FIELDS], entry.rest)


def _packed(record: Record) -> bytes:
    entries = [msgspec.Raw(encode_entry(entry)) for entry in record.entries]
    return pack([entries, pack_map(record.meta)])


def _decode_entry(item: msgspec.Raw) -> Entry:
    what = "an entry [id, stamp, ttl, value]"
    fields = elements(item, _FIELDS, what)
    return Entry(
        unpack(fields[0], U32, what),
        unpack(fields[1], U64, what),
        unpack(fields[2], U32, what),
        unpack(fields[3], bytes | None, what),  # type: ignore[arg-type]  # a union is no class to mypy
        tuple(map(bytes, fields[_FIELDS:])),
    )


def _place(keys: EpochKeys, seq: int) -> bytes:
    """Binds a box to its address and seq: a node can't show it elsewhere, or as a newer one. Raises FieldError."""
    if not 0 <= seq <= bep44.MAX_SEQ:
        raise FieldError(f"expected a seq from 0 to {bep44.MAX_SEQ}, got {seq}")
    return _WHAT + keys.public_key + seq.to_bytes(_SEQ_BYTES, "big")


def _require_ascending(ids: Sequence[int], error: type[FieldError | MalformedError]) -> None:
    if any(earlier >= later for earlier, later in pairwise(ids)):
        raise error("expected entries in ascending id order, each id once")
