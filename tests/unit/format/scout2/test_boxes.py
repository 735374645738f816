from __future__ import annotations

import pytest

from shared.format import items
from shared.format.errors import FieldError, MalformedError, RecordFullError, UnsealError
from shared.format.scout2 import seal

KEY, NONCE, PLACE = b"k" * 32, b"n" * 24, b"place"
VERSION_AT, NONCE_AT, COMMITMENT_AT, CIPHERTEXT_AT = 0, 1, 25, 41


@pytest.mark.parametrize(("size", "bencoded"), [(0, 256), (194, 256), (195, 512), (450, 512), (451, 1000), (938, 1000)])
def test_values_have_three_sizes(size: int, bencoded: int) -> None:
    box = seal.seal(b"p" * size, KEY, PLACE, NONCE)
    assert len(items.value_of(box)) == bencoded
    assert seal.unseal(box, KEY, PLACE) == b"p" * size


def test_more_than_fits_is_refused_with_the_limit() -> None:
    with pytest.raises(RecordFullError, match="at most 938 bytes of plaintext in a record, got 939"):
        seal.seal(b"p" * 939, KEY, PLACE, NONCE)


@pytest.mark.parametrize("at", [NONCE_AT, COMMITMENT_AT, CIPHERTEXT_AT, -1])
def test_an_altered_box_does_not_open(at: int) -> None:
    box = bytearray(seal.seal(b"p", KEY, PLACE, NONCE))
    box[at] ^= 1
    with pytest.raises(UnsealError):
        seal.unseal(bytes(box), KEY, PLACE)


def test_a_box_opens_only_with_its_key_and_at_its_place() -> None:
    box = seal.seal(b"p", KEY, PLACE, NONCE)
    with pytest.raises(UnsealError, match="commits to another"):
        seal.unseal(box, b"K" * 32, PLACE)
    with pytest.raises(UnsealError, match="for this place"):
        seal.unseal(box, KEY, b"elsewhere")


def test_another_version_or_size_is_no_box() -> None:
    box = seal.seal(b"p", KEY, PLACE, NONCE)
    with pytest.raises(MalformedError, match="version 2 of boxes, got 3"):
        seal.unseal(b"\x03" + box[1:], KEY, PLACE)
    for cut in (0, 1, 251):
        with pytest.raises(MalformedError, match=f"252, 508, 996 bytes, got {cut}"):
            seal.unseal(box[:cut], KEY, PLACE)


@pytest.mark.parametrize(
    "padded",
    [
        bytes(195),
        b"p".ljust(195, b"\x01"),
        b"p\x80".ljust(194, b"\0") + b"\x01",
        b"p\x80".ljust(451, b"\0"),
        (b"p" * 194 + b"\x80").ljust(939, b"\0"),
        b"p\x80",
    ],
    ids=["no mark", "other bytes", "a byte behind the zeros", "one size too large", "two sizes too large", "short"],
)
def test_any_other_padding_is_malformed(padded: bytes) -> None:
    with pytest.raises(MalformedError, match="padding"):
        seal.unpad(padded)


def test_a_plaintext_may_end_like_its_padding() -> None:
    for plaintext in (b"\x80", b"\x80\0\0", b"p\x80"):
        assert seal.unpad(seal.pad(plaintext)) == plaintext


def test_wrong_sizes_are_the_callers() -> None:
    with pytest.raises(FieldError, match="a key of 32 bytes"):
        seal.seal(b"p", b"k", PLACE, NONCE)
    with pytest.raises(FieldError, match="a nonce of 24 bytes"):
        seal.seal(b"p", KEY, PLACE, b"n")
