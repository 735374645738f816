"""Waiting for something real to happen, bounded, and failing with words."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

POLL_S = 0.005


async def wait_until(happened: Callable[[], Any | Awaitable[Any]], description: str, timeout_s: float = 5.0) -> None:
    """Return once `happened` (called again and again, awaited if it must be) is true; fail after `timeout_s`."""
    try:
        async with asyncio.timeout(timeout_s):
            while not await _value(happened):  # noqa: ASYNC110  # what is waited for sets no event of ours
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise AssertionError(f"waited {timeout_s} s in vain until {description}") from None


async def _value(happened: Callable[[], Any | Awaitable[Any]]) -> Any:
    found = happened()
    return await found if inspect.isawaitable(found) else found
