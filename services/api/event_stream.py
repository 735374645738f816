"""Server-sent events to one reader (HTML, "Server-sent events").

A reader who does not read makes the next write wait, and with it all that is done for him: nothing piles up. One who
does not read for long, or has gone, is let go.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from services.api.answers import Answered
from services.api.endpoints import EVENT_STREAM
from services.api.service import REQUEST_ID, service_of
from shared.clock import Clock
from shared.errors import ScoutError
from shared.json_bytes import encode_json

log = logging.getLogger(__name__)

KEEP_ALIVE_S = 15.0
"""Silence after which a comment is sent: below the shortest idle time-out of proxies that is usual, 30 s, and how long
one who has gone without a word may hold a place."""

STALLED_S = 30.0
"""How long one write may wait for its reader."""

RETRY_MS = 2_000
"""What readers are told to wait before they come back."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One event."""

    name: str
    id: str
    """From which the reader can go on."""
    data: Answered


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing for now."""

    failed: ScoutError | None = None
    """Why it could not be known."""


class EventStream:
    """One answer that goes on."""

    def __init__(self, request: web.Request, response: web.StreamResponse, clock: Clock) -> None:
        """Write to `response`, whose head has been sent."""
        self.response = response
        self._request = request
        self._clock = clock
        self._written_at = clock.monotonic()

    @classmethod
    async def begin(cls, request: web.Request) -> Self:
        """Send the head of the answer."""
        headers = {
            "Content-Type": EVENT_STREAM,
            "X-Request-Id": request[REQUEST_ID],
            "X-Accel-Buffering": "no",  # nginx would keep events back until it has enough of them
        }
        stream = cls(request, web.StreamResponse(headers=headers), service_of(request).clock)
        await stream.response.prepare(request)
        return stream

    async def run(self, events: AsyncGenerator[Sent | Nothing, None]) -> web.StreamResponse:
        """Send `events` until the reader goes, or all must; nothing that happens then can be a usual answer any more.

        The response has been begun, so nothing is raised.
        """
        watchers = service_of(self._request).watchers
        try:
            async with aclosing(events):
                await self._write(f"retry: {RETRY_MS}\n\n".encode())
                async for event in events:
                    await self._say(event)
                    if watchers.are_closing or self._has_gone:
                        break
            await self.response.write_eof()
        except (ConnectionError, TimeoutError):
            self._hang_up()
        except ScoutError as error:
            log.info("a watch ended", extra={"code": error.code.value})
            self._hang_up()
        except Exception:
            log.exception("a defect in watching")
            self._hang_up()
        return self.response

    @property
    def _has_gone(self) -> bool:
        transport = self._request.transport
        return transport is None or transport.is_closing()

    async def _say(self, event: Sent | Nothing) -> None:
        if isinstance(event, Sent):
            head = f"event: {event.name}\nid: {event.id}\ndata: ".encode()
            await self._write(head + encode_json(event.data) + b"\n\n")
        elif event.failed is not None:
            await self._write(f": trying again: {event.failed.code.value}\n\n".encode())
        elif self._clock.monotonic() - self._written_at >= KEEP_ALIVE_S:
            await self._write(b":\n\n")

    async def _write(self, content: bytes) -> None:
        async with asyncio.timeout(STALLED_S):
            await self.response.write(content)
        self._written_at = self._clock.monotonic()

    def _hang_up(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()
