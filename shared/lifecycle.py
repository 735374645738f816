"""Start, signals, drain, exit status: what every process does around its work.

The first SIGTERM or SIGINT asks the work to finish, within a grace period; the second cancels it; the third is the
system's own. What an operator can mend (a setting, a port, Redis away) is one line on standard error, never a
traceback.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Self

from shared.errors import ErrorCode, ScoutError
from shared.settings import SettingsError, UnusableError

try:
    import uvloop

    _new_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
except ImportError:  # it has no wheel for every system
    _new_loop = asyncio.new_event_loop

log = logging.getLogger(__name__)

Main = Callable[[asyncio.Event], Coroutine[Any, Any, None]]

GRACE_S = 20.0
"""Time to finish what is in hand after the first signal: below Kubernetes's 30 s before it kills, and above the
longest deadline of a request."""

EXIT_OK = 0
EXIT_FAILED = 1
"""A defect, or something in hand was left undone."""
EXIT_SETTINGS = 2
EXIT_UNAVAILABLE = 3
"""What the service needs is not there, or can't be used: Redis, a port, a directory."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run(
    service: str, main: Main, *, grace_s: float = GRACE_S, settings_of: Callable[[object], list[str]] = lambda _: []
) -> int:
    """Run `main` to its end and return the exit status, one of those above.

    `main` gets the event that is set when it should finish. `settings_of` names the settings that have a value: the
    operator is told which one to mend.
    """
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            return runner.run(_supervise(main, grace_s))
    except Exception as error:
        lines = _explain(error, settings_of)
        if lines is None:
            log.critical("a defect ended the process", exc_info=error)
            return EXIT_FAILED
        for line in lines:
            print(f"scout {service}: {line}", file=sys.stderr)  # noqa: T201  # the operator's line, not a log's
        return EXIT_SETTINGS if isinstance(error, SettingsError) else EXIT_UNAVAILABLE


class Tasks:
    """Owner of tasks that outlive the call that began them; one that fails is logged and takes nobody with it.

    Leaving the block cancels those that still run and waits for them.
    """

    def __init__(self) -> None:
        """Own nothing yet."""
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """How many are running."""
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> None:
        """Run `work` behind."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def __aenter__(self) -> Self:
        """Begin to own."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel and wait."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a task failed", extra={"task": task.get_name()}, exc_info=error)


async def _supervise(main: Main, grace_s: float) -> int:
    stop, hurry = asyncio.Event(), asyncio.Event()
    with _signals(stop, hurry):
        loop = asyncio.get_running_loop()
        work = loop.create_task(main(stop))
        watch = loop.create_task(_cut_short(work, stop, hurry, grace_s))
        try:
            await work
        except asyncio.CancelledError:
            log.warning("stopped before all was finished")
            return EXIT_FAILED
        finally:
            watch.cancel()
    return EXIT_OK


async def _cut_short(work: asyncio.Task[None], stop: asyncio.Event, hurry: asyncio.Event, grace_s: float) -> None:
    """Cancel the work at the second signal, or when the grace after the first is over."""
    await stop.wait()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace_s):
            await hurry.wait()
    work.cancel()


@contextlib.contextmanager
def _signals(stop: asyncio.Event, hurry: asyncio.Event) -> Iterator[None]:
    """First signal: `stop`. Second: `hurry`, and the third gets the system's own treatment."""
    loop = asyncio.get_running_loop()

    def received() -> None:
        if not stop.is_set():
            stop.set()
            return
        hurry.set()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    for number in _SIGNALS:
        loop.add_signal_handler(number, received)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


def _explain(error: BaseException, settings_of: Callable[[object], list[str]]) -> list[str] | None:
    """Lines for an operator, or None when this is a defect."""
    match error:
        case SettingsError():
            return error.problems
        case UnusableError():
            return [": ".join(filter(None, (" and ".join(settings_of(error.value)), str(error))))]
        case ScoutError(code=ErrorCode.BUS_UNAVAILABLE):
            return [f"SCOUT_REDIS_URL: {error.detail}"]
        case ScoutError():
            return [error.detail]
        case OSError():
            return [": ".join(str(part) for part in (error.filename, error.strerror or error) if part)]
        case BaseExceptionGroup():
            parts = [_explain(part, settings_of) for part in error.exceptions]
            return None if None in parts else [line for part in parts for line in part or ()]
        case _:
            return None
