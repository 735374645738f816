"""The bus inside one process: the same ports, and the promises of Redis as far as one process can break them.

Requests and replies are encoded and decoded all the same, so whatever would not survive the wire fails here too.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass

from shared.bus import streams
from shared.bus.execution import Executor
from shared.bus.meters import BusMeters, DeadReason, Refusal
from shared.bus.ports import Handlers
from shared.clock import Clock
from shared.contracts.envelope import Envelope, ReplyEnvelope, answered, asking
from shared.contracts.operation import CallContext, Operation, Reply, Request
from shared.errors import ErrorCode, ScoutError


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request in a service's queue."""

    envelope: Envelope
    answer: asyncio.Future[ReplyEnvelope]


@dataclass(frozen=True, slots=True)
class MemoryDeadLetter:
    """A request that was given up."""

    service: str
    reason: DeadReason
    at: float
    """When, monotonic seconds."""
    envelope: Envelope


class MemoryBus:
    """Queues between requesters and the services of one event loop."""

    def __init__(
        self, clock: Clock, meters: BusMeters, *, concurrency: int = 256, max_backlog: int = streams.MAX_BACKLOG
    ) -> None:
        """Each served replica has `concurrency` requests in hand at the most, and `max_backlog` wait."""
        self._clock = clock
        self._meters = meters
        self._concurrency = concurrency
        self._max_backlog = max_backlog
        self._queues: defaultdict[str, asyncio.Queue[_Waiting]] = defaultdict(lambda: asyncio.Queue(max_backlog))
        self._numbers = itertools.count()
        self.dead_letters: list[MemoryDeadLetter] = []

    def requester(self) -> MemoryRequester:
        """A requester on this bus; it owns nothing, so it needs no closing."""
        return MemoryRequester(self, self._clock, self._meters)

    @contextlib.asynccontextmanager
    async def serve(
        self, service: str, handlers: Handlers, *, max_attempts: int = streams.MAX_ATTEMPTS
    ) -> AsyncIterator[None]:
        """Answer the requests to `service` until the block ends, then finish what is in hand."""
        executor = Executor(service, handlers, clock=self._clock, meters=self._meters, max_attempts=max_attempts)
        room = asyncio.Semaphore(self._concurrency)
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read(service, executor, room, tasks))
            try:
                yield
            finally:
                reading.cancel()

    def submit(self, service: str, envelope: Envelope) -> asyncio.Future[ReplyEnvelope]:
        """Queue a request; the reply will be in the future. Raises ScoutError `overloaded`."""
        waiting = _Waiting(envelope, asyncio.get_running_loop().create_future())
        try:
            self._queues[service].put_nowait(waiting)
        except asyncio.QueueFull:
            self._meters.unanswered.labels(service, Refusal.OVERLOADED).inc()
            detail = f"{service} has {self._max_backlog} requests waiting, expected fewer"
            raise ScoutError(ErrorCode.OVERLOADED, detail, retry_after=streams.RETRY_AFTER_S) from None
        return waiting.answer

    def next_id(self) -> bytes:
        """16 bytes, unique on this bus."""
        return next(self._numbers).to_bytes(16)

    async def _read(self, service: str, executor: Executor, room: asyncio.Semaphore, tasks: asyncio.TaskGroup) -> None:
        while True:
            await room.acquire()
            waiting = await self._queues[service].get()
            tasks.create_task(self._work(executor, waiting, room))

    async def _work(self, executor: Executor, waiting: _Waiting, room: asyncio.Semaphore) -> None:
        try:
            answer = await executor.answer(waiting.envelope)
        finally:
            room.release()
        if answer.dead:
            self._bury(executor.service, answer.dead, waiting.envelope)
        if waiting.answer.done():
            self._meters.late_replies.inc()
        else:
            waiting.answer.set_result(answer.reply)

    def _bury(self, service: str, reason: DeadReason, envelope: Envelope) -> None:
        del self.dead_letters[: -streams.DEAD_MAXLEN]
        self.dead_letters.append(MemoryDeadLetter(service, reason, self._clock.monotonic(), envelope))


class MemoryRequester:
    """Implements `ports.Requester` on a MemoryBus."""

    def __init__(self, bus: MemoryBus, clock: Clock, meters: BusMeters) -> None:
        """Use `MemoryBus.requester` instead."""
        self._bus = bus
        self._clock = clock
        self._meters = meters

    async def call(self, operation: Operation[Request, Reply], request: Request, context: CallContext) -> Reply:
        """Ask for `operation`; see `ports.Requester`."""
        start = self._clock.monotonic()
        envelope = asking(self._bus.next_id(), operation, request, context)
        waiting = self._bus.submit(operation.service, envelope)
        try:
            async with asyncio.timeout((context.deadline_ms - self._clock.utc_ms()) / 1000):
                answer = await waiting
        except TimeoutError:
            self._meters.unanswered.labels(operation.service, Refusal.DEADLINE_EXCEEDED).inc()
            detail = f"{operation.service} did not answer before the deadline"
            raise ScoutError(ErrorCode.DEADLINE_EXCEEDED, detail) from None
        finally:
            self._meters.request_seconds.labels(operation.name).observe(self._clock.monotonic() - start)
        return answered(operation, answer.body, ok=answer.ok)


class MemoryKeyValue:
    """Implements `ports.KeyValue` in this process."""

    def __init__(self, clock: Clock) -> None:
        """Expire by `clock`."""
        self._clock = clock
        self._values: dict[str, tuple[bytes, float]] = {}

    async def get(self, key: str) -> bytes | None:
        """See `ports.KeyValue`."""
        self._expire()
        value, _ = self._values.get(key, (None, 0.0))
        return value

    async def set(self, key: str, value: bytes, ttl_s: float, *, only_if_absent: bool = False) -> bool:
        """See `ports.KeyValue`."""
        self._expire()
        if only_if_absent and key in self._values:
            return False
        self._values[key] = (value, self._clock.monotonic() + ttl_s)
        return True

    async def delete(self, key: str) -> None:
        """See `ports.KeyValue`."""
        self._values.pop(key, None)

    def _expire(self) -> None:
        now = self._clock.monotonic()
        self._values = {key: entry for key, entry in self._values.items() if entry[1] > now}
