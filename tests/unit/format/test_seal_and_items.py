from __future__ import annotations

import pytest

from shared.format import bep44, items
from shared.format.errors import (
    FieldError,
    ItemTooLargeError,
    MalformedError,
    RecordFullError,
    SeqExhaustedError,
    UnsealError,
)
from shared.format.scout1 import seal, seqs

KEY, NONCE = b"k" * 32, b"n" * 24


def test_a_full_record_makes_a_value_of_exactly_1000_bytes() -> None:
    assert len(items.value_of(seal.seal_record(b"p" * 956, KEY, NONCE))) == 1000
    with pytest.raises(RecordFullError):
        seal.seal_record(b"p" * 957, KEY, NONCE)


def test_a_box_opens_with_its_key_only_and_unaltered() -> None:
    box = seal.seal(b"plaintext", KEY, NONCE)
    assert box[:24] == NONCE
    assert seal.unseal(box, KEY) == b"plaintext"
    with pytest.raises(UnsealError):
        seal.unseal(box, b"x" * 32)
    for at in range(len(box)):
        with pytest.raises(UnsealError):
            seal.unseal(box[:at] + bytes([box[at] ^ 1]) + box[at + 1 :], KEY)


@pytest.mark.parametrize(("key", "nonce"), [(b"short", NONCE), (KEY, b"short")])
def test_a_key_or_nonce_of_another_size_is_named(key: bytes, nonce: bytes) -> None:
    with pytest.raises(FieldError, match="got 5"):
        seal.seal(b"plaintext", key, nonce)


def test_a_string_too_long_for_an_item_is_named() -> None:
    assert len(items.value_of(b"s" * 996)) == bep44.MAX_VALUE
    with pytest.raises(ItemTooLargeError) as caught:
        items.value_of(b"s" * 997)
    assert (caught.value.size, caught.value.limit) == (1001, 1000)


@pytest.mark.parametrize(
    "value", [b"", b"i3e", b"le", b"de", b"5:hell", b"5:hello!", b"nonsense", b"997:" + b"s" * 997]
)
def test_a_value_that_is_no_string_of_an_item_is_malformed(value: bytes) -> None:
    with pytest.raises(MalformedError):
        items.content_of(value)


@pytest.mark.parametrize(("seen", "following"), [([], 1), ([0], 1), ([-5], 1), ([5, 3], 6), ([2**63 - 2], 2**63 - 1)])
def test_the_next_seq_is_one_above_the_highest_and_at_least_1(seen: list[int], following: int) -> None:
    assert seqs.next_seq(seen) == following


def test_no_seq_follows_the_last() -> None:
    with pytest.raises(SeqExhaustedError):
        seqs.next_seq([2**63 - 1])
