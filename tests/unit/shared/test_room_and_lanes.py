from __future__ import annotations

import asyncio

from shared.bus.lanes import Lanes
from shared.bus.room import Room
from tests.support.waiting import wait_until


async def test_room_is_shared_first_come_first_served() -> None:
    in_hand: set[int] = set()
    room = Room(4, in_hand)
    assert await room.take(3) == 3
    assert await room.take(3) == 1
    order: list[str] = []

    async def wait_for_a_place(name: str) -> None:
        await room.take(1)
        order.append(name)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(wait_for_a_place("first"))
        tasks.create_task(wait_for_a_place("second"))
        await asyncio.sleep(0)
        in_hand.update({1, 2, 3})
        room.give_back(3)
        await asyncio.sleep(0)
        assert not order
        in_hand.remove(1)
        room.changed()
        await wait_until(lambda: order, "one of them has a place")
        assert order == ["first"]
        in_hand.remove(2)
        room.changed()
    assert order == ["first", "second"]


async def test_a_lane_that_stands_still_holds_up_no_other_and_gathers_meanwhile() -> None:
    gate, sent = asyncio.Event(), []

    async def send(batch: list[str]) -> None:
        if batch[0].startswith("slow"):
            await gate.wait()
        sent.append(batch)

    lanes = Lanes(send, limit=2)
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(lanes.send_forever())
        lanes.add("a", "slow 1")
        await asyncio.sleep(0.01)
        for number in (2, 3, 4):
            lanes.add("a", f"slow {number}")
        lanes.add("b", "quick")
        await wait_until(lambda: sent, "the other lane has sent")
        assert (sent, len(lanes)) == ([["quick"]], 3)
        gate.set()
        await wait_until(lambda: len(lanes) == 0 and len(sent) == 4, "all is sent")
        sending.cancel()
    assert sent == [["quick"], ["slow 1"], ["slow 2", "slow 3"], ["slow 4"]]
