"""MessagePack as scout2 uses it: typed, and strict about what others wrote."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from shared.format.errors import FieldError, MalformedError

T = TypeVar("T")

U32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
U64 = Annotated[int, Meta(ge=0)]
"""What MessagePack's largest integers hold."""
MAX_U32 = 2**32 - 1
MAX_U64 = 2**64 - 1

_FIXMAP_MAX = 15
"""Pairs of a map whose length stands in its first byte."""
_MAP16_MAX = 2**16 - 1

_encoder = msgspec.msgpack.Encoder()


@functools.cache
def _decoder(into: Any) -> msgspec.msgpack.Decoder[Any]:
    # a decoder made for each element of each entry took half of the time of parsing a record
    return msgspec.msgpack.Decoder(into)


def pack(value: object) -> bytes:
    """`value` in its shortest form. Raises FieldError for an integer that has none."""
    try:
        return _encoder.encode(value)
    except (OverflowError, msgspec.EncodeError) as error:
        raise FieldError(f"expected values that MessagePack can hold: {error}") from None


def unpack(data: bytes | msgspec.Raw, into: type[T], what: str) -> T:
    """`data` as `into`, with nothing behind it. Raises MalformedError, which names `what` and quotes nothing."""
    try:
        value: T = _decoder(into).decode(data)  # type: ignore[arg-type]  # no type can't be hashed
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError):
        # TypeError: a map whose key can't be hashed
        raise MalformedError(f"expected {what}") from None
    return value


def elements(data: bytes | msgspec.Raw, least: int, what: str) -> list[msgspec.Raw]:
    """The elements of an array of at least `least`, each as it was encoded. Raises MalformedError."""
    found: list[msgspec.Raw] = unpack(data, list[msgspec.Raw], what)
    if len(found) < least:
        raise MalformedError(f"expected {what}, got {len(found)} elements of at least {least}")
    return found


def pack_array(known: Sequence[Any], rest: Sequence[bytes]) -> bytes:
    """An array of `known` values and, behind them, of those that a newer writer added, as they were encoded."""
    return pack([*known, *map(msgspec.Raw, rest)])


def pack_map(pairs: Sequence[tuple[bytes, bytes]]) -> msgspec.Raw:
    """A map of keys and values that are encoded already: not every key that is read can be one of a dict."""
    count = len(pairs)
    if count <= _FIXMAP_MAX:
        head = bytes([0x80 | count])
    else:
        head = b"\xde" + count.to_bytes(2, "big") if count <= _MAP16_MAX else b"\xdf" + count.to_bytes(4, "big")
    return msgspec.Raw(head + b"".join(key + value for key, value in pairs))
