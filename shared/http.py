"""An aiohttp application on a port, as a block."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from shared.settings import Endpoint, UnusableError


@asynccontextmanager
async def listening(runner: web.AppRunner, listen: Endpoint) -> AsyncIterator[Endpoint]:
    """Serve the runner's application until the block ends, then drain it; yields the endpoint that was bound.

    Raises UnusableError when the port is taken.
    """
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, listen.host, listen.port).start()
        except OSError as error:
            raise UnusableError(listen, "an address and a free port to listen on", error) from None
        host, port, *_ = runner.addresses[0]
        yield Endpoint(host, port)
    finally:
        await runner.cleanup()
