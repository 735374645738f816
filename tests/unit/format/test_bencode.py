from __future__ import annotations

import pytest

from shared.format import bencode
from shared.format.bencode import MAX_DEPTH, BencodeError

NESTED = b"l" * MAX_DEPTH + b"e" * MAX_DEPTH
TOO_DEEP = b"l" + NESTED + b"e"


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"i-42e", -42),
        (b"0:", b""),
        (b"li1e1:ae", [1, b"a"]),
        (b"d1:ai1e1:bde1:clee", {b"a": 1, b"b": {}, b"c": []}),
    ],
)
def test_values_and_their_canonical_bytes(data: bytes, value: bencode.Bencoded) -> None:
    assert bencode.decode(data) == bencode.decode_lenient(data) == value
    assert bencode.encode(value) == data


def test_keys_are_sorted_when_written() -> None:
    assert bencode.encode({b"b": 1, b"a": 2}) == b"d1:ai2e1:bi1ee"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"i1ei2e",
        b"i-0e",
        b"i01e",
        b"ie",
        b"01:a",
        b"5:abcd",
        b"d1:ae",
        b"di1e1:ae",
        b"d1:ai1e1:ai2ee",
        b"l",
        b"e",
        b"-1:a",
        b"9" * 30 + b":a",
        pytest.param(b"i" + b"9" * 5000 + b"e", id="5000 digits"),
        pytest.param(b"1" * 5000 + b":a", id="a length of 5000 digits"),
        pytest.param(b"l" * 60_000, id="60000 lists"),
        pytest.param(b"d1:a" * 15_000, id="15000 dictionaries"),
        pytest.param(TOO_DEEP, id="one level too deep"),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(BencodeError):
        bencode.decode(data)


def test_the_deepest_nesting_allowed_is_read_by_both() -> None:
    assert bencode.encode(bencode.decode(NESTED)) == NESTED
    assert bencode.decode_lenient(NESTED) == bencode.decode(NESTED)
    with pytest.raises(BencodeError, match=f"at most {MAX_DEPTH} levels"):
        bencode.decode_lenient(TOO_DEEP)


def test_letters_within_strings_are_no_depth() -> None:
    value = {b"d" * 20: b"l" * 20}
    assert bencode.decode(bencode.encode(value)) == value


def test_unsorted_keys_are_read_only_leniently() -> None:
    data = b"d1:bi1e1:ai2ee"
    with pytest.raises(BencodeError):
        bencode.decode(data)
    assert bencode.decode_lenient(data) == {b"a": 2, b"b": 1}


@pytest.mark.parametrize("value", [None, 1.5, {b"a": None}])
def test_what_has_no_form_is_refused(value: bencode.Bencoded) -> None:
    with pytest.raises(BencodeError):
        bencode.encode(value)


def test_a_raw_value_is_cut_out_as_it_stands() -> None:
    data = b"d1:rd1:vd1:bi1e1:ai2ee1:ki7eee"
    assert bencode.raw_value(data, b"r", b"v") == b"d1:bi1e1:ai2ee"
    assert bencode.raw_value(data, b"r", b"k") == b"i7e"
    assert bencode.raw_value(data, b"r", b"x") is None
    assert bencode.raw_value(data, b"r", b"k", b"y") is None


@pytest.mark.parametrize("data", [b"d1:v", b"d1:v5:abce", b"d1:vi7", b"d1:vle", b"d1:v1_0:aaaaaaaaaae", b"d1:ve"])
def test_a_raw_value_of_broken_bytes_is_refused(data: bytes) -> None:
    with pytest.raises(BencodeError):
        bencode.raw_value(data, b"v")
