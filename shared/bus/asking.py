"""One command for callers that have no deadline of their own, asked again while a short outage lasts."""

from __future__ import annotations

import asyncio
from typing import Any

from shared.bus import streams
from shared.bus.redis_client import Backoff, Command, CommandError, Link, RedisDown
from shared.errors import ErrorCode, ScoutError


async def ask(link: Link, *command: bytes | str | int) -> Any:
    """The reply to `command`, which may take effect twice: the answer to the first may have been lost.

    Raises ScoutError (`bus_unavailable`) when there is none within `streams.KEY_VALUE_PATIENCE_S`.
    """
    (reply,) = await ask_all(link, [command])
    return reply


async def ask_all(link: Link, commands: list[Command]) -> list[Any]:
    """The same for several commands in one write; one that is refused fails them all."""
    reason = "no answer in time"
    try:
        async with asyncio.timeout(streams.KEY_VALUE_PATIENCE_S):
            backoff = Backoff()
            while True:
                try:
                    return _checked(await link.pipeline(commands))
                except RedisDown as down:
                    reason = str(down)
                    await backoff.pause()
    except (TimeoutError, CommandError) as error:
        detail = f"expected Redis to answer, got: {reason if isinstance(error, TimeoutError) else error}"
        raise ScoutError(ErrorCode.BUS_UNAVAILABLE, detail, retry_after=streams.RETRY_AFTER_S) from None


def _checked(replies: list[Any]) -> list[Any]:
    for reply in replies:
        if isinstance(reply, CommandError):
            raise reply
    return replies
