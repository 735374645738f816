"""What the seals of both formats do not promise: shown, so that nobody has to take the documentation's word for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from shared.contracts import crypto, dht
from shared.errors import ErrorCode, ScoutError
from shared.format import bep44, items
from shared.format.scout2 import epochs, link, record, roots
from shared.usecases import inbox
from shared.usecases.changes import Edit
from shared.usecases.formats.ports import Wanted
from shared.usecases.inbox import Query
from shared.usecases.messages import Outgoing, send
from tests.unit.usecases.world import SECRET, World, a_world

ROOT = roots.of_group(SECRET)
PHASE = epochs.phase(ROOT)
DAY, EPOCH = 86_400, 20_000


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as made:
        made.format = "scout2"
        noon(made, EPOCH)
        yield made


def noon(world: World, epoch: int) -> None:
    world.clock.set_wall(1000 * (epochs.began(PHASE, epoch) + DAY // 2))


async def test_holders_of_one_secret_can_write_as_each_other(world: World) -> None:
    as_ada = await world.place(member=0)  # nobody but its holder's honesty says which number that is
    await send(world.ports, world.processes[0], as_ada, Outgoing(b"from Ben, who says he is Ada"), world.context)
    carol = await world.place(member=2)
    read = await inbox.read(world.ports, carol, (await world.read(carol)).entries, Query(), world.context)
    assert [(message.member, message.body) for message in read.messages] == [(0, b"from Ben, who says he is Ada")]


async def test_a_root_that_leaks_opens_what_was_recorded_long_before(world: World) -> None:
    await world.sync(await world.place(), {1: b"where I was"})
    (recorded,) = world.twin.nodes[0].mutable.values()
    noon(world, EPOCH + 1000)
    box = items.content_of(recorded.value)
    (entry,) = record.open_record(box, link.epoch_keys(ROOT, EPOCH), recorded.seq).entries
    assert entry.value == b"where I was"


async def test_a_holder_can_shut_an_address_and_the_next_epoch_opens_another(world: World) -> None:
    place = await world.place()
    places = [crypto.SealAt(seq=bep44.MAX_SEQ, epoch=EPOCH)]
    request = crypto.SealRecord(link=place.link, plaintext=b"\x92\x90\x80", places=places)
    (sealed,) = (await world.crypto.seal_record(request, world.context)).sealed
    shut = dht.MutableVersion(value=sealed.value, seq=bep44.MAX_SEQ, signature=sealed.signature, holders=0)
    world.twin.plant(sealed.public_key, shut)
    with pytest.raises(ScoutError) as caught:
        await world.sync(place, {1: b"phone"})
    assert caught.value.code is ErrorCode.SEQ_EXHAUSTED
    noon(world, EPOCH + 1)
    tomorrow = await world.place()
    await world.sync(tomorrow, {1: b"phone"})
    assert await world.contents(tomorrow) == {1: b"phone"}


async def test_a_write_that_is_kept_shows_the_cluster_which_days_belong_together(world: World) -> None:
    place = await world.place()
    await world.processes[0].synchronise(place, Edit((Wanted(1, b"phone"),)), world.context, keep=7 * DAY)
    days = [bep44.mutable_target(link.epoch_keys(ROOT, EPOCH + ahead).public_key) for ahead in range(1, 8)]
    assert set(days) <= set(world.twin.ahead)


async def test_a_record_that_is_kept_moves_on_at_the_same_second_of_each_day(world: World) -> None:
    await world.processes[0].synchronise(await world.place(), Edit((Wanted(1, b"phone"),)), world.context, keep=5 * DAY)
    assert len({version.from_ms % (1000 * DAY) for version in world.twin.ahead.values()}) == 1


async def test_scout1_lies_at_one_address_for_ever_and_shows_how_much_is_in_it(world: World) -> None:
    world.format = "scout1"
    today = await world.place()
    await world.sync(today, {1: b"x" * 100})
    noon(world, EPOCH + 1000)
    assert (await world.place()).target == today.target
    (stored,) = world.twin.nodes[0].mutable.values()
    assert len(items.content_of(stored.value)) == 40 + 2 + 16 + 100
