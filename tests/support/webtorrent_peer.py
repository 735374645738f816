"""Real nodes of webtorrent's `bittorrent-dht`, in a process of node.js, one to a loopback address."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.settings import Endpoint
from tests.support.waiting import wait_until

FOLDER = Path(__file__).parents[1] / "interop" / "webtorrent"
ANSWER_WITHIN = 15.0
"""Seconds: webtorrent gives a silent node up after two; on loopback an answer takes milliseconds."""
MANY = 8
"""Contacts with which a node knows a small network well enough."""


def missing() -> str | None:
    """Why webtorrent can't be run here; None when it can."""
    if shutil.which("node") is None:
        return "webtorrent's DHT needs node.js, and there is no `node` on this machine"
    if not (FOLDER / "node_modules" / "bittorrent-dht").is_dir():
        return "webtorrent's bittorrent-dht is not installed: `make interop` fetches it with npm"
    return None


@dataclass(frozen=True)
class Put:
    """What became of a put of webtorrent's."""

    target: bytes
    stored: int
    refused: Counter[int]
    """KRPC codes that it was answered with."""


@dataclass(frozen=True)
class WebtorrentPeer:
    """One of the nodes."""

    process: WebtorrentProcess
    number: int

    async def put_immutable(self, content: bytes) -> Put:
        """Store a byte string."""
        return await self._put(value=_text(content))

    async def put_mutable(
        self, seed: bytes, content: bytes, seq: int, salt: bytes = b"", cas: int | None = None
    ) -> Put:
        """Sign and store a byte string."""
        condition = {} if cas is None else {"cas": cas}
        return await self._put(value=_text(content), seed=_text(seed), seq=seq, salt=_text(salt), **condition)

    async def get(self, target: bytes, salt: bytes = b"") -> tuple[bytes, int] | None:
        """The content and the seq (0: immutable) that webtorrent settles on; None when it found nothing."""
        found = await self.process.ask(self.number, "get", target=target.hex(), salt=_text(salt))
        return None if found is None else (base64.b64decode(found["value"]), found["seq"])

    async def _put(self, **request: Any) -> Put:
        became = await self.process.ask(self.number, "put", **request)
        return Put(bytes.fromhex(became["target"]), became["stored"], Counter(became["refused"]))


class WebtorrentProcess:
    """The driver in node.js; one request at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._requests = 0

    async def ask(self, node: int, deed: str, **fields: Any) -> Any:
        """Let a node do something."""
        reader, writer = self._process.stdout, self._process.stdin
        assert reader is not None
        assert writer is not None
        self._requests += 1
        writer.write(json.dumps({"id": self._requests, "node": node, "do": deed, **fields}).encode() + b"\n")
        async with asyncio.timeout(ANSWER_WITHIN):
            line = await reader.readline()
        assert line, "the driver has ended; its stderr says why"
        answer = json.loads(line)
        assert answer["id"] == self._requests
        assert "error" not in answer, answer["error"]
        return answer["ok"]

    async def close(self) -> None:
        """End the process and wait for it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


@asynccontextmanager
async def webtorrent_peers(hosts: Sequence[str], entry: Endpoint, others: int) -> AsyncIterator[list[WebtorrentPeer]]:
    """Nodes on `hosts` that joined by `entry` and have found each other and the `others`, or as many as they need."""
    started = await asyncio.create_subprocess_exec(
        "node",
        str(FOLDER / "driver.js"),
        str(entry),
        *hosts,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    process = WebtorrentProcess(started)
    peers = [WebtorrentPeer(process, number) for number in range(len(hosts))]

    async def joined() -> Any:
        return await process.ask(0, "contacts") >= min(len(hosts) + others - 1, MANY)

    try:
        await wait_until(joined, "webtorrent's nodes have joined", timeout_s=ANSWER_WITHIN)
        yield peers
    finally:
        await process.close()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
