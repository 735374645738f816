"""What travels on the bus around the bodies, in MessagePack.

Envelopes are arrays, not maps: a field may only be appended, with a default.
"""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from shared.contracts.operation import CallContext, Message, Operation, Reply, Request
from shared.errors import ErrorCode, ScoutError


class DecodeError(ValueError):
    """Bytes from the bus are not the MessagePack that was expected; says where, never what stood there."""


class Envelope(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A request on its way."""

    id: bytes
    """16 bytes, unique among all requesters; a handler that must not act twice keys on it."""
    operation: str
    """`service.verb@version`."""
    reply_to: str
    """The caller's reply stream."""
    deadline_ms: int
    """Wall clock, milliseconds since the Unix epoch."""
    tenant: str
    trace: str
    body: bytes
    """The request struct in MessagePack, sealed where the service's bodies are."""
    attempt: int = 1
    """Which sending this is: a caller whose connection broke before the server's receipt sends again."""


class ReplyEnvelope(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A reply on its way."""

    id: bytes
    """The request's."""
    ok: bool
    """True: `body` is the operation's reply. False: it is an `ErrorBody`."""
    body: bytes


class ErrorBody(msgspec.Struct, frozen=True):
    """A ScoutError between two processes."""

    code: str
    detail: str
    retry_after: float | None = None
    facts: dict[str, Any] = {}

    def error(self) -> ScoutError:
        """The error, ready to be raised; a code that this process does not know yet becomes `internal`."""
        known = self.code in ErrorCode.__members__.values()
        code = ErrorCode(self.code) if known else ErrorCode.INTERNAL
        return ScoutError(code, self.detail, retry_after=self.retry_after, facts=self.facts)


_encoder = msgspec.msgpack.Encoder()
_lenient_encoder = msgspec.msgpack.Encoder(enc_hook=str)


@functools.cache
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind)


def encode(value: Envelope | Message | list[ReplyEnvelope]) -> bytes:
    """The MessagePack of an envelope, a body, or a batch of replies."""
    return _encoder.encode(value)


def encode_error(error: ScoutError) -> bytes:
    """The MessagePack of an ErrorBody; facts that have no form there travel as their text, so an error always does."""
    return _lenient_encoder.encode(ErrorBody(error.code.value, error.detail, error.retry_after, error.facts))


def decode(kind: Any, data: bytes) -> Any:
    """The struct of type `kind` (a Message, Envelope, ErrorBody, list[ReplyEnvelope]) in `data`; raises DecodeError."""
    try:
        return _decoder(kind).decode(data)
    except msgspec.MsgspecError as error:
        raise DecodeError(str(error)) from None


def asking(
    id_: bytes, operation: Operation[Request, Reply], request: Request, context: CallContext, *, reply_to: str = ""
) -> Envelope:
    """The envelope of a request, its body not sealed yet."""
    return Envelope(
        id=id_,
        operation=operation.name,
        reply_to=reply_to,
        deadline_ms=context.deadline_ms,
        tenant=context.tenant,
        trace=context.trace,
        body=encode(request),
    )


def answered(operation: Operation[Request, Reply], body: bytes, *, ok: bool) -> Reply:
    """The reply in a body that is not sealed. Raises ScoutError where it says an error, and DecodeError."""
    if not ok:
        refused: ErrorBody = decode(ErrorBody, body)
        raise refused.error()
    reply: Reply = decode(operation.reply, body)
    return reply
