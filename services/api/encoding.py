"""Bytes in JSON: contents as base64url without padding (RFC 4648, section 5), keys and hashes as lower-case hex."""

from __future__ import annotations

import base64
import binascii
from typing import Any, TypeVar

import msgspec

from shared.errors import ErrorCode, ScoutError

T = TypeVar("T")


class Blob(bytes):
    """Bytes that travel as base64url without padding. On the bus only plain `bytes` travel."""

    __slots__ = ()


class Bytes20(bytes):
    """A SHA-1 hash that travels as 40 lower-case hex digits."""

    __slots__ = ()
    SIZE = 20


class Bytes32(bytes):
    """A key that travels as 64 lower-case hex digits."""

    __slots__ = ()
    SIZE = 32


def to_base64url(data: bytes) -> str:
    """Encode `data` as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


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


def from_hex(text: str, size: int) -> bytes:
    """Decode `size` bytes of lower-case hex. Raises ValueError, which never quotes `text`."""
    if len(text) != 2 * size or set(text) - set("0123456789abcdef"):
        raise ValueError(f"expected {2 * size} lower-case hex digits")
    return bytes.fromhex(text)


def decode_json(body: bytes, into: type[T]) -> T:
    """Decode a request's body. Raises ScoutError (`invalid_request`) naming the problem by its path."""
    try:
        return msgspec.json.decode(body, type=into, dec_hook=_decode_hook)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ScoutError(ErrorCode.INVALID_REQUEST, f"The request's body: {error}.") from None


def convert_text(values: dict[str, str], into: type[T], where: str) -> T:
    """Turn the texts of a query or a path into their types. Raises ScoutError (`invalid_request`)."""
    try:
        return msgspec.convert(values, into, strict=False, dec_hook=_decode_hook)
    except msgspec.ValidationError as error:
        raise ScoutError(ErrorCode.INVALID_REQUEST, f"{where}: {error}.") from None


def encode_json(value: Any) -> bytes:
    """Encode an answer; any bytes in it must be of one of the types above."""
    return msgspec.json.encode(value, enc_hook=_encode_hook)


def _decode_hook(into: type[Any], value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {type(value).__name__}")  # noqa: TRY004  # msgspec adds the path to it
    if into is Blob:
        return Blob(from_base64url(value))
    if into in (Bytes20, Bytes32):
        return into(from_hex(value, into.SIZE))
    raise NotImplementedError(into)


def _encode_hook(value: Any) -> Any:
    if isinstance(value, Blob):
        return to_base64url(value)
    if isinstance(value, Bytes20 | Bytes32):
        return value.hex()
    raise NotImplementedError(type(value))
