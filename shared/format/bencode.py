"""The one seam to the bencode libraries (BEP 3, "bencoding").

`bencode2` is compiled and strict: what it accepts is canonical, so decoding and encoding again gives the same bytes.
`bencodepy` reads what strict decoders refuse (unsorted keys, as some real nodes send). Behind it the bytes of a value
must be cut out of what was sent, never encoded anew: a signature is over bytes (`raw_value`).
"""

from __future__ import annotations

from typing import Any

import bencode2
import bencodepy

MAX_DEPTH = 10
"""Lists and dictionaries within each other; libtorrent stops there too, and nothing in KRPC needs more than 4."""

Bencoded = Any
"""int, bytes, list or dict with bytes keys."""

_CONTAINERS = (dict, list)
_LENIENT = bencodepy.BencodeDecoder(max_depth=MAX_DEPTH)


class BencodeError(ValueError):
    """These bytes are not bencode within our bounds; or this value can't be bencoded."""


def encode(value: Bencoded) -> bytes:
    """Canonical bencoding of ints, bytes, lists, and dicts with bytes keys (sorted here).

    Raises BencodeError for what bencode has no form for (None, float). Text is taken as its UTF-8, a bool as 0 or 1.
    """
    try:
        return bencode2.bencode(value)
    except (TypeError, ValueError) as error:
        raise BencodeError(str(error)) from error


def decode(data: bytes) -> Bencoded:
    """Decode canonical bencode, at most MAX_DEPTH deep, with nothing behind it.

    Raises BencodeError. What comes back encodes to the same bytes.
    """
    try:
        value = bencode2.bdecode(data)
    except (ValueError, RecursionError) as error:
        # not only BencodeDecodeError: past 4300 digits it is Python itself that refuses the number
        raise BencodeError(str(error)) from error
    # every level opens with its own byte, so a short count of them bounds the depth without a walk
    if data.count(b"d") + data.count(b"l") > MAX_DEPTH and _is_deep([value], MAX_DEPTH + 1):
        raise BencodeError(f"expected at most {MAX_DEPTH} levels")
    return value


def decode_lenient(data: bytes) -> Bencoded:
    """Decode bencode whose dictionaries may be unsorted, at most MAX_DEPTH deep, with nothing behind it.

    Raises BencodeError. Of repeated keys the last one stands. Encoding again need not give the same bytes.
    """
    if _depth(data) > MAX_DEPTH:
        raise BencodeError(f"expected at most {MAX_DEPTH} levels")
    try:
        return _LENIENT.decode(data)
    except (bencodepy.BencodeDecodeError, RecursionError) as error:
        raise BencodeError(str(error)) from error


def raw_value(data: bytes, *path: bytes) -> bytes | None:
    """The bytes of the value under `path` (a key for each dictionary, outermost first) exactly as they stand in `data`.

    None when there is no such value. Raises BencodeError when `data` is not a well-formed bencoded dictionary.
    """
    start, end = 0, len(data)
    for key in path:
        span = _member(data, start, key)
        if span is None:
            return None
        start, end = span
    return data[start:end]


def _member(data: bytes, start: int, key: bytes) -> tuple[int, int] | None:
    if data[start : start + 1] != b"d":
        return None
    found = None
    at = start + 1
    while data[at : at + 1] != b"e":
        name_end = _skip(data, at)
        value_end = _skip(data, name_end)
        if data[at:name_end].partition(b":")[2] == key:
            found = (name_end, value_end)
        at = value_end
    return found


def _skip(data: bytes, at: int) -> int:
    """The position behind the value that begins at `at`; a loop, so that depth costs no stack."""
    depth = 0
    while True:
        kind = data[at : at + 1]
        if kind in (b"d", b"l"):
            depth += 1
            at += 1
        elif kind == b"e":
            depth -= 1
            at += 1
        elif kind == b"i":
            at = _index(data, b"e", at) + 1
        else:
            colon = _index(data, b":", at)
            at = colon + 1 + _length(data[at:colon])
        if depth <= 0:
            if depth < 0 or at > len(data):
                raise BencodeError("expected a value, got the end of its container")
            return at


def _index(data: bytes, mark: bytes, at: int) -> int:
    found = data.find(mark, at)
    if found < 0:
        raise BencodeError(f"expected {mark.decode()!r} after byte {at}")
    return found


def _length(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > len("65535"):
        raise BencodeError("expected the length of a string")
    return int(digits)


def _is_deep(container: Bencoded, levels: int) -> bool:
    """Whether lists and dictionaries lie more than `levels` deep within each other.

    Asked of what was decoded (bencode2 itself stops at 4,096 levels): sealed contents are full of the bytes that open
    lists, and a walk over the encoded bytes took ten times as long as decoding them.
    """
    if levels == 0:
        return True
    for inner in container.values() if isinstance(container, dict) else container:
        if isinstance(inner, _CONTAINERS) and _is_deep(inner, levels - 1):
            return True
    return False


def _depth(data: bytes) -> int:
    """The deepest nesting in `data`; what is not bencode is left for the decoder to refuse."""
    at, depth, deepest = 0, 0, 0
    try:
        while at < len(data):
            kind = data[at]
            if kind in b"dl":
                depth += 1
                deepest = max(deepest, depth)
                at += 1
            elif kind == b"e"[0]:
                depth -= 1
                at += 1
            else:
                at = _skip(data, at)
    except BencodeError:
        return deepest
    return deepest
