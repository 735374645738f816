"""Those who watch: how many there may be, when they must go, and who pays for what they look at.

A watcher has no deadline, so the bounds of usual requests are not for it. A look at the DHT is charged to the watcher
whose turn it was, as a read of an item by itself would be; all others see what it saw for nothing. One whose budget is
spent waits, and sees what others see.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from services.api.accounts import Accounts
from services.api.keys import Caller
from services.api.watch_meters import WatchMeters
from shared.contracts import dht
from shared.contracts.operation import CallContext, Spending
from shared.errors import ErrorCode, ScoutError
from shared.usecases.passing import PassingDht
from shared.usecases.ports import Dht

RETRY_AFTER = 5.0
"""Seconds: streams are long, and one more or less is nothing that changes in an instant."""

Request = TypeVar("Request")
Reply = TypeVar("Reply")


class Watchers:
    """The streams of one process."""

    def __init__(self, limit: int, limit_per_key: int, meters: WatchMeters) -> None:
        """Let in `limit` at once, and of one API key `limit_per_key`."""
        self._limit = limit
        self._limit_per_key = limit_per_key
        self._meters = meters
        self._by_key: Counter[str] = Counter()
        self._closing = asyncio.Event()
        meters.watchers_limit.set(limit)

    @property
    def are_closing(self) -> bool:
        """Whether all must go."""
        return self._closing.is_set()

    def close(self) -> None:
        """Send all away: the process ends."""
        self._closing.set()

    @contextlib.contextmanager
    def place(self, caller: Caller) -> Iterator[None]:
        """A place for one, for the length of the block. Raises ScoutError: `overloaded`, `too_many_watchers`."""
        if self.are_closing or self._by_key.total() >= self._limit:
            raise ScoutError(
                ErrorCode.OVERLOADED, f"{self._limit} streams of events are open.", retry_after=RETRY_AFTER
            )
        if caller.key and self._by_key[caller.key] >= self._limit_per_key:
            raise ScoutError(
                ErrorCode.TOO_MANY_WATCHERS,
                f"The API key {caller.key} has {self._limit_per_key} streams of events open, as many as it may.",
                retry_after=RETRY_AFTER,
                facts={"limit": self._limit_per_key},
            )
        self._by_key[caller.key] += 1
        try:
            with self._meters.watchers.track_inprogress():
                yield
        finally:
            self._by_key[caller.key] -= 1
            self._by_key += Counter()  # forgets those who have none

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until all must go."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()


@dataclass(frozen=True, slots=True)
class _Price:
    """What one look of a watcher is taken to cost until it is known."""

    name: str
    packets: int = 40


_OF_AN_ITEM, _OF_A_MESSAGE = _Price("watch_item"), _Price("watch_message")


class PaidDht(PassingDht):
    """The DHT, each of whose reads is charged to a caller by itself."""

    def __init__(self, inner: Dht, accounts: Accounts, caller: Caller) -> None:
        """Charge the reads of `inner` to `caller`."""
        super().__init__(inner)
        self._accounts = accounts
        self._caller = caller

    async def get_mutable(self, request: dht.GetMutable, context: CallContext) -> dht.GetMutableReply:
        """See `Dht`. Raises ScoutError (`budget_spent`)."""
        return await self._paid(_OF_AN_ITEM, self.inner.get_mutable, request, context)

    async def get_immutable(self, request: dht.GetImmutable, context: CallContext) -> dht.GetImmutableReply:
        """See `Dht`. Raises ScoutError (`budget_spent`)."""
        return await self._paid(_OF_A_MESSAGE, self.inner.get_immutable, request, context)

    async def _paid(
        self,
        price: _Price,
        call: Callable[[Request, CallContext], Awaitable[Reply]],
        request: Request,
        context: CallContext,
    ) -> Reply:
        account, spending, complete = await self._accounts.open(self._caller, price), Spending(), True
        try:
            return await call(request, replace(context, spending=spending))
        except asyncio.CancelledError:
            complete = False
            raise
        finally:
            with contextlib.suppress(ScoutError):
                await self._accounts.settle(account, spending.packets, complete=complete)
