"""The strict decoder and the lenient one behind it hold each other to the same answers."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from shared.format import bencode, bep44
from shared.format.bencode import BencodeError

VALUES: st.SearchStrategy[bencode.Bencoded] = st.recursive(
    st.integers(-(2**70), 2**70) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.binary(max_size=5), inner, max_size=4),
    max_leaves=8,
)
NOISE = st.binary(max_size=60) | st.text("dlie0123456789:-ab", max_size=40).map(str.encode)


@given(VALUES)
def test_what_is_written_is_read_by_both(value: bencode.Bencoded) -> None:
    data = bencode.encode(value)
    with contextlib.suppress(BencodeError):  # deeper than we read
        assert bencode.decode(data) == bencode.decode_lenient(data) == value


@given(NOISE)
def test_what_the_strict_one_reads_is_canonical_and_read_alike_by_the_other(data: bytes) -> None:
    with contextlib.suppress(BencodeError):
        value = bencode.decode(data)
        assert bencode.encode(value) == data
        assert bencode.decode_lenient(data) == value


@given(NOISE)
def test_any_bytes_are_read_or_refused_with_our_error(data: bytes) -> None:
    with contextlib.suppress(BencodeError):
        bencode.decode_lenient(data)
    with contextlib.suppress(BencodeError):
        bencode.raw_value(data, b"a", b"b")


@given(st.dictionaries(st.binary(max_size=5), VALUES, min_size=1, max_size=4), st.data())
def test_a_raw_value_is_the_encoding_of_its_value(members: dict[bytes, bencode.Bencoded], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(members)))
    assert bencode.raw_value(bencode.encode({b"r": members}), b"r", key) == bencode.encode(members[key])


@given(st.binary(max_size=64), st.integers(-(2**63), 2**63 - 1), VALUES)
def test_signed_bytes_are_those_of_a_bencoded_dictionary(salt: bytes, seq: int, value: bencode.Bencoded) -> None:
    encoded = bencode.encode(value)
    expected = bencode.encode({b"seq": seq, b"v": value} | ({b"salt": salt} if salt else {}))
    assert b"d%se" % bep44.signable_bytes(encoded, seq, salt) == expected


@given(st.binary(max_size=1100))
def test_a_string_is_bencoded_alike_everywhere(content: bytes) -> None:
    assert bep44.bencode_string(content) == bencode.encode(content)
