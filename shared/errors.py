"""One error type that crosses processes, with a closed list of codes.

Inside, code raises `ScoutError` (or lets a lower floor's own error be turned into one at its edge);
the bus carries it as an `ErrorBody`; `services.api.problems` is the only place that maps it to HTTP.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class ErrorCode(StrEnum):
    """What went wrong, in words that callers may match on; a code is never renamed."""

    INVALID_REQUEST = "invalid_request"
    """A field is missing, unknown, or has a wrong type, size or form."""
    UNAUTHORIZED = "unauthorized"
    """No API key came with the request, or one that is unknown or has expired."""
    FORBIDDEN_SCOPE = "forbidden_scope"
    """The API key is good, but not for this."""
    BUDGET_SPENT = "budget_spent"
    """The tenant, or the API key, has spent the DHT packets that it may send for now."""
    TOO_MANY_WATCHERS = "too_many_watchers"
    """The API key has as many streams of events open as it may."""
    BAD_HANDLE = "bad_handle"
    """A key or link handle was altered, is of another tenant, or was wrapped with an unknown master key."""
    LOW_ORDER_PUBLIC_KEY = "low_order_public_key"
    """The X25519 product with this public key is zero: no secret would be shared."""
    ENTRY_TOO_LARGE = "entry_too_large"
    """One entry's content is over its limit."""
    TOO_MANY_ENTRIES = "too_many_entries"
    """The record would hold more entries than its format can count."""
    RECORD_FULL = "record_full"
    """The record's plaintext would be over its limit."""
    MESSAGE_TOO_LARGE = "message_too_large"
    """A message's body is over its limit."""
    ITEM_TOO_LARGE = "item_too_large"
    """A BEP 44 value is over 1000 bytes bencoded."""
    BODY_TOO_LARGE = "body_too_large"
    """An HTTP request's body is over its limit."""
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    """An HTTP request's body is not JSON."""
    METHOD_NOT_ALLOWED = "method_not_allowed"
    """The path exists, but not with this HTTP method."""
    NOT_FOUND = "not_found"
    """No node that answered holds it, or the path does not exist."""
    PRECONDITION_FAILED = "precondition_failed"
    """`If-Match` names another state than the current one."""
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    """This `Idempotency-Key` was used before with another request, or is in use right now."""
    CONFLICT = "conflict"
    """Other writers changed the record again and again until the attempts or the time ran out."""
    SEQ_EXHAUSTED = "seq_exhausted"
    """The record, an entry or a message list bears the highest number there is: nothing newer can be written there."""
    NOT_STORED = "not_stored"
    """No node stored the value."""
    KEEP_FULL = "keep_full"
    """The cluster keeps as many items alive as it has room for."""
    DHT_UNAVAILABLE = "dht_unavailable"
    """The DHT node has no contacts that answer."""
    BUS_UNAVAILABLE = "bus_unavailable"
    """Redis can't be reached."""
    OVERLOADED = "overloaded"
    """More is waiting than can be worked on in time."""
    DEADLINE_EXCEEDED = "deadline_exceeded"
    """The answer did not come before the caller's deadline."""
    INTERNAL = "internal"
    """A defect of ours; the log has the details, the caller gets none."""


class ScoutError(Exception):
    """An operation failed for a reason that its caller can understand.

    `detail` is one sentence that says what was expected and what came; it never holds a secret.
    `facts` are named values for programs (a budget, a limit, the current seq), JSON-compatible.
    """

    def __init__(
        self,
        code: ErrorCode,
        detail: str,
        *,
        retry_after: float | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        """Build the error; `retry_after` is in seconds and means that the same call may succeed later."""
        super().__init__(f"{code.value}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.facts = facts or {}
