"""Server-sent events of a service (HTML, "Server-sent events"), and coming back when the stream breaks.

What goes wrong before anything was received is an error like that of any call. After that the stream is opened again,
behind the last event, for as long as it takes: services are restarted, and networks change.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

import aiohttp
from aiohttp.http_exceptions import LineTooLong

from scout.errors import ClientError, ScoutApiError, Unreachable
from scout.transport import TRANSIENT, Answer, Call, Transport

SILENCE_S = 45.0
"""After which a stream is taken for dead: a service sends something each 15 seconds."""

_PATIENT = 10
"""Failures after which the wait grows no longer."""


@dataclass(frozen=True, slots=True)
class Received:
    """One event."""

    name: str
    id: str
    answer: Answer
    """Its data, as the body of an answer."""


class EventSource:
    """A stream that comes back."""

    def __init__(self, transport: Transport, call: Call, after: str | None = None) -> None:
        """What `call` streams, behind the event with the id `after`."""
        self._transport = transport
        self._call = call
        self._after = after

    async def events(self) -> AsyncGenerator[Received, None]:
        """Every event, for ever. Raises ScoutApiError, and Unreachable when nothing was ever received."""
        begun, failures = False, 0
        while True:
            try:
                async with aclosing(self._once()) as events:
                    async for event in events:
                        begun, failures, self._after = True, 0, event.id
                        yield event
            except ClientError as error:
                if not may_come_back(error) or (not begun and failures >= self._transport.retry.attempts - 1):
                    raise
            await self._transport.pause(failures)
            failures = min(failures + 1, _PATIENT)

    async def _once(self) -> AsyncGenerator[Received, None]:
        """The events of one connection, until it ends."""
        headers = dict(self._call.headers)
        if self._after is not None:
            headers["Last-Event-ID"] = self._after
        async with self._transport.stream(replace(self._call, headers=headers), SILENCE_S) as content:
            fields: dict[str, str] = {}
            async with aclosing(_lines(content)) as lines:
                async for line in lines:
                    if line:
                        name, _, value = line.partition(":")
                        fields[name] = value.removeprefix(" ")
                        continue
                    if "event" in fields and "id" in fields and "data" in fields:
                        yield Received(fields["event"], fields["id"], Answer(200, fields["data"].encode()))
                    fields = {}


async def _lines(content: aiohttp.StreamReader) -> AsyncGenerator[str, None]:
    """Lines without their ends. A line that is too long is no event of ours, and ends the stream."""
    try:
        while line := await content.readline():
            yield line.decode(errors="replace").rstrip("\r\n")
    except LineTooLong as error:
        raise ScoutApiError("unexpected_answer", "expected events of a Scout service", status=200) from error


def may_come_back(error: ClientError) -> bool:
    """Whether what went wrong may pass by itself."""
    return isinstance(error, Unreachable) or (isinstance(error, ScoutApiError) and error.status in TRANSIENT)
