"""MessagePack as nobody should write it: every type in every width, lengths that lie, and nesting without end."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

Encoded = st.SearchStrategy[bytes]

_WIDTHS = {b"\xcc": ">B", b"\xcd": ">H", b"\xce": ">I", b"\xcf": ">Q", b"\xd0": ">b", b"\xd1": ">h", b"\xd3": ">q"}
_LIES = st.sampled_from(
    [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
        b"\xdc\xff\xff",
        b"\xde\xff\xff",
        b"\x9f",
        b"\x8f",
    ]
)
"""Heads of arrays, maps and strings of which nothing follows."""

_NESTED = st.builds(
    lambda head, depth: head * depth, st.sampled_from([b"\x91", b"\x81\x01", b"\x81"]), st.integers(1, 900)
)
_FLOATS = st.floats(allow_nan=True, width=64).map(lambda value: b"\xcb" + struct.pack(">d", value))
_EXTENSIONS = st.builds(
    lambda code, data: b"\xc7" + bytes([len(data), code]) + data, st.integers(0, 255), st.binary(max_size=16)
)


def _integer(head: bytes, value: int) -> bytes:
    layout = _WIDTHS[head]
    bits = 8 * struct.calcsize(layout)
    value %= 1 << bits
    if layout[1].islower():
        value -= 1 << (bits - 1)
    return head + struct.pack(layout, value)


INTEGERS = st.integers(0, 127).map(lambda value: bytes([value])) | st.builds(
    _integer, st.sampled_from(list(_WIDTHS)), st.integers(0, 2**64 - 1)
)


def binary(data: bytes) -> bytes:
    """`data` as a byte string of at most 65535 bytes."""
    return b"\xc5" + struct.pack(">H", len(data)) + data


def text(data: bytes) -> bytes:
    """`data` as text, whether or not it is UTF-8."""
    return b"\xda" + struct.pack(">H", len(data)) + data


def array(items: list[bytes]) -> bytes:
    """An array of what is encoded already."""
    return b"\xdc" + struct.pack(">H", len(items)) + b"".join(items)


def mapping(items: list[tuple[bytes, bytes]]) -> bytes:
    """A map of what is encoded already; a key may stand twice."""
    return b"\xde" + struct.pack(">H", len(items)) + b"".join(key + value for key, value in items)


_PLAIN = (
    st.sampled_from([b"\xc0", b"\xc1", b"\xc2", b"\xc3"])
    | INTEGERS
    | _FLOATS
    | _EXTENSIONS
    | st.binary(max_size=24).map(binary)
    | st.binary(max_size=24).map(text)
)
ANYTHING = st.recursive(
    _PLAIN | _LIES | _NESTED,
    lambda inner: st.lists(inner, max_size=4).map(array) | st.lists(st.tuples(inner, inner), max_size=4).map(mapping),
    max_leaves=8,
)
"""Any encoded value, and much that is none."""


def _nearly(*fields: Encoded) -> Encoded:
    """An array of these fields, each of which may be anything instead; and perhaps some more behind them."""
    return st.builds(
        lambda known, more: array([*known, *more]),
        st.tuples(*(field | field | field | ANYTHING for field in fields)),
        st.lists(ANYTHING, max_size=2),
    )


_IDS = st.integers(0, 3).map(lambda value: bytes([value])) | st.integers(0, 2).map(
    lambda member: b"\xce" + struct.pack(">I", 2**31 + member)
)
_ADDRESSES = st.sampled_from([20, 20, 19, 0]).map(lambda size: binary(b"a" * size)) | st.just(b"\xc0")
MAILBOXES = _nearly(_ADDRESSES, INTEGERS, st.lists(st.tuples(INTEGERS, INTEGERS), max_size=3).map(mapping))
MESSAGES = _nearly(_ADDRESSES, INTEGERS, INTEGERS, INTEGERS, st.binary(max_size=24).map(binary))
DEVICES = st.lists(
    st.tuples(
        st.sampled_from([b"\xa1a", b"\xa1n", b"\xa1x", b"\xa1z"]),
        st.lists(st.binary(max_size=20).map(binary), max_size=3).map(array) | ANYTHING,
    ),
    max_size=4,
).map(mapping)
_VALUES = st.just(b"\xc0") | (st.binary(max_size=24) | MAILBOXES | DEVICES).map(binary)


def records(stamps: Encoded = INTEGERS, ttls: Encoded = INTEGERS) -> Encoded:
    """What begins like a record, and goes on as it likes; stamps and ttls are encoded integers."""
    entries = st.lists(_nearly(_IDS, stamps, ttls, _VALUES), max_size=4).map(array)
    metas = st.lists(st.tuples(INTEGERS, ANYTHING) | st.tuples(ANYTHING, ANYTHING), max_size=2).map(mapping)
    return st.builds(lambda parts, meta: b"\x92" + parts + meta, entries | ANYTHING, metas | ANYTHING)
