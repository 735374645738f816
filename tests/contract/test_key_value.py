from __future__ import annotations

from shared.bus import streams
from tests.contract.conftest import Bus
from tests.support.waiting import wait_until

KEY = streams.idempotency("acme", "k1")


async def test_what_was_set_is_there_until_it_is_deleted(bus: Bus) -> None:
    memory = bus.key_value()
    assert await memory.get(KEY) is None
    assert await memory.set(KEY, b"\x00answer", 60)
    assert await memory.get(KEY) == b"\x00answer"
    await memory.delete(KEY)
    await memory.delete(KEY)
    assert await memory.get(KEY) is None


async def test_only_the_first_takes_a_key_that_must_be_absent(bus: Bus) -> None:
    memory = bus.key_value()
    assert await memory.set(KEY, b"first", 60, only_if_absent=True)
    assert not await memory.set(KEY, b"second", 60, only_if_absent=True)
    assert await memory.get(KEY) == b"first"
    assert await memory.set(KEY, b"third", 60)
    assert await memory.get(KEY) == b"third"


async def test_a_value_ends_with_its_ttl(bus: Bus) -> None:
    memory = bus.key_value()
    await memory.set(KEY, b"short", 0.02)

    async def gone() -> bool:
        return await memory.get(KEY) is None

    await wait_until(gone, "the value has expired")
    assert await memory.set(KEY, b"next", 60, only_if_absent=True)
