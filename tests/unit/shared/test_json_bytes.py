"""Bytes in JSON have one spelling each, and what has another is refused with its place and without being quoted."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.json_bytes import (
    Blob,
    Bytes20,
    Bytes32,
    Hex,
    MalformedJsonError,
    decode_json,
    encode_json,
    from_base64url,
    to_base64url,
)


class Holder(msgspec.Struct, frozen=True):
    blob: Blob = Blob()
    hex: Hex = Hex()
    hash: Bytes20 = Bytes20(bytes(20))
    key: Bytes32 = Bytes32(bytes(32))


@given(blob=st.binary(), some=st.binary(), sha1=st.binary(min_size=20, max_size=20))
def test_what_is_encoded_comes_back_in_its_types(blob: bytes, some: bytes, sha1: bytes) -> None:
    holder = Holder(Blob(blob), Hex(some), Bytes20(sha1))
    back = decode_json(encode_json(holder), Holder)
    assert back == holder
    assert [type(value) for value in (back.blob, back.hex, back.hash, back.key)] == [Blob, Hex, Bytes20, Bytes32]


@given(st.text(max_size=8))
def test_no_other_text_stands_for_the_same_bytes(text: str) -> None:
    try:
        data = from_base64url(text)
    except ValueError:
        return
    assert to_base64url(data) == text


@pytest.mark.parametrize("text", ["AAE=", "AAF", "A", "+/+/", "AA E", "AA\n", "ÄÄÄÄ"])
def test_base64_that_is_not_canonical_base64url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected base64url without padding"):
        from_base64url(text)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b'{"hex": "ABCD"}', "expected an even number of lower-case hex digits - at `$.hex`"),
        (b'{"hex": "abc"}', "expected an even number of lower-case hex digits - at `$.hex`"),
        (b'{"hash": "abcd"}', "expected 40 lower-case hex digits - at `$.hash`"),
        (b'{"key": "%s"}' % (b"zz" * 32), "expected 64 lower-case hex digits - at `$.key`"),
        (b'{"blob": "AAE="}', "expected base64url without padding - at `$.blob`"),
        (b'{"blob": 7}', "expected text, got int - at `$.blob`"),
        (b"<html>", "JSON is malformed: invalid character (byte 0)"),
    ],
)
def test_a_complaint_names_the_place_and_quotes_nothing(body: bytes, complaint: str) -> None:
    with pytest.raises(MalformedJsonError) as caught:
        decode_json(body, Holder)
    assert str(caught.value) == complaint


def test_json_nested_without_end_is_malformed_too() -> None:
    with pytest.raises(MalformedJsonError):
        decode_json(b"[" * 100_000, list)
