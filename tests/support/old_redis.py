"""A server that says it is an old Redis, as far as a greeting gets with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

INFO = b"# Server\r\nredis_version:6.2.14\r\n"


@asynccontextmanager
async def old_redis() -> AsyncIterator[int]:
    """Serve until the block ends; yields the port, on 127.0.0.1."""
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while words := await _command(reader):
        match words[0].upper():
            case b"INFO":
                writer.write(b"$%d\r\n%b\r\n" % (len(INFO), INFO))
            case b"CLIENT":
                writer.write(b":1\r\n")
            case _:
                writer.write(b"+OK\r\n")
    writer.close()


async def _command(reader: asyncio.StreamReader) -> list[bytes]:
    """One command, as an array of bulk strings (RESP 2); empty at the end."""
    head = await reader.readline()
    words = []
    for _ in range(int(head[1:] or 0)):
        size = int((await reader.readline())[1:])
        words.append((await reader.readexactly(size + 2))[:size])
    return words
