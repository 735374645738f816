"""What happens to one request at the service that answers it; the same for both buses.

An envelope and its body are decoded, the handler is called within the deadline, tried again when it fails,
and what comes out is always a reply: nobody is left in silence.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared import logs
from shared.bus import streams
from shared.bus.meters import UNKNOWN, BusMeters, DeadReason, Outcome
from shared.bus.ports import Handler, Handlers
from shared.bus.seal import Sealer, SealError
from shared.clock import Clock
from shared.contracts.envelope import DecodeError, Envelope, ReplyEnvelope, decode, encode, encode_error
from shared.contracts.operation import CallContext, Message, Operation
from shared.errors import ErrorCode, ScoutError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of a request: a reply, and the reason if it is a dead letter as well."""

    reply: ReplyEnvelope
    dead: DeadReason | None = None


class _Dead(Exception):  # noqa: N818  # carries an outcome from the depth it shows at to the one place that answers
    """The request is given up."""

    def __init__(self, reason: DeadReason, error: ScoutError) -> None:
        super().__init__(reason)
        self.reason = reason
        self.error = error


class Executor:
    """Answers the requests to one service with its handlers."""

    def __init__(
        self,
        service: str,
        handlers: Handlers,
        *,
        clock: Clock,
        meters: BusMeters,
        sealer: Sealer | None = None,
        max_attempts: int = streams.MAX_ATTEMPTS,
    ) -> None:
        """Serve `handlers`; with `sealer` every body must be sealed, and every reply is."""
        self.service = service
        self._handlers: Mapping[str, tuple[Operation[Any, Any], Handler]] = {
            operation.name: (operation, handler) for operation, handler in handlers.items()
        }
        self._clock = clock
        self._meters = meters
        self._sealer = sealer
        self._max_attempts = max_attempts
        self._handled = {
            (name, outcome): meters.handled.labels(name, outcome) for name in self._handlers for outcome in Outcome
        }
        self._handled[UNKNOWN, Outcome.DEAD_LETTER] = meters.handled.labels(UNKNOWN, Outcome.DEAD_LETTER)
        meters.expect_service(service, self._handlers)

    async def answer(self, envelope: Envelope, deliveries: int = 1) -> Answer:
        """Work on a request that was delivered for the `deliveries`-th time. Raises nothing but CancelledError."""
        logs.trace_id.set(envelope.trace[: logs.MAX_TRACE])
        started = self._clock.monotonic()
        try:
            body = await self._work(envelope, deliveries)
        except ScoutError as error:
            late = error.code is ErrorCode.DEADLINE_EXCEEDED
            self._count(envelope, Outcome.DEADLINE_EXCEEDED if late else Outcome.ERROR, started)
            return Answer(self._reply(envelope, encode_error(error), ok=False))
        except _Dead as dead:
            self.bury(dead.reason, envelope)
            return Answer(self._reply(envelope, encode_error(dead.error), ok=False), dead.reason)
        self._count(envelope, Outcome.OK, started)
        return Answer(self._reply(envelope, body, ok=True))

    def _count(self, envelope: Envelope, outcome: Outcome, started: float) -> None:
        self._handled[envelope.operation, outcome].inc()
        ms = round((self._clock.monotonic() - started) * 1000, 3)
        log.debug("answered", extra={"operation": envelope.operation, "outcome": outcome.value, "ms": ms})

    def bury(self, reason: DeadReason, envelope: Envelope | None = None) -> None:
        """Count and log a dead letter; `envelope` is None when not even that could be read."""
        operation = envelope.operation if envelope and envelope.operation in self._handlers else UNKNOWN
        request_id = envelope.id.hex() if envelope else ""
        self._handled[operation, Outcome.DEAD_LETTER].inc()
        self._meters.dead_letters.labels(self.service, reason).inc()
        log.error("dead letter", extra={"operation": operation, "reason": reason.value, "request": request_id})

    async def _work(self, envelope: Envelope, deliveries: int) -> bytes:
        entry = self._handlers.get(envelope.operation)
        if entry is None:
            detail = f"expected an operation of {self.service}, got {envelope.operation[:80]!r}"
            raise _Dead(DeadReason.UNKNOWN_OPERATION, ScoutError(ErrorCode.INVALID_REQUEST, detail))
        operation, handler = entry
        if self._clock.utc_ms() >= envelope.deadline_ms:
            raise _too_late(operation)
        if deliveries > self._max_attempts:
            raise _Dead(DeadReason.ABANDONED, _internal(operation))
        request = self._body(operation, envelope)
        return await self._attempts(operation, handler, request, (envelope, deliveries))

    def _body(self, operation: Operation[Any, Any], envelope: Envelope) -> Message:
        try:
            body = self._sealer.open_request(envelope) if self._sealer else envelope.body
            request: Message = decode(operation.request, body)
        except (SealError, DecodeError) as error:
            detail = f"expected the body of {operation.name}: {error}"
            raise _Dead(DeadReason.UNDECODABLE, ScoutError(ErrorCode.INVALID_REQUEST, detail)) from None
        return request

    async def _attempts(
        self, operation: Operation[Any, Any], handler: Handler, request: Message, delivery: tuple[Envelope, int]
    ) -> bytes:
        envelope, deliveries = delivery
        context = CallContext(envelope.deadline_ms, envelope.tenant, envelope.trace)
        for attempt in range(deliveries, self._max_attempts + 1):
            limit = asyncio.timeout((envelope.deadline_ms - self._clock.utc_ms()) / 1000)
            try:
                async with limit:
                    return encode(await handler(request, context))
            except ScoutError:
                raise
            except Exception:
                if limit.expired():
                    raise _too_late(operation) from None
                log.exception("a handler failed", extra={"operation": operation.name, "attempt": attempt})
        raise _Dead(DeadReason.FAILED, _internal(operation))

    def _reply(self, envelope: Envelope, body: bytes, *, ok: bool) -> ReplyEnvelope:
        if self._sealer:
            body = self._sealer.seal_reply(envelope.id, body, ok=ok)
        return ReplyEnvelope(envelope.id, ok, body)


def _too_late(operation: Operation[Any, Any]) -> ScoutError:
    return ScoutError(ErrorCode.DEADLINE_EXCEEDED, f"{operation.name} was not done before its deadline")


def _internal(operation: Operation[Any, Any]) -> ScoutError:
    return ScoutError(ErrorCode.INTERNAL, f"{operation.name} failed every attempt")
