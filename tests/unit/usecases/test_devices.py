from __future__ import annotations

import pytest

from shared.errors import ErrorCode, ScoutError
from shared.format.members import mailbox_id
from shared.format.scout1.record import Entry
from shared.usecases import devices, items
from shared.usecases.devices import Device
from tests.unit.usecases.world import World, a_world


async def test_announced_and_listed(world: World) -> None:
    place = await world.place()
    [process] = world.processes
    edit = devices.announcement(7, ["198.51.100.4:443", "[2001:db8::1]:443"], "phone", b"x")
    synced = await process.synchronise(place, edit, world.context)
    assert devices.listed(synced.record.entries) == (
        Device(7, 1, ("198.51.100.4:443", "[2001:db8::1]:443"), "phone", b"x"),
    )
    gone = await process.synchronise(place, devices.removal(7), world.context)
    assert devices.listed(gone.record.entries) == ()


def test_an_empty_announcement_takes_one_byte() -> None:
    [wanted] = devices.announcement(1, [], "", b"").wanted
    assert wanted.content == b"\x80"


def test_mailboxes_are_no_devices_and_foreign_contents_are_raw() -> None:
    entries = (Entry(1, 3, b"\xff\xff"), Entry(2, 1, b"\x81\xa1a\x91\xc4\x01x"), Entry(mailbox_id(0), 1, bytes(24)))
    assert devices.listed(entries) == (
        Device(1, 3, data=b"\xff\xff", foreign=True),
        Device(2, 1, data=b"\x81\xa1a\x91\xc4\x01x", foreign=True),
    )


@pytest.mark.parametrize("device_id", [-1, 2**31])
def test_ids_of_mailboxes_are_refused(device_id: int) -> None:
    with pytest.raises(ScoutError) as announced:
        devices.announcement(device_id, [], "", b"")
    with pytest.raises(ScoutError) as removed:
        devices.removal(device_id)
    assert announced.value.code is removed.value.code is ErrorCode.INVALID_REQUEST


async def test_items(world: World) -> None:
    reply = await items.put(world.twin, b"hello", world.context)
    assert reply.target == items.hash_of(b"hello")
    assert await items.get(world.twin, reply.target, world.context) == b"hello"
    with pytest.raises(ScoutError) as error:
        await items.get(world.twin, bytes(20), world.context)
    assert error.value.code is ErrorCode.NOT_FOUND


async def test_an_item_nobody_takes() -> None:
    async with a_world(loss=1.0) as world:
        with pytest.raises(ScoutError) as error:
            await items.put(world.twin, b"hello", world.context)
        assert error.value.code is ErrorCode.NOT_STORED
