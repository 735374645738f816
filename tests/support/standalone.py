"""The whole stack in a thread of its own, for tests whose own code blocks (the command) or has another loop."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from services.standalone.app import Stack, open_stack
from services.standalone.config import StandaloneConfig
from shared.clock import SystemClock
from shared.settings import Endpoint

START_WITHIN = 30.0
STOP_WITHIN = 15.0


@contextmanager
def stack_in_a_thread(config: StandaloneConfig) -> Iterator[Stack]:
    """A running stack, on whatever port the system gives its API."""
    config = replace(config, api_listen=Endpoint("127.0.0.1", 0))
    started: list[Stack] = []
    failed: list[BaseException] = []
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()

    async def main() -> None:
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        async with open_stack(config, clock=SystemClock(), entropy=os.urandom) as stack:
            started.append(stack)
            ready.set()
            await stop.wait()

    def target() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001  # told to the test below
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=target, name="stack")
    thread.start()
    try:
        assert ready.wait(START_WITHIN), "the stack did not start"
        if failed:
            raise failed[0]
        yield started[0]
    finally:
        loop, stop = loops[0]
        if thread.is_alive():
            loop.call_soon_threadsafe(stop.set)
        thread.join(STOP_WITHIN)
    assert not thread.is_alive(), "the stack did not stop"
    assert not failed, failed
