"""Bytes in JSON: base64url without padding (RFC 4648, section 5) for contents, lower-case hex for keys and hashes.

`Blob` and `Hex` are plain `bytes` to whoever uses them; their type only tells the JSON codec how they travel.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Blob(bytes):
    """Bytes that travel as base64url without padding."""

    __slots__ = ()


class Hex(bytes):
    """Bytes that travel as lower-case hex."""

    __slots__ = ()


class MalformedAnswerError(ValueError):
    """JSON that is not what was expected of the service, or text that is not what it should encode."""


def to_base64url(data: bytes) -> str:
    """Encode `data` as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Decode base64url, padded or not. Raises MalformedAnswerError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedAnswerError("expected base64url") from error


def decode_json(body: bytes, type_: type[T]) -> T:
    """Decode a JSON body into `type_`; fields that this version does not know are passed over.

    Raises MalformedAnswerError.
    """
    try:
        return msgspec.json.decode(body, type=type_, dec_hook=_from_json)
    except (msgspec.DecodeError, MalformedAnswerError) as error:
        raise MalformedAnswerError(str(error)) from error


def encode_json(value: Any) -> bytes:
    """Encode `value` as JSON; a Blob or a Hex in it as its type says."""
    return msgspec.json.encode(value, enc_hook=_to_json)


def _from_json(type_: type[Any], value: Any) -> Any:
    if type_ is Blob:
        return Blob(from_base64url(value))
    if type_ is Hex:
        try:
            return Hex(bytes.fromhex(value))
        except ValueError as error:
            raise MalformedAnswerError("expected hex digits") from error
    raise NotImplementedError(type_)


def _to_json(value: Any) -> Any:
    if isinstance(value, Blob):
        return to_base64url(value)
    if isinstance(value, Hex):
        return value.hex()
    raise NotImplementedError(type(value))
