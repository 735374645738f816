"""From an exception to an exit code and a line or two for a person; nobody ever sees a traceback."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from scout.errors import ClientError, OpenElsewhere, ScoutApiError, Unreachable
from scout.profile import ProfileError
from scout.secretfiles import SecretFileError
from shared.errors import ErrorCode
from shared.format.errors import FormatError


class ExitCode(IntEnum):
    """What a script can tell from the exit status; docs/cli.md lists them."""

    OK = 0
    FAILED = 1
    """The service said no, or what was asked for is not there."""
    BAD_INPUT = 2
    """The command line, a file, or a value in the request is not what it should be."""
    UNAVAILABLE = 3
    """No answer, or the service can't do it now: the same command may succeed later."""
    DENIED = 4
    """The service wants an API key, or another one."""
    INTERRUPTED = 130
    """128 + SIGINT, as shells say it."""


class CommandError(Exception):
    """A command can't go on: a sentence, what to do about it, and the exit code."""

    def __init__(self, sentence: str, *, hint: str = "", code: ExitCode = ExitCode.BAD_INPUT) -> None:
        """Build it from a sentence for people."""
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
        self.code = code


EXPECTED = (CommandError, ClientError, ProfileError, SecretFileError, FormatError)
"""What a command may raise, and what `explain` knows."""

_UNAVAILABLE = frozenset(
    {
        ErrorCode.DHT_UNAVAILABLE,
        ErrorCode.BUS_UNAVAILABLE,
        ErrorCode.OVERLOADED,
        ErrorCode.DEADLINE_EXCEEDED,
        ErrorCode.NOT_STORED,
    }
)
_BAD_INPUT = frozenset(
    {
        ErrorCode.INVALID_REQUEST,
        ErrorCode.LOW_ORDER_PUBLIC_KEY,
        ErrorCode.ENTRY_TOO_LARGE,
        ErrorCode.MESSAGE_TOO_LARGE,
        ErrorCode.ITEM_TOO_LARGE,
        ErrorCode.BODY_TOO_LARGE,
    }
)
_DENIED = frozenset({ErrorCode.UNAUTHORIZED, ErrorCode.FORBIDDEN_SCOPE})
_TRANSIENT_STATUS = frozenset({429, 502, 503, 504})

_HINTS: dict[str, str] = {
    ErrorCode.UNAUTHORIZED: "Name the file of your API key with --api-key-file, or put the key into SCOUT_API_KEY; "
    "whoever runs the service makes keys with `scout apikey new`.",
    ErrorCode.FORBIDDEN_SCOPE: "Ask whoever runs the service for a key with that scope.",
    ErrorCode.BUDGET_SPENT: "Each request costs DHT packets, and they come back with time: wait, "
    "or ask whoever runs the service for a larger budget.",
    ErrorCode.BAD_HANDLE: "This service did not make the handle, has a new master key, or your API key is another "
    "tenant's: make the link again with `scout link`.",
    ErrorCode.LOW_ORDER_PUBLIC_KEY: "Ask your peer for their public key again; this one is not a real key.",
    ErrorCode.RECORD_FULL: "Take something out with `scout sync LINK --remove ID`.",
    ErrorCode.TOO_MANY_ENTRIES: "Take something out with `scout sync LINK --remove ID`.",
    ErrorCode.CONFLICT: "Others are writing the same record; try again.",
    ErrorCode.SEQ_EXHAUSTED: "Somebody who shares the secret wrote the highest number there is: use another entry id, "
    "or link anew with another key.",
    ErrorCode.PRECONDITION_FAILED: "Others are writing the same record; try again.",
    ErrorCode.DHT_UNAVAILABLE: "The DHT node, the service's or with --session your own, has no contacts: check its "
    "network and its bootstrap nodes.",
    ErrorCode.NOT_STORED: "No DHT node took it; try again.",
    ErrorCode.NOT_FOUND: "If it was put a moment ago, try again; nodes may drop an item after two hours.",
}


def explain(error: Exception) -> dict[str, Any]:
    """`error`, one of EXPECTED, as a mapping for JSON: exit_code, code, detail, hint, and facts if there are any."""
    if isinstance(error, ScoutApiError):
        return _of_api(error)
    if isinstance(error, Unreachable):
        hint = "Is it running? `scout up` starts one here; --url names another; --session needs none."
        return _entry(ExitCode.UNAVAILABLE, "unreachable", str(error), hint)
    if isinstance(error, OpenElsewhere):
        hint = "Wait until it has ended, or name another directory with --state."
        return _entry(ExitCode.UNAVAILABLE, "open_elsewhere", str(error), hint)
    if isinstance(error, ClientError):
        return _entry(ExitCode.UNAVAILABLE, "failed", str(error), "")
    if isinstance(error, CommandError):
        return _entry(error.code, "usage" if error.code is ExitCode.BAD_INPUT else "failed", error.sentence, error.hint)
    return _entry(ExitCode.BAD_INPUT, "bad_input", str(error), "")


def _of_api(error: ScoutApiError) -> dict[str, Any]:
    explained = _entry(_exit_code(error), error.code, error.detail, _HINTS.get(error.code, ""))
    return explained | ({"facts": error.facts} if error.facts else {})


def _exit_code(error: ScoutApiError) -> ExitCode:
    if error.code in _DENIED:
        return ExitCode.DENIED
    if error.code in _UNAVAILABLE or error.status in _TRANSIENT_STATUS:
        return ExitCode.UNAVAILABLE
    return ExitCode.BAD_INPUT if error.code in _BAD_INPUT else ExitCode.FAILED


def _entry(exit_code: ExitCode, code: str, detail: str, hint: str) -> dict[str, Any]:
    return {"exit_code": int(exit_code), "code": code, "detail": detail, "hint": hint}
