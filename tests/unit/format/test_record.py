from __future__ import annotations

import pytest

from shared.format.errors import (
    EntryTooLargeError,
    FieldError,
    MalformedError,
    RecordFullError,
    TooManyEntriesError,
)
from shared.format.scout1 import record
from shared.format.scout1.record import Entry


def test_bytes_are_as_the_format_says() -> None:
    assert record.serialise([Entry(1, 2, b"hi")]) == bytes.fromhex("0100 0000000000000002 00000001 0000 02 00 6869")


def test_offsets_are_skipped_and_what_follows_the_last_entry_ignored() -> None:
    plaintext = bytes.fromhex("0102 aaaa 0000000000000002 00000001 ffff 02 03 bbbbbb 6869 cccc")
    assert record.parse(plaintext) == (Entry(1, 2, b"hi"),)


@pytest.mark.parametrize("cut", range(len(record.serialise([Entry(1, 2, b"hi"), Entry(2, 1, b"")]))))
def test_every_truncation_is_malformed(cut: int) -> None:
    whole = record.serialise([Entry(1, 2, b"hi"), Entry(2, 1, b"")])
    with pytest.raises(MalformedError, match="expected"):
        record.parse(whole[:cut])


def test_the_largest_content_fits_and_one_byte_more_is_named() -> None:
    assert record.parse(record.serialise([Entry(7, 1, b"c" * 255)])) == (Entry(7, 1, b"c" * 255),)
    with pytest.raises(EntryTooLargeError) as caught:
        record.serialise([Entry(7, 1, b"c" * 256)])
    assert (caught.value.entry_id, caught.value.size, caught.value.limit) == (7, 256, 255)


def test_the_fullest_record_fits_and_one_byte_more_is_named() -> None:
    full = [Entry(number, 1, b"c" * 255) for number in range(3)] + [Entry(3, 1, b"c" * 125)]
    assert record.size(full) == len(record.serialise(full)) == 956
    with pytest.raises(RecordFullError) as caught:
        record.serialise([*full[:3], Entry(3, 1, b"c" * 126)])
    assert (caught.value.size, caught.value.limit) == (957, 956)


def test_more_entries_than_the_count_can_hold_are_named_before_their_bytes() -> None:
    with pytest.raises(TooManyEntriesError) as caught:
        record.serialise([Entry(number, 1, b"") for number in range(256)])
    assert (caught.value.size, caught.value.limit) == (256, 255)
    with pytest.raises(RecordFullError):
        record.serialise([Entry(number, 1, b"") for number in range(255)])


@pytest.mark.parametrize(
    "entry", [Entry(-1, 1, b""), Entry(2**32, 1, b""), Entry(1, 2**63, b""), Entry(1, -(2**63) - 1, b"")]
)
def test_an_id_or_seq_out_of_range_is_named(entry: Entry) -> None:
    with pytest.raises(FieldError, match=f"got id {entry.id}, seq {entry.seq}"):
        record.serialise([entry])
