"""The errors of the format in the words of the services: the one table from `FormatError` to `ScoutError`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from shared.errors import ErrorCode, ScoutError
from shared.format import errors

Result = TypeVar("Result")

_CODES: dict[type[errors.FormatError], ErrorCode] = {
    errors.LowOrderKeyError: ErrorCode.LOW_ORDER_PUBLIC_KEY,
    # whoever wrote the highest number is to blame, not the caller who finds it there
    errors.SeqExhaustedError: ErrorCode.SEQ_EXHAUSTED,
    errors.EntryTooLargeError: ErrorCode.ENTRY_TOO_LARGE,
    errors.TooManyEntriesError: ErrorCode.TOO_MANY_ENTRIES,
    errors.RecordFullError: ErrorCode.RECORD_FULL,
    errors.MessageTooLargeError: ErrorCode.MESSAGE_TOO_LARGE,
    errors.ItemTooLargeError: ErrorCode.ITEM_TOO_LARGE,
}


def scout_error(error: errors.FormatError) -> ScoutError:
    """The error to raise for `error` to the caller it stopped; limits bring their figures as facts."""
    facts: dict[str, Any] = {}
    if isinstance(error, errors.LimitError):
        facts = {"size": error.size, "limit": error.limit}
    if isinstance(error, errors.EntryTooLargeError):
        facts["id"] = error.entry_id
    return ScoutError(_CODES.get(type(error), ErrorCode.INVALID_REQUEST), str(error), facts=facts)


def checked(action: Callable[[], Result]) -> Result:
    """What `action` returns; its FormatError, which the caller's input caused, becomes a ScoutError."""
    try:
        return action()
    except errors.FormatError as error:
        raise scout_error(error) from None
