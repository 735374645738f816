"""aria2, a real BitTorrent client with a DHT of its own, and the peer that it should find."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shared.settings import Endpoint
from tests.support.ports import free_port

INFO_HASH_AT = 28
"""Where it begins in BitTorrent's handshake: behind the protocol's name (BEP 3) and 8 reserved bytes."""
HANDSHAKE = b"\x13BitTorrent protocol"
HANDSHAKE_SIZE = 68


def missing() -> str | None:
    """Why aria2 can't be run here; None when it can."""
    return None if shutil.which("aria2c") else "aria2 is not installed: on Debian `apt-get install aria2` brings it"


@asynccontextmanager
async def aria2_downloading(info_hash: bytes, host: str, entry: Endpoint, folder: Path) -> AsyncIterator[None]:
    """Run aria2 at `host` until the block ends: it knows the node `entry` and nobody else, and wants a torrent."""
    arguments = {
        "no-conf": "true",
        "dir": str(folder),
        "enable-dht": "true",
        "dht-file-path": str(folder / "dht.dat"),
        "dht-entry-point": str(entry),
        "dht-listen-port": str(free_port(host)),
        "listen-port": str(free_port(host)),
        "interface": host,
        "bt-enable-lpd": "false",
        "bt-metadata-only": "true",
        "quiet": "true",
    }
    options = [f"--{name}={value}" for name, value in arguments.items()]
    magnet = f"magnet:?xt=urn:btih:{info_hash.hex()}"
    process = await asyncio.create_subprocess_exec("aria2c", *options, magnet)
    try:
        yield
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def announced_peer(host: str) -> AsyncIterator[tuple[int, asyncio.Future[bytes]]]:
    """A peer of some torrent at `host`: its TCP port, and the info-hash that the first to shake hands asks for."""
    asked: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # aria2 tries an encrypted handshake first; refused, it comes back with the plain one
        head = await reader.read(len(HANDSHAKE))
        if head == HANDSHAKE and not asked.done():
            rest = await reader.readexactly(HANDSHAKE_SIZE - len(HANDSHAKE))
            asked.set_result((head + rest)[INFO_HASH_AT : INFO_HASH_AT + 20])
        writer.close()

    server = await asyncio.start_server(met, host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], asked
