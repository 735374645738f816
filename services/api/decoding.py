"""What clients send, into the types of `schemas`; what does not fit is the client's error, named by its path."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from shared import json_bytes
from shared.errors import ErrorCode, ScoutError

T = TypeVar("T")


def decode_body(body: bytes, into: type[T]) -> T:
    """Decode a request's body. Raises ScoutError (`invalid_request`)."""
    try:
        return json_bytes.decode_json(body, into)
    except json_bytes.MalformedJsonError as error:
        raise ScoutError(ErrorCode.INVALID_REQUEST, f"The request's body: {error}.") from None


def convert_text(values: dict[str, str], into: type[T], where: str) -> T:
    """Turn the texts of a query or a path into their types. Raises ScoutError (`invalid_request`)."""
    try:
        return msgspec.convert(values, into, strict=False, dec_hook=json_bytes.decode_hook)
    except msgspec.ValidationError as error:
        raise ScoutError(ErrorCode.INVALID_REQUEST, f"{where}: {error}.") from None
