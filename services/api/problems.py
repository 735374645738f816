"""The only map from `ScoutError` to HTTP: problem details (RFC 9457) with a stable `code`."""

from __future__ import annotations

import math
from typing import Any

from aiohttp import web

from services.api import render
from services.api.keys import RejectedError
from shared.errors import ErrorCode, ScoutError
from shared.json_bytes import encode_json
from shared.usecases.synchronise import PreconditionFailedError

CONTENT_TYPE = "application/problem+json"

STATUS: dict[ErrorCode, int] = {
    ErrorCode.INVALID_REQUEST: 400,
    ErrorCode.LOW_ORDER_PUBLIC_KEY: 400,
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.FORBIDDEN_SCOPE: 403,
    ErrorCode.BAD_HANDLE: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.CONFLICT: 409,
    ErrorCode.SEQ_EXHAUSTED: 409,
    ErrorCode.PRECONDITION_FAILED: 412,
    ErrorCode.BODY_TOO_LARGE: 413,
    ErrorCode.ENTRY_TOO_LARGE: 413,
    ErrorCode.TOO_MANY_ENTRIES: 413,
    ErrorCode.RECORD_FULL: 413,
    ErrorCode.MESSAGE_TOO_LARGE: 413,
    ErrorCode.ITEM_TOO_LARGE: 413,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: 415,
    ErrorCode.IDEMPOTENCY_KEY_REUSED: 422,
    ErrorCode.BUDGET_SPENT: 429,
    ErrorCode.TOO_MANY_WATCHERS: 429,
    ErrorCode.INTERNAL: 500,
    ErrorCode.OVERLOADED: 503,
    ErrorCode.KEEP_FULL: 503,
    ErrorCode.BUS_UNAVAILABLE: 503,
    ErrorCode.DHT_UNAVAILABLE: 503,
    ErrorCode.NOT_STORED: 503,
    ErrorCode.DEADLINE_EXCEEDED: 504,
}
"""Every code there is; a test holds it against `ErrorCode`."""

TITLES: dict[ErrorCode, str] = {
    ErrorCode.INVALID_REQUEST: "The request is not of the expected form",
    ErrorCode.LOW_ORDER_PUBLIC_KEY: "This public key shares no secret",
    ErrorCode.UNAUTHORIZED: "An API key is needed",
    ErrorCode.FORBIDDEN_SCOPE: "The API key is not for this",
    ErrorCode.BAD_HANDLE: "The handle can't be opened",
    ErrorCode.NOT_FOUND: "Not found",
    ErrorCode.METHOD_NOT_ALLOWED: "The path does not take this method",
    ErrorCode.CONFLICT: "Other writers were faster",
    ErrorCode.SEQ_EXHAUSTED: "Nothing newer can be written here",
    ErrorCode.PRECONDITION_FAILED: "The record is in another state",
    ErrorCode.BODY_TOO_LARGE: "The request's body is too large",
    ErrorCode.ENTRY_TOO_LARGE: "The entry is too large",
    ErrorCode.TOO_MANY_ENTRIES: "The record has too many entries",
    ErrorCode.RECORD_FULL: "The record is full",
    ErrorCode.MESSAGE_TOO_LARGE: "The message is too large",
    ErrorCode.ITEM_TOO_LARGE: "The item is too large",
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: "The request's body is not JSON",
    ErrorCode.IDEMPOTENCY_KEY_REUSED: "The Idempotency-Key is taken",
    ErrorCode.BUDGET_SPENT: "The budget of DHT packets is spent",
    ErrorCode.TOO_MANY_WATCHERS: "Too many streams are open",
    ErrorCode.INTERNAL: "A defect of the service",
    ErrorCode.OVERLOADED: "Too much is waiting",
    ErrorCode.KEEP_FULL: "Too much is kept alive",
    ErrorCode.BUS_UNAVAILABLE: "The bus can't be reached",
    ErrorCode.DHT_UNAVAILABLE: "The DHT can't be reached",
    ErrorCode.NOT_STORED: "No node stored it",
    ErrorCode.DEADLINE_EXCEEDED: "The answer did not come in time",
}

DEFAULT_RETRY_AFTER = 1.0
"""Seconds; a 503 without an estimate of its own says this, so that no client hammers."""


def problem(error: ScoutError, request_id: str) -> web.Response:
    """Render `error`; a defect's own words stay in the log."""
    status = STATUS[error.code]
    retry_after = _retry_after(error, status)
    detail = error.detail
    if error.code is ErrorCode.INTERNAL:
        detail = "A defect of the service. The log has the details under this request id."
    members: dict[str, Any] = {
        **_facts(error),
        "type": f"urn:scout:problem:{error.code.value}",
        "title": TITLES[error.code],
        "status": status,
        "detail": detail,
        "code": error.code.value,
        "request_id": request_id,
    }
    headers: dict[str, str] = {}
    if retry_after is not None:
        members["retry_after"] = retry_after
        headers["Retry-After"] = str(math.ceil(retry_after))
    if isinstance(error, RejectedError):
        headers["WWW-Authenticate"] = error.challenge
    return web.Response(status=status, body=encode_json(members), content_type=CONTENT_TYPE, headers=headers)


def from_aiohttp(error: web.HTTPException, max_body: int) -> ScoutError | None:
    """What aiohttp itself refuses, in our words; None for what is no refusal."""
    if isinstance(error, web.HTTPNotFound):
        return ScoutError(ErrorCode.NOT_FOUND, "Expected one of the paths of docs/api.md.")
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = sorted(error.allowed_methods)
        return ScoutError(
            ErrorCode.METHOD_NOT_ALLOWED, f"Expected {' or '.join(allowed)} on this path.", facts={"allowed": allowed}
        )
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return ScoutError(
            ErrorCode.BODY_TOO_LARGE, f"Expected a body of at most {max_body} bytes.", facts={"limit": max_body}
        )
    if error.status >= web.HTTPBadRequest.status_code:
        return ScoutError(ErrorCode.INVALID_REQUEST, f"Expected a well-formed HTTP request: {error.reason}.")
    return None


def _facts(error: ScoutError) -> dict[str, Any]:
    """The error's named values; a failed precondition shows the current state, so that nobody has to ask again."""
    if isinstance(error, PreconditionFailedError):
        return {
            "etag": f'"{error.record.tag}"',
            "seq": error.record.seq,
            "entries": render.entries(error.record.entries),
        }
    return error.facts


def _retry_after(error: ScoutError, status: int) -> float | None:
    if error.retry_after is None and status == web.HTTPServiceUnavailable.status_code:
        return DEFAULT_RETRY_AFTER
    return error.retry_after
