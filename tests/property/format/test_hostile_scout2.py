"""Whatever a holder of the secret seals, and whatever a node makes of a box: read, or refused in words, in bounds."""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.format import devices
from shared.format.errors import FormatError, MalformedError
from shared.format.scout2 import link, mailbox, merge, messages, record, seal
from shared.format.scout2.packing import pack_array
from tests.support.hostile_msgpack import ANYTHING, DEVICES, MAILBOXES, MESSAGES, records

KEYS = link.epoch_keys(b"r" * 32, 20_000)
OTHER_EPOCH = link.epoch_keys(b"r" * 32, 20_001)
SEQ, NONCE = 7, b"n" * 24
NOW_MS = 1_764_000_000_000

BOMBS = {
    "array": b"\xdd\xff\xff\xff\xff",
    "map": b"\xdf\xff\xff\xff\xff",
    "bytes": b"\xc6\xff\xff\xff\xff",
    "text": b"\xdb\xff\xff\xff\xff",
    "extension": b"\xc9\xff\xff\xff\xff\x01",
    "entries": b"\x92\xdd\xff\xff\xff\xff\x94",
    "meta": b"\x92\x90\xdf\xff\xff\xff\xff\x01",
    "fields": b"\x92\x91\xdd\xff\xff\xff\xff\x01",
    "value": b"\x92\x91\x94\x01\x02\x03\xc6\xff\xff\xff\xff",
    "received": b"\x93\xc0\x01\xdf\xff\xff\xff\xff\x01\x01",
    "nested arrays": b"\x91" * 938,
    "nested maps": b"\x81\x01" * 469,
    "nested meta": (b"\x92\x90\x81\x01" + b"\x91" * 938)[:938],
    "nested keys": (b"\x92\x90" + b"\x81" * 938)[:938],
}
PARSERS: tuple[Callable[[bytes], object], ...] = (record.parse, mailbox.parse, messages.parse, devices.decode)


@given(records() | ANYTHING)
def test_any_structure_is_a_record_that_reads_back_or_malformed(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        found = record.parse(data)
        assert record.parse(record._packed(found)) == found
        merged = merge.merge(found, found)
        assert merged == found
        merge.current(merged.entries, NOW_MS)


@given(MAILBOXES | ANYTHING)
def test_any_structure_is_a_mailbox_that_reads_back_or_malformed(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        found = mailbox.parse(data)
        assert mailbox.parse(mailbox.serialise(found)) == found


@given(MESSAGES | ANYTHING)
def test_any_structure_is_a_message_that_reads_back_or_malformed(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        found = messages.parse(data)
        assert messages.parse(pack_array(found[:5], found.rest)) == found


@given(DEVICES | ANYTHING)
def test_any_structure_is_a_device_or_foreign(data: bytes) -> None:
    with contextlib.suppress(devices.ForeignContentError):
        found = devices.decode(data)
        assert devices.decode(devices.encode(found)) == found
        assert all(devices.address_to_text(address) for address in found.addresses)


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_takes_no_memory(parse: Callable[[bytes], object], bomb: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="expected"):
            parse(bomb)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@given(
    st.binary(max_size=938),
    st.lists(st.tuples(st.integers(0, 995), st.integers(0, 255)), max_size=4),
    st.sampled_from([0, 0, 0, -1, 1, 252, 508, 996]),
    st.sampled_from([(KEYS, SEQ), (KEYS, SEQ), (KEYS, SEQ + 1), (OTHER_EPOCH, SEQ)]),
)
@example(b"", [(0, 3)], 0, (KEYS, SEQ))
def test_a_box_opens_as_it_was_sealed_or_not_at_all(
    plaintext: bytes, changes: list[tuple[int, int]], size: int, place: tuple[link.EpochKeys, int]
) -> None:
    sealed = record.seal_plaintext(plaintext, KEYS, SEQ, NONCE)
    box = bytearray(sealed)
    for at, byte in changes:
        box[at % len(box)] = byte
    wanted = size if size > 1 else len(sealed) + size
    found: Any = None
    with contextlib.suppress(FormatError):
        found = record.open_plaintext(bytes(box[:wanted]).ljust(wanted, b"\0"), *place)
    unchanged = bytes(box) == sealed and wanted == len(sealed) and place == (KEYS, SEQ)
    assert found == (plaintext if unchanged else None)


@given(st.binary(max_size=938), st.binary(max_size=1000))
def test_only_what_pads_exactly_so_is_padding(plaintext: bytes, padded: bytes) -> None:
    assert seal.unpad(seal.pad(plaintext)) == plaintext
    with contextlib.suppress(FormatError):
        assert seal.pad(seal.unpad(padded)) == padded
