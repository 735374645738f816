"""Watching by a relay: versions come by a stream for each item, and are opened here."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field

from scout.blind.relay import RelayDht, Versions, found_by, item_call
from scout.errors import ClientError, Unreachable
from scout.event_source import EventSource, may_come_back
from scout.transport import Transport, decode_answer
from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.lifecycle import Tasks
from shared.usecases.passing import PassingDht
from shared.usecases.sighting import ITEMS_HELD, target_of


@dataclass(slots=True)
class _Followed:
    """An item whose stream is open."""

    stack: AsyncExitStack
    """Closes the stream."""
    latest: dht.GetMutableReply | None = None
    failed: ClientError | None = None
    """Why the stream has ended."""
    known: asyncio.Event = field(default_factory=asyncio.Event)


class RelayEyes(PassingDht):
    """The port `Dht` for one watcher: what a relay has told last of each item, without asking again."""

    def __init__(self, transport: Transport) -> None:
        """Follow items over `transport`; `close` ends it."""
        super().__init__(RelayDht(transport))
        self._transport = transport
        self._followed: OrderedDict[bytes, _Followed] = OrderedDict()
        self._has_told = False
        """Whether an event has ever come."""

    async def get_mutable(self, request: dht.GetMutable, context: CallContext) -> dht.GetMutableReply:
        """See `Dht`. Raises ClientError when the stream can't be had."""
        followed = await self._follow(request)
        try:
            # the deadline is by the wall clock of whoever asks, and this wait is for what comes within one answer
            async with asyncio.timeout(_WAIT_S):
                await followed.known.wait()
        except TimeoutError:
            raise ScoutError(ErrorCode.DEADLINE_EXCEEDED, "The relay has not told of the item yet.") from None
        if followed.failed is not None:
            await self._drop(target_of(request))
            raise self._judged(followed.failed)
        return followed.latest or await self.inner.get_mutable(request, context)

    async def get_immutable(self, request: dht.GetImmutable, context: CallContext) -> dht.GetImmutableReply:
        """See `Dht`; a service that can't be reached may be back for the next look."""
        try:
            return await self.inner.get_immutable(request, context)
        except Unreachable as error:
            raise ScoutError(ErrorCode.BUS_UNAVAILABLE, str(error)) from error

    async def close(self) -> None:
        """Close all streams."""
        for target in list(self._followed):
            await self._drop(target)

    def _judged(self, failed: ClientError) -> ClientError | ScoutError:
        """A relay that has told of something before will be back; one that never has is no relay."""
        if self._has_told and may_come_back(failed):
            return ScoutError(ErrorCode.BUS_UNAVAILABLE, str(failed))
        return failed

    async def _follow(self, request: dht.GetMutable) -> _Followed:
        """The item, whose stream is opened when it is asked for the first time; the least wanted makes room."""
        target = target_of(request)
        if target not in self._followed:
            stack = AsyncExitStack()
            followed = self._followed[target] = _Followed(stack)
            tasks = await stack.enter_async_context(Tasks())
            tasks.start(self._listen(request, followed), name="watching an item")
            while len(self._followed) > ITEMS_HELD:
                await self._drop(next(iter(self._followed)))
        self._followed.move_to_end(target)
        return self._followed[target]

    async def _listen(self, request: dht.GetMutable, followed: _Followed) -> None:
        call = item_call(request, "/events")
        try:
            async with aclosing(EventSource(self._transport, call).events()) as events:
                async for event in events:
                    followed.latest = found_by(request, decode_answer(event.answer, Versions))
                    followed.known.set()
                    self._has_told = True
        except ClientError as error:
            followed.failed = error
            followed.known.set()

    async def _drop(self, target: bytes) -> None:
        if (followed := self._followed.pop(target, None)) is not None:
            await followed.stack.aclose()


_WAIT_S = 15.0
"""For the first word of an item: a service looks for it once, and has ten seconds for that."""


@asynccontextmanager
async def relay_eyes(transport: Transport) -> AsyncIterator[RelayEyes]:
    """A watcher's eyes, for the length of the block."""
    eyes = RelayEyes(transport)
    try:
        yield eyes
    finally:
        await eyes.close()
