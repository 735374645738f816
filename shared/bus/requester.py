"""The asking side over Redis streams.

Calls gather while the last batch is on its way to the server and leave together, in one pipeline. Replies come back
on a stream of our own, many to an entry. What was accepted and when is the server's word, not a guess: a batch whose
receipt was lost is sent again, and the second reply to a call is counted and dropped.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import msgspec

from shared.bus import streams
from shared.bus.lanes import Lanes
from shared.bus.meters import BusMeters, Refusal
from shared.bus.redis_client import Backoff, Command, CommandError, RedisClient, RedisDown
from shared.bus.replies import ReplyReader
from shared.bus.seal import Sealer, SealError
from shared.clock import Clock
from shared.contracts.envelope import DecodeError, Envelope, ReplyEnvelope, answered, asking, encode
from shared.contracts.operation import CallContext, Operation, Reply, Request
from shared.errors import ErrorCode, ScoutError


@dataclass(slots=True, eq=False)
class _Call:
    """A call that waits for its answer."""

    envelope: Envelope
    shard: str
    answer: asyncio.Future[ReplyEnvelope]
    accepted: bool = False
    """The server has it: from here on silence is the service's, not the bus's."""


@dataclass(slots=True)
class _Door:
    """What is known of one service's backlog."""

    lengths: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Of each shard's stream: its length, and when that was measured (monotonic seconds)."""
    backlog: int = 0
    """Of all that were measured of late."""
    measured: float = float("-inf")

    def measure(self, shard: str, length: int, now: float) -> None:
        """Take in the length of one shard's stream."""
        self.lengths[shard] = (length, now)
        self.backlog = sum(length for length, at in self.lengths.values() if now - at < streams.BACKLOG_FRESH_S)
        self.measured = now


class RedisRequester:
    """Implements `ports.Requester`; an async context manager that owns its connections and its reply stream."""

    def __init__(
        self,
        redis: RedisClient,
        *,
        clock: Clock,
        meters: BusMeters,
        sealers: Mapping[str, Sealer] | None = None,
        operations: Iterable[Operation[Any, Any]] = (),
        max_backlog: int = streams.MAX_BACKLOG,
    ) -> None:
        """Ask through `redis`; `sealers` by service; `operations` show their zeros from the start."""
        self._redis = redis
        self._clock = clock
        self._meters = meters
        self._max_backlog = max_backlog
        self._seconds = functools.cache(meters.request_seconds.labels)
        self._sealers = dict(sealers or {})
        instance = secrets.token_hex(8)
        self._reply_to = streams.replies(instance)
        self._prefix = bytes.fromhex(instance)
        self._numbers = itertools.count()
        self._calls: dict[bytes, _Call] = {}
        self._lanes: Lanes[_Call] = Lanes(self._send, limit=streams.BATCH_MAX)
        self._doors: dict[str, _Door] = {}
        self._link = redis.link()
        self._reader = ReplyReader(redis.link(), self._reply_to, clock)
        self._tasks = asyncio.TaskGroup()
        self._running: list[asyncio.Task[None]] = []
        for operation in operations:
            meters.expect_caller(operation.service, [operation.name])

    async def __aenter__(self) -> Self:
        """Make the reply stream and start sending and reading; raises ScoutError `bus_unavailable`."""
        try:
            await self._link.pipeline(self._reader.refresh())
        except RedisDown as down:
            await self._link.close()
            raise ScoutError(ErrorCode.BUS_UNAVAILABLE, f"expected Redis to answer, got: {down}") from None
        await self._tasks.__aenter__()
        self._running = [
            self._tasks.create_task(self._lanes.send_forever(), name="bus requester: send"),
            self._tasks.create_task(self._reader.read_forever(self._settle), name="bus requester: read"),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Fail the calls that still wait, and leave nothing behind in Redis."""
        for call in list(self._calls.values()):
            service = call.envelope.operation.partition(".")[0]
            self._fail(call, self._unanswered(service, Refusal.BUS_UNAVAILABLE, "this process is shutting down"))
        for task in self._running:
            task.cancel()
        # An exception of the block itself goes on as it is, not inside a group; a cancellation may be our tasks' doing.
        outcome = (kind, error, trace) if isinstance(error, asyncio.CancelledError) else (None, None, None)
        try:
            await self._tasks.__aexit__(*outcome)
        finally:
            await self._reader.close()
            await self._link.close()

    async def call(self, operation: Operation[Request, Reply], request: Request, context: CallContext) -> Reply:
        """Ask for `operation`; see `ports.Requester`."""
        start = self._clock.monotonic()
        remaining = (context.deadline_ms - self._clock.utc_ms()) / 1000
        if remaining <= 0:
            raise self._unanswered(operation.service, Refusal.DEADLINE_EXCEEDED, "the deadline had passed already")
        call = self._admit(operation, request, context)
        timer = asyncio.get_running_loop().call_later(remaining, self._expire, call)
        try:
            return self._result(operation, await call.answer)
        finally:
            timer.cancel()
            self._calls.pop(call.envelope.id, None)
            self._seconds(operation.name).observe(self._clock.monotonic() - start)

    def _admit(self, operation: Operation[Request, Reply], request: Request, context: CallContext) -> _Call:
        service = operation.service
        shard = streams.shard(service, operation.target(request))
        self._refuse_if_overloaded(service)
        id_ = self._prefix + next(self._numbers).to_bytes(8)
        envelope = asking(id_, operation, request, context, reply_to=self._reply_to)
        if sealer := self._sealers.get(service):
            envelope = msgspec.structs.replace(envelope, body=sealer.seal_request(envelope, envelope.body))
        call = _Call(envelope, shard, asyncio.get_running_loop().create_future())
        self._calls[envelope.id] = call
        self._lanes.add(self._link.lane(streams.requests(shard)), call)
        return call

    def _refuse_if_overloaded(self, service: str) -> None:
        door = self._doors.setdefault(service, _Door())
        fresh = self._clock.monotonic() - door.measured < streams.BACKLOG_FRESH_S
        waiting = (door.backlog if fresh else 0) + len(self._lanes)
        if waiting >= self._max_backlog:
            detail = f"{service} has {waiting} requests waiting, expected fewer than {self._max_backlog}"
            raise self._unanswered(service, Refusal.OVERLOADED, detail)

    def _result(self, operation: Operation[Request, Reply], answer: ReplyEnvelope) -> Reply:
        body = answer.body
        try:
            if sealer := self._sealers.get(operation.service):
                body = sealer.open_reply(answer.id, body, ok=answer.ok)
            return answered(operation, body, ok=answer.ok)
        except (SealError, DecodeError) as error:
            raise ScoutError(ErrorCode.INTERNAL, f"the reply to {operation.name} can't be read: {error}") from None

    def _settle(self, replies: list[ReplyEnvelope]) -> None:
        for reply in replies:
            call = self._calls.get(reply.id)
            if call is None or call.answer.done():
                self._meters.late_replies.inc()
            else:
                call.answer.set_result(reply)

    def _expire(self, call: _Call) -> None:
        if call.answer.done():
            return
        service = call.envelope.operation.partition(".")[0]
        if call.accepted:
            detail = f"{service} did not answer before the deadline"
            self._fail(call, self._unanswered(service, Refusal.DEADLINE_EXCEEDED, detail))
        else:
            detail = "Redis did not take the request before the deadline"
            self._fail(call, self._unanswered(service, Refusal.BUS_UNAVAILABLE, detail))

    def _unanswered(self, service: str, refusal: Refusal, detail: str) -> ScoutError:
        """Count a call that ends without its service's answer; returns what to raise."""
        self._meters.unanswered.labels(service, refusal).inc()
        retry_after = None if refusal is Refusal.DEADLINE_EXCEEDED else streams.RETRY_AFTER_S
        return ScoutError(ErrorCode(refusal.value), detail, retry_after=retry_after)

    @staticmethod
    def _fail(call: _Call, error: ScoutError) -> None:
        if not call.answer.done():
            call.answer.set_exception(error)

    async def _send(self, batch: list[_Call]) -> None:
        """Send until the server says that it has them, or nobody waits any more."""
        backoff = Backoff()
        prelude: list[Command] = []
        while batch := [call for call in batch if not call.answer.done()]:
            shards = sorted({call.shard for call in batch})
            sizes: list[Command] = [("XLEN", streams.requests(shard)) for shard in shards]
            adds: list[Command] = [
                ("XADD", streams.requests(call.shard), "*", "e", encode(call.envelope)) for call in batch
            ]
            try:
                replies = await self._link.in_turn(prelude, [*adds, *sizes])
            except RedisDown:
                # The server may come back empty: our reply stream has to be there before a consumer answers.
                prelude = self._reader.refresh()
                for call in batch:
                    call.envelope = msgspec.structs.replace(call.envelope, attempt=call.envelope.attempt + 1)
                await backoff.pause()
                continue
            self._receive_receipts(batch, replies[len(prelude) :])
            self._measure(shards, replies[-len(shards) :])
            return

    def _receive_receipts(self, batch: list[_Call], receipts: list[Any]) -> None:
        for call, receipt in zip(batch, receipts, strict=False):
            if isinstance(receipt, CommandError):
                self._fail(call, ScoutError(ErrorCode.BUS_UNAVAILABLE, f"Redis refused the request: {receipt}"))
            else:
                call.accepted = True

    def _measure(self, shards: list[str], lengths: list[Any]) -> None:
        for shard, length in zip(shards, lengths, strict=True):
            if not isinstance(length, CommandError):
                self._doors[shard.partition(":")[0]].measure(shard, length, self._clock.monotonic())
