"""Many callers on one link: what they ask at the same time leaves in one write, and each gets its own answers."""

from __future__ import annotations

import asyncio
import re

import pytest

from shared.bus import streams
from shared.bus.asking import ask
from shared.bus.redis_client import CommandError
from tests.integration.bus.conftest import Rig

CALLERS = 50


async def writes_seen(rig: Rig) -> int:
    """Reads of a socket that the server has had to do so far."""
    stats: bytes = await rig.ask("INFO", "stats")
    found = re.search(rb"total_reads_processed:(\d+)", stats)
    assert found is not None
    return int(found[1])


async def test_what_is_asked_at_the_same_time_leaves_together(rig: Rig) -> None:
    await rig.ask("SET", "visits", 0, "EX", 60)
    before = await writes_seen(rig)
    numbers = await asyncio.gather(*(rig.ask("INCR", "visits") for _ in range(CALLERS)))
    assert sorted(numbers) == list(range(1, CALLERS + 1))
    assert await writes_seen(rig) - before <= 3


async def test_a_batch_has_its_limits(rig: Rig) -> None:
    long = [("ECHO", str(number)) for number in range(streams.BATCH_MAX)]
    replies = await asyncio.gather(*(rig.redis.shared.pipeline(long) for _ in range(3)), rig.ask("ECHO", "short"))
    assert replies == [[said.encode() for _, said in long]] * 3 + [b"short"]


async def test_a_command_that_is_refused_is_refused_to_its_caller_only(rig: Rig) -> None:
    asked = [rig.ask("ECHO", "one"), rig.ask("LPUSH", "nothing"), rig.ask("ECHO", "two")]
    one, refused, two = await asyncio.gather(*asked, return_exceptions=True)
    assert (one, two) == (b"one", b"two")
    assert isinstance(refused, CommandError)


@pytest.mark.parametrize("place", [0, 1, CALLERS - 1])
async def test_a_caller_who_is_cancelled_takes_nobody_with_him(rig: Rig, place: int) -> None:
    async with asyncio.TaskGroup() as tasks:
        callers = [tasks.create_task(ask(rig.redis.shared, "ECHO", str(number))) for number in range(CALLERS)]
        await asyncio.sleep(0)  # each has asked, and the first one sends
        callers[place].cancel()
    assert callers[place].cancelled()
    others = [number for number in range(CALLERS) if number != place]
    assert [callers[number].result() for number in others] == [str(number).encode() for number in others]
