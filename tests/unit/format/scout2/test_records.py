from __future__ import annotations

import msgspec
import pytest

from shared.format.errors import FieldError, MalformedError, RecordFullError, SeqExhaustedError, UnsealError
from shared.format.scout2 import link, merge, record
from shared.format.scout2.record import Entry, Record

KEYS = link.epoch_keys(b"r" * 32, 20_000)
NONCE = b"n" * 24
NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


def packed(value: object) -> bytes:
    return msgspec.msgpack.encode(value)


def test_bytes_are_as_the_format_says() -> None:
    content = Record((Entry(1, 2, 3, b"v"), Entry(9, 4, 5, None)))
    assert record.serialise(content) == bytes.fromhex("92 92 94010203c40176 94090405c0 80".replace(" ", ""))


def test_what_a_newer_writer_added_survives_a_rewrite_byte_by_byte() -> None:
    # a float32, an extension and a map: encodings that a decoder would change or lose
    added = bytes.fromhex("ca3f800000" + "d40700" + "81a16101")
    entry = bytes.fromhex("97 01 02 03 c0".replace(" ", "")) + added
    meta = bytes.fromhex("82 a16b ca40000000 01 d4ff00".replace(" ", ""))
    plaintext = bytes.fromhex("9291") + entry + meta
    read = record.parse(plaintext)
    assert read.entries[0].rest == (bytes.fromhex("ca3f800000"), bytes.fromhex("d40700"), bytes.fromhex("81a16101"))
    again = record.parse(record.serialise(read))
    assert again == read
    assert entry in record.serialise(read)


@pytest.mark.parametrize(
    "meta",
    [
        "81 9101 01",
        "81 cb7ff8000000000000 01",
        "81 01 82a161010101",
        "de0010" + "".join(f"{n:02x}c0" for n in range(16)),
    ],
    ids=["an array as a key", "NaN as a key", "a map as a value", "sixteen keys"],
)
def test_meta_that_no_dictionary_can_hold_is_written_back(meta: str) -> None:
    plaintext = bytes.fromhex("9290") + bytes.fromhex(meta.replace(" ", ""))
    assert record.serialise(record.parse(plaintext)) == plaintext


def test_a_changed_entry_keeps_what_a_newer_writer_added() -> None:
    held = Entry(1, NOW_MS, 60, b"old", (b"\x07",))
    (changed,) = merge.change((held,), 1, b"new", 90, NOW_MS + 1)
    assert changed == Entry(1, NOW_MS + 1, 90, b"new", (b"\x07",))


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        [[]],
        [[], {}, 0],
        [{}, {}],
        [[], []],
        [[[1, 2, 3]], {}],
        [[[-1, 2, 3, b""]], {}],
        [[[2**32, 2, 3, b""]], {}],
        [[[1, 2, 2**32, b""]], {}],
        [[[1, -2, 3, b""]], {}],
        [[[1, 2.5, 3, b""]], {}],
        [[[1, 2, 3, "text"]], {}],
        [[[True, 2, 3, b""]], {}],
        [[[1, 2, 3, b""], [1, 2, 3, b""]], {}],
        [[[2, 2, 3, b""], [1, 2, 3, b""]], {}],
        [[1], {}],
    ],
)
def test_another_structure_is_malformed(value: object) -> None:
    with pytest.raises(MalformedError, match="expected"):
        record.parse(packed(value))


@pytest.mark.parametrize(
    "plaintext",
    [
        b"",
        b"\x92",
        packed([[], {}]) + b"\0",
        b"\x92\xdd\xff\xff\xff\xff\x80",
        b"\x92\x90\xdf\xff\xff\xff\xff",
        b"\x92\x90\x81\x81\x01\x02\x03",
        b"\x91" * 938,
        b"\x92\x91\x94\x01\x02\x03\xc6\xff\xff\xff\xff",
    ],
    ids=["nothing", "cut", "a byte behind", "array bomb", "map bomb", "a map as a key", "nested", "huge value"],
)
def test_hostile_bytes_are_malformed(plaintext: bytes) -> None:
    with pytest.raises(MalformedError, match="expected"):
        record.parse(plaintext)


@pytest.mark.parametrize(
    "entry", [Entry(-1, 0, 0, b""), Entry(2**32, 0, 0, b""), Entry(1, 2**64, 0, b""), Entry(1, 0, 2**32, b"")]
)
def test_fields_out_of_range_are_refused_before_anything_is_sealed(entry: Entry) -> None:
    with pytest.raises(FieldError, match="of an entry from 0 to"):
        record.serialise(Record((entry,)))


def test_entries_out_of_order_are_refused() -> None:
    with pytest.raises(FieldError, match="ascending"):
        record.serialise(Record((Entry(2, 0, 0, b""), Entry(1, 0, 0, b""))))


def test_a_full_record_says_how_full() -> None:
    most = Record((Entry(1, 0, 0, b"v" * 928),))
    assert len(record.serialise(most)) == 938
    with pytest.raises(RecordFullError) as caught:
        record.serialise(Record((Entry(1, 0, 0, b"v" * 929),)))
    assert (caught.value.size, caught.value.limit) == (939, 938)


def test_a_box_is_bound_to_its_address_and_its_seq() -> None:
    box = record.seal_record(Record(), KEYS, 7, NONCE)
    assert record.open_record(box, KEYS, 7) == Record()
    with pytest.raises(UnsealError):
        record.open_record(box, KEYS, 8)
    with pytest.raises(UnsealError):
        record.open_record(box, link.epoch_keys(b"r" * 32, 20_001), 7)


def test_expired_and_future_entries_do_not_count() -> None:
    alive, last = Entry(1, NOW_MS, 60, b""), Entry(2, NOW_MS - 59_999, 60, b"")
    gone, future = Entry(3, NOW_MS - 60_000, 60, b""), Entry(4, NOW_MS + HOUR_MS + 1, 60, b"")
    near = Entry(5, NOW_MS + HOUR_MS, 60, b"")
    assert merge.current((alive, last, gone, future, near), NOW_MS) == (alive, last, near)


def test_a_tombstone_outlives_what_it_removes_and_nothing_else_is_touched() -> None:
    held, other = Entry(1, NOW_MS, 3600, b"v"), Entry(2, NOW_MS, 60, b"w")
    removed = merge.remove((held, other), {1, 7}, NOW_MS + 5_000)
    assert removed == (Entry(1, NOW_MS + 5_000, 3600, None), other)
    assert removed[0].expires_ms > held.expires_ms
    assert merge.merge_entries(removed, (held, other)) == removed
    assert merge.remove(removed, {1}, NOW_MS + 9_000) == removed


def test_a_writer_whose_clock_is_behind_still_wins() -> None:
    held = Entry(1, NOW_MS, 60, b"theirs")
    assert merge.change((held,), 1, b"mine", 60, NOW_MS - HOUR_MS)[0].stamp == NOW_MS + 1
    with pytest.raises(SeqExhaustedError):
        merge.change((held._replace(stamp=2**64 - 1),), 1, b"mine", 60, NOW_MS)


def test_meta_of_all_versions_is_kept() -> None:
    one, two = Record(meta=((b"\x01", b"\x05"),)), Record(meta=((b"\x01", b"\x06"), (b"\x02", b"\x00")))
    assert merge.merge(one, two) == merge.merge(two, one) == Record(meta=((b"\x01", b"\x06"), (b"\x02", b"\x00")))
