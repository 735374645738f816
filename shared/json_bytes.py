"""Bytes in JSON: contents as base64url without padding (RFC 4648, section 5), keys and hashes as lower-case hex.

Each value has one spelling, and only that one is read. The types below are plain `bytes` to whoever uses them; they
only tell the codec how they travel.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, ClassVar, TypeVar

import msgspec

T = TypeVar("T")


class MalformedJsonError(ValueError):
    """JSON that is not what was expected; says what and where, and never quotes a value."""


class Blob(bytes):
    """Bytes that travel as base64url without padding. On the bus only plain `bytes` travel."""

    __slots__ = ()


class Hex(bytes):
    """Bytes that travel as lower-case hex."""

    __slots__ = ()
    SIZE: ClassVar[int | None] = None
    """Bytes that there must be; None for any number."""


class Bytes20(Hex):
    """A SHA-1 hash."""

    __slots__ = ()
    SIZE: ClassVar[int | None] = 20


class Bytes32(Hex):
    """A key."""

    __slots__ = ()
    SIZE: ClassVar[int | None] = 32


class Bytes64(Hex):
    """A signature."""

    __slots__ = ()
    SIZE: ClassVar[int | None] = 64


def to_base64url(data: bytes) -> str:
    """Encode `data` as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def base64url_length(size: int) -> int:
    """Characters that `size` bytes take as base64url without padding."""
    return (4 * size + 2) // 3


def from_base64url(text: str) -> bytes:
    """Decode base64url without padding. Raises ValueError, which never quotes `text`."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = None
    # encoding again is what refuses padding, the alphabet of plain base64, and stray bits in the last character
    if data is None or to_base64url(data) != text:
        raise ValueError("expected base64url without padding")
    return data


def from_hex(text: str, size: int | None = None) -> bytes:
    """Decode lower-case hex, `size` bytes if that is given. Raises ValueError, which never quotes `text`."""
    digits = len(text) + len(text) % 2 if size is None else 2 * size
    if len(text) != digits or set(text) - set("0123456789abcdef"):
        raise ValueError(f"expected {'an even number of' if size is None else digits} lower-case hex digits")
    return bytes.fromhex(text)


def encode_json(value: Any) -> bytes:
    """Encode `value`; any bytes in it must be of one of the types above."""
    return msgspec.json.encode(value, enc_hook=_encode_hook)


def decode_json(body: bytes, into: type[T]) -> T:
    """Decode a whole body into `into`. Raises MalformedJsonError naming the problem by its path."""
    try:
        return msgspec.json.decode(body, type=into, dec_hook=decode_hook)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedJsonError(str(error)) from None


def decode_hook(into: type[Any], value: Any) -> Any:
    """One value of the types above from its text, for msgspec, which adds the path to the ValueError it raises."""
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {type(value).__name__}")  # noqa: TRY004  # msgspec adds the path to it
    if into is Blob:
        return Blob(from_base64url(value))
    if issubclass(into, Hex):
        return into(from_hex(value, into.SIZE))
    raise NotImplementedError(into)


def _encode_hook(value: Any) -> Any:
    if isinstance(value, Blob):
        return to_base64url(value)
    if isinstance(value, Hex):
        return value.hex()
    raise NotImplementedError(type(value))
