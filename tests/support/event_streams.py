"""The reading end of server-sent events, by the letter of the standard and no more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

WITHIN_S = 10.0


@dataclass
class Told:
    """One event."""

    name: str
    id: str
    data: Any


@dataclass
class Reader:
    """A stream that is open."""

    response: aiohttp.ClientResponse
    comments: list[str] = field(default_factory=list)

    async def next(self) -> Told:
        """The next event. Raises EOFError at the end of the stream."""
        async with asyncio.timeout(WITHIN_S):
            fields: dict[str, str] = {}
            while (line := await self._line()) or "data" not in fields:
                if line.startswith(":"):
                    self.comments.append(line)
                elif line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
            return Told(fields["event"], fields["id"], json.loads(fields["data"]))

    async def comment(self) -> str:
        """The next line that is a comment."""
        async with asyncio.timeout(WITHIN_S):
            while not (line := await self._line()).startswith(":"):
                pass
            return line

    async def _line(self) -> str:
        line = await self.response.content.readline()
        if not line:
            raise EOFError
        return line.decode().rstrip("\n")


@asynccontextmanager
async def reading(
    http: aiohttp.ClientSession, url: str, *, link: str = "", after: str = "", key: str = ""
) -> AsyncIterator[Reader]:
    """The stream at `url`, which must be one."""
    given = {"Scout-Link": link, "Last-Event-ID": after, "Authorization": f"Bearer {key}" if key else ""}
    headers = {name: value for name, value in given.items() if value}
    async with http.get(url, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Content-Type"] == "text/event-stream"
        yield Reader(response)
