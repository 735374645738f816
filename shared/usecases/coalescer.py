"""Many writes to one thing become few: while one run is in flight, the writes that arrive gather for the next.

A worker lives for each key that has work, and ends when there is none. It belongs to the coalescer, not to a caller:
a caller that goes away takes only its own write with it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from types import TracebackType
from typing import Generic, Self, TypeVar

from shared.errors import ErrorCode, ScoutError

Key = TypeVar("Key", bound=Hashable)
Work = TypeVar("Work")
Result = TypeVar("Result")

MAX_WAITING = 256
"""Writes that may wait for one key; one run takes them all, so more would only mean that runs do not end."""

RETRY_AFTER = 1.0
"""Seconds; by then a run, or the deadline of those in it, has passed."""


class Job(Generic[Work, Result]):
    """One caller's write: what it wants, and the answer it waits for."""

    __slots__ = ("_answer", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        self._answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

    @property
    def waiting(self) -> bool:
        """Whether the caller still waits, unanswered."""
        return not self._answer.done()

    def succeed(self, result: Result) -> None:
        """Answer with `result`, unless the caller has been answered or has left."""
        if self.waiting:
            self._answer.set_result(result)

    def fail(self, error: BaseException) -> None:
        """Answer with `error`, unless the caller has been answered or has left."""
        if self.waiting:
            self._answer.set_exception(error)

    async def answer(self) -> Result:
        """Wait for the answer; a cancelled wait withdraws the write if no run has taken it."""
        return await self._answer


class Coalescer(Generic[Key, Work, Result]):
    """Runs writes key by key, all that wait for a key in one go. Use it as an async context manager."""

    def __init__(
        self,
        run: Callable[[Key, list[Job[Work, Result]]], Awaitable[None]],
        *,
        goes_first: Callable[[Work], bool],
    ) -> None:
        """`run` works on a batch and answers its jobs; what it raises answers those it has not answered.

        A write that `goes_first` is never behind another in a batch: it must see the state as it was found.
        """
        self._run = run
        self._goes_first = goes_first
        self._queues: dict[Key, deque[Job[Work, Result]]] = {}
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        """Start owning workers."""
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Let the workers finish what was submitted."""
        # told of the body's error, the group would cancel writes that are in flight and wrap the error in a group
        await self._tasks.__aexit__(None, None, None)

    async def submit(self, key: Key, work: Work, seconds: float) -> Result:
        """Have `work` done together with what else waits for `key`; within `seconds`.

        Raises ScoutError: `overloaded`, `deadline_exceeded` (the work may still be done), or what the run says.
        """
        queue = self._queues.get(key)
        if queue is not None and len(queue) >= MAX_WAITING:
            raise ScoutError(
                ErrorCode.OVERLOADED, f"{MAX_WAITING} writes are waiting for this record.", retry_after=RETRY_AFTER
            )
        job: Job[Work, Result] = Job(work)
        if queue is None:
            queue = self._queues[key] = deque([job])
            self._tasks.create_task(self._work(key, queue))
        else:
            queue.append(job)
        try:
            async with asyncio.timeout(seconds):
                return await job.answer()
        except TimeoutError:
            raise ScoutError(
                ErrorCode.DEADLINE_EXCEEDED, "The write was not finished before the deadline; it may still happen."
            ) from None

    async def _work(self, key: Key, queue: deque[Job[Work, Result]]) -> None:
        while batch := self._take(queue):
            # gather hands back what the run raised: one run that fails must not end the worker of the next
            (outcome,) = await asyncio.gather(self._run(key, batch), return_exceptions=True)
            failure = outcome or ScoutError(ErrorCode.INTERNAL, "A run left a write unanswered.")
            for job in batch:
                job.fail(failure)
        del self._queues[key]

    def _take(self, queue: deque[Job[Work, Result]]) -> list[Job[Work, Result]]:
        """The next batch, without the jobs whose callers have left; empty when nothing waits."""
        batch: list[Job[Work, Result]] = []
        while queue and not (batch and self._goes_first(queue[0].work)):
            job = queue.popleft()
            if job.waiting:
                batch.append(job)
        return batch
