"""What scout2 brings to the use cases: epochs that callers do not notice, tombstones, ttl, messages that say who."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.contracts import crypto, dht
from shared.errors import ErrorCode, ScoutError
from shared.format import bep44, items, members
from shared.format.scout2 import epochs, mailbox, record, roots
from shared.format.scout2.mailbox import Mailbox
from shared.format.scout2.record import Entry, Record
from shared.usecases import devices, inbox
from shared.usecases.changes import Edit
from shared.usecases.formats.ports import Wanted
from shared.usecases.inbox import Gap, Inbox, Query
from shared.usecases.messages import Outgoing, Sent, send
from shared.usecases.records import Place
from shared.usecases.writing import keep_stored
from tests.unit.usecases.world import SECRET, World, a_world

ROOT = roots.of_group(SECRET)
PHASE = epochs.phase(ROOT)
DAY, HOUR = 86_400, 3_600
DAY_MS = 1000 * DAY


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world(processes=2) as made:
        made.format = "scout2"
        at_noon(made)
        yield made


def at_noon(world: World, epoch: int = 20_000) -> None:
    """Far from the turns of an epoch."""
    world.clock.set_wall(1000 * (epochs.began(PHASE, epoch) + DAY // 2))


def at_turn(world: World, after_s: float, epoch: int = 20_001) -> None:
    world.clock.set_wall(1000 * epochs.began(PHASE, epoch) + round(1000 * after_s))


async def write(world: World, contents: dict[int, bytes], *, ttl: int | None = None, keep: int = 0) -> None:
    wanted = tuple(Wanted(entry_id, content, ttl=ttl) for entry_id, content in contents.items())
    await world.processes[0].synchronise(await world.place(), Edit(wanted), world.context, keep=keep)


async def found(world: World) -> dict[int, bytes | None]:
    return {entry.id: entry.content for entry in (await world.read(await world.place())).entries}


async def sealed_by_a_holder(world: World, place: Place, content: bytes, seq: int = 5) -> dht.MutableVersion:
    """What somebody who has the secret may seal, whatever it is."""
    now_s = world.clock.utc_ms() / 1000
    at = crypto.SealAt(seq=seq, epoch=epochs.epoch_at(PHASE, now_s))
    request = crypto.SealRecord(link=place.link, plaintext=content, places=[at])
    (sealed,) = (await world.crypto.seal_record(request, world.context)).sealed
    return dht.MutableVersion(value=sealed.value, seq=seq, signature=sealed.signature, holders=0)


def plant_now(world: World, place: Place, version: dht.MutableVersion, where: slice = slice(None)) -> None:
    epoch = place.reading(world.clock.utc_ms()).current
    world.twin.plant(place.site(epoch).public_key, version, where)


async def test_an_entry_is_there_and_says_until_when(world: World) -> None:
    await write(world, {1: b"phone"}, ttl=60)
    (entry,) = (await world.read(await world.place())).entries
    now_ms = world.clock.utc_ms()
    assert (entry.content, entry.seq, entry.expires_ms) == (b"phone", now_ms, now_ms + 60_000)
    world.clock.advance(60)
    assert await found(world) == {}


async def test_a_removed_entry_stays_removed_whatever_old_versions_say(world: World) -> None:
    await write(world, {1: b"phone", 2: b"laptop"})
    old = world.twin.nodes[0].mutable
    kept_old = dict(old)
    world.clock.advance(1)
    await world.sync(await world.place(), remove={1})
    world.twin.nodes[0].mutable = kept_old
    world.twin.nodes[1].mutable = dict(kept_old)
    assert await found(world) == {1: None, 2: b"laptop"}
    synced = await world.sync(await world.place())
    assert devices.listed(synced.record.entries)[0].id == 2
    assert len(devices.listed(synced.record.entries)) == 1


async def test_writers_in_two_processes_lose_nothing(world: World) -> None:
    place = await world.place()
    await asyncio.gather(*(world.sync(place, {n: b"%d" % n}, process=n % 2) for n in range(1, 9)))
    assert await found(world) == {n: b"%d" % n for n in range(1, 9)}


async def test_the_same_write_again_is_the_same_write(world: World) -> None:
    place = await world.place()
    first = await world.sync(place, {1: b"phone"})
    again = await world.sync(place)
    assert (again.storing, again.record.tag) == (None, first.record.tag)


@pytest.mark.parametrize("after_s", [0.0, 60.0, 2 * HOUR - 1, 3 * HOUR, DAY - HOUR])
async def test_a_turn_of_the_epoch_is_invisible_to_readers(world: World, after_s: float) -> None:
    await write(world, {1: b"phone"}, ttl=3 * DAY)
    before = await world.read(await world.place())
    at_turn(world, after_s)
    after = await world.read(await world.place())
    assert (after.entries, after.tag, after.seq) == (before.entries, before.tag, before.seq)


async def test_a_write_after_the_turn_carries_the_entries_over(world: World) -> None:
    await write(world, {1: b"phone"}, ttl=3 * DAY)
    before = await world.read(await world.place())
    at_turn(world, 60)
    synced = await world.sync(await world.place(), {2: b"laptop"})
    assert synced.record.seq > before.seq
    at_turn(world, 3 * HOUR)
    assert await found(world) == {1: b"phone", 2: b"laptop"}
    at_turn(world, DAY - HOUR)
    assert await found(world) == {1: b"phone", 2: b"laptop"}


async def test_a_sync_without_a_change_carries_over_too(world: World) -> None:
    await write(world, {1: b"phone"}, ttl=9 * DAY)
    for epoch in range(20_001, 20_005):
        at_noon(world, epoch)
        assert (await world.sync(await world.place())).storing is not None
    assert await found(world) == {1: b"phone"}


async def test_a_peer_whose_clock_is_ahead_is_found_before_the_turn(world: World) -> None:
    at_turn(world, 30)
    await write(world, {1: b"from the future"})
    at_turn(world, -30)
    assert await found(world) == {1: b"from the future"}
    at_turn(world, -900)
    assert await found(world) == {}


async def test_each_day_has_another_address_and_nothing_repeats(world: World) -> None:
    for epoch in range(20_000, 20_010):
        at_noon(world, epoch)
        await write(world, {1: b"phone"})
    held = world.twin.nodes[0].mutable
    assert len(held) == 10
    assert len({version.value for version in held.values()}) == 10
    assert {len(version.value) for version in held.values()} == {256}


async def test_a_kept_record_is_found_on_each_day_though_nobody_writes(world: World) -> None:
    await write(world, {1: b"phone"}, ttl=7 * DAY, keep=7 * DAY)
    written_ms = world.clock.utc_ms()
    for day in range(7):
        world.clock.set_wall(written_ms + day * DAY_MS)
        world.twin.put_ahead(world.clock.utc_ms())
        assert await found(world) == {1: b"phone"}, day
        world.twin.forget()


async def test_what_is_kept_for_a_week_counts_for_a_week(world: World) -> None:
    await write(world, {1: b"phone"}, keep=7 * DAY)
    written_ms = world.clock.utc_ms()
    world.clock.set_wall(written_ms + 7 * DAY_MS - 1)
    world.twin.put_ahead(world.clock.utc_ms())
    assert await found(world) == {1: b"phone"}
    (entry,) = (await world.read(await world.place())).entries
    assert entry.expires_ms == written_ms + 7 * DAY_MS


@pytest.mark.parametrize(("ttl", "keep", "counts_s"), [(None, 0, DAY), (None, HOUR, DAY), (HOUR, 7 * DAY, HOUR)])
async def test_an_entry_counts_for_a_day_at_the_least_unless_its_writer_says(
    world: World, ttl: int | None, keep: int, counts_s: int
) -> None:
    await write(world, {1: b"phone"}, ttl=ttl, keep=keep)
    (entry,) = (await world.read(await world.place())).entries
    assert entry.expires_ms == world.clock.utc_ms() + 1000 * counts_s


async def test_a_later_write_takes_the_place_of_what_was_sealed_ahead(world: World) -> None:
    await write(world, {1: b"old"}, ttl=7 * DAY, keep=7 * DAY)
    world.clock.advance(1)
    await world.sync(await world.place(), {2: b"new"}, remove={1})
    world.twin.forget()
    at_noon(world, 20_003)
    world.twin.put_ahead(world.clock.utc_ms())
    assert await found(world) == {1: None}, "the new entry's own ttl has passed, the removal stands"


async def test_what_another_writer_has_brought_to_the_nodes_is_kept_on_the_days_to_come_too(world: World) -> None:
    await write(world, {1: b"phone"}, ttl=7 * DAY, keep=0)
    (stored,) = (await world.read(await world.place())).versions
    kept = await keep_stored(world.ports, await world.place(), stored, 7 * DAY, world.context)
    assert kept.until_ms == world.clock.utc_ms() + 7 * DAY_MS
    world.twin.forget()
    at_noon(world, 20_006)
    world.twin.put_ahead(world.clock.utc_ms())
    assert await found(world) == {1: b"phone"}


async def test_who_writes_right_after_a_turn_stands_above_what_was_sealed_ahead_and_comes_later(world: World) -> None:
    await write(world, {1: b"phone"}, keep=3 * DAY)
    at_turn(world, 1)
    await write(world, {2: b"laptop"})
    world.twin.put_ahead(world.clock.utc_ms())
    assert await found(world) == {1: b"phone", 2: b"laptop"}
    await write(world, {3: b"tablet"})
    assert await found(world) == {1: b"phone", 2: b"laptop", 3: b"tablet"}


async def test_what_one_write_seals_for_several_days_does_not_show_that_it_belongs_together(world: World) -> None:
    await write(world, {1: b"phone"}, keep=20 * DAY)
    (now,) = world.twin.nodes[0].mutable.values()
    seqs = [now.seq, *(version.seq for version in world.twin.ahead.values())]
    assert len(seqs) == len({seq % DAY_MS for seq in seqs}) == 21
    assert max(seqs) < 2**38


async def test_the_seq_of_a_record_rises_from_day_to_day_whoever_writes(world: World) -> None:
    seqs = []
    for epoch in range(20_000, 20_004):
        at_noon(world, epoch)
        world.twin.put_ahead(world.clock.utc_ms())
        keep = 2 * DAY if epoch % 2 else 0
        await write(world, {epoch: b"phone"}, ttl=9 * DAY, keep=keep)
        seqs.append((await world.read(await world.place())).seq)
        await world.sync(await world.place(), {1: b"%d" % epoch})
        seqs.append((await world.read(await world.place())).seq)
    assert seqs == sorted(set(seqs))
    assert max(seqs) < 2**53, "a whole number to JavaScript, too"


async def test_what_can_not_be_kept_ahead_is_said(world: World) -> None:
    world.twin.keep_refused = "keep_full"
    wanted = Edit((Wanted(1, b"phone"),))
    synced = await world.processes[0].synchronise(await world.place(), wanted, world.context, keep=2 * DAY)
    assert (synced.kept.until_ms, synced.kept.refused) == (0, "keep_full")


async def test_the_lease_of_a_record_ends_when_it_was_asked_to(world: World) -> None:
    wanted = Edit((Wanted(1, b"phone"),))
    synced = await world.processes[0].synchronise(await world.place(), wanted, world.context, keep=2 * DAY)
    assert synced.kept.until_ms == world.clock.utc_ms() + 2 * DAY_MS


async def test_garbage_by_a_holder_of_the_secret_is_passed_over(world: World) -> None:
    await write(world, {1: b"phone"})
    place, now_ms = await world.place(), world.clock.utc_ms()
    garbage = [
        b"",
        b"\xdf\xff\xff\xff\xff",
        record.serialise(Record()) + b"\0",
        b"\x92\x92\x94\x01\x02\x03\xc0\x94\x01\x02\x03\xc0\x80",
    ]
    for node, content in enumerate(garbage):
        plant_now(world, place, await sealed_by_a_holder(world, place, content, 10**9 + node), slice(node, node + 1))
    future = record.serialise(Record((Entry(1, now_ms + 2 * 3_600_000, 60, b"from far ahead"),)))
    plant_now(world, place, await sealed_by_a_holder(world, place, future, 10**9 + 99), slice(4, 5))
    read = await world.read(place)
    assert {entry.id: entry.content for entry in read.entries} == {1: b"phone"}
    assert len(read.passed_over) == len(garbage)
    assert all(passed.reason.startswith("expected") for passed in read.passed_over)
    await world.sync(place, {2: b"laptop"})
    assert await found(world) == {1: b"phone", 2: b"laptop"}


async def test_what_a_newer_writer_added_survives_our_write(world: World) -> None:
    place, now_ms = await world.place(), world.clock.utc_ms()
    theirs = Record((Entry(1, now_ms, 600, b"phone", (b"\xa3new",)),), ((b"\xa1k", b"\x07"),))
    plant_now(world, place, await sealed_by_a_holder(world, place, record.serialise(theirs)))
    await world.sync(place, {2: b"laptop"})
    read = await world.read(place)
    assert read.meta == ((b"\xa1k", b"\x07"),)
    assert read.entries[0] == theirs.entries[0]


async def test_a_full_record_is_refused_with_its_budget(world: World) -> None:
    await write(world, {1: b"x" * 900})
    with pytest.raises(ScoutError) as caught:
        await write(world, {2: b"y" * 100})
    assert caught.value.code is ErrorCode.RECORD_FULL
    assert caught.value.facts["limit"] == 938
    assert caught.value.facts["largest"][0]["id"] == 1


async def leave(world: World, member: int, body: bytes, process: int = 0) -> Sent:
    return await send(world.ports, world.processes[process], await world.place(member), Outgoing(body), world.context)


async def fetch(world: World, member: int, query: Query | None = None) -> Inbox:
    place = await world.place(member)
    read = await world.read(place)
    return await inbox.read(world.ports, place, read.entries, query or Query(), world.context)


async def test_messages_arrive_in_order_across_a_turn(world: World) -> None:
    sent = [await leave(world, 0, body) for body in (b"one", b"two")]
    at_turn(world, 60)
    sent.append(await leave(world, 0, b"three"))
    at_turn(world, 5 * HOUR)
    read = await fetch(world, 1)
    assert [(message.number, message.body) for message in read.messages] == [(1, b"one"), (2, b"two"), (3, b"three")]
    assert [message.target for message in read.messages] == [one.target for one in sent]
    assert (read.gaps, read.more) == ((), ())
    assert all(message.sealed and message.sent_at_ms for message in read.messages)


async def test_a_stored_message_shows_neither_its_body_nor_the_one_before(world: World) -> None:
    first = await leave(world, 0, b"for your eyes")
    second = await leave(world, 0, b"as well")
    value = world.twin.nodes[0].immutable[second.target]
    assert first.target not in value
    assert not any(b"eyes" in stored for stored in world.twin.nodes[0].immutable.values())
    assert len(value) in {256, 512, 1000}


async def test_a_message_in_the_wrong_list_is_a_gap(world: World) -> None:
    theirs = await leave(world, 1, b"mine is one")
    box = mailbox.serialise(Mailbox(theirs.target, 1))
    await world.sync(await world.place(), {members.mailbox_id(0): box})
    read = await fetch(world, 2)
    assert [message.member for message in read.messages] == [1]
    assert read.gaps == (Gap(0, 1, 1, "expected a message of member 0, got one of member 1"),)


async def test_a_message_that_lies_about_its_number_is_a_gap_and_the_list_goes_on(world: World) -> None:
    first = await leave(world, 0, b"one")
    request = crypto.SealMessage(
        link=(await world.place()).link, next=first.target, number=7, sent_at_ms=0, body=b"seven"
    )
    sealed = await world.crypto.seal_message(request, world.context)
    for node in world.twin.nodes:
        node.immutable[sealed.target] = sealed.value
    box = mailbox.serialise(Mailbox(sealed.target, 2))
    world.clock.advance(1)
    await world.sync(await world.place(), {members.mailbox_id(0): box})
    read = await fetch(world, 1)
    assert [message.body for message in read.messages] == [b"one"]
    assert [(gap.first, gap.last) for gap in read.gaps] == [(2, 2)]


async def test_a_plain_item_is_no_message(world: World) -> None:
    value = items.value_of(b"not sealed")
    for node in world.twin.nodes:
        node.immutable[bep44.immutable_target(value)] = value
    box = mailbox.serialise(Mailbox(bep44.immutable_target(value), 3))
    await world.sync(await world.place(), {members.mailbox_id(0): box})
    (gap,) = (await fetch(world, 1)).gaps
    assert (gap.member, gap.first, gap.last) == (0, 1, 3)


async def test_two_devices_of_one_member_that_send_at_once_lose_nothing(world: World) -> None:
    await asyncio.gather(*(leave(world, 0, b"%d" % n, process=n % 2) for n in range(6)))
    read = await fetch(world, 1)
    assert sorted(message.body for message in read.messages) == [b"%d" % n for n in range(6)]
    assert [message.number for message in read.messages] == [1, 2, 3, 4, 5, 6]
    assert read.gaps == ()


async def test_a_removed_mailbox_stays_removed_though_many_nodes_hold_it_still(world: World) -> None:
    await leave(world, 0, b"one")
    old = dict(world.twin.nodes[0].mutable)
    world.clock.advance(1)
    await world.sync(await world.place(), remove={members.mailbox_id(0)})
    for node in world.twin.nodes[:6]:
        node.mutable = dict(old)
    await world.sync(await world.place(), {1: b"phone"})
    assert (await found(world))[members.mailbox_id(0)] is None


async def test_too_long_a_body_is_refused_with_the_limit(world: World) -> None:
    with pytest.raises(ScoutError) as caught:
        await leave(world, 0, bytes(894))
    assert caught.value.facts == {"size": 894, "limit": 893}
    assert (await leave(world, 0, bytes(893))).number == 1
