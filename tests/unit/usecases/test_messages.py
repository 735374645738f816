from __future__ import annotations

import asyncio

import pytest

from shared.contracts import dht
from shared.contracts.crypto import FormatName
from shared.errors import ErrorCode, ScoutError
from shared.format import bep44, members
from shared.format.scout1 import mailbox, messages
from shared.format.scout1.mailbox import Mailbox
from shared.format.scout1.record import Entry
from shared.usecases import inbox
from shared.usecases.inbox import Gap, Inbox, Position, Query
from shared.usecases.messages import Outgoing, Sent, send
from shared.usecases.records import Place
from shared.usecases.synchronise import SETTLING_ATTEMPTS
from tests.unit.usecases.world import World, a_world


async def leave(world: World, place: Place, body: bytes, *, process: int = 0, seal: bool = True) -> Sent:
    return await send(world.ports, world.processes[process], place, Outgoing(body, seal=seal), world.context)


async def fetch(world: World, place: Place, query: Query | None = None) -> Inbox:
    record = await world.read(place)
    return await inbox.read(world.ports, place, record.entries, query or Query(), world.context)


def bodies(read: Inbox) -> list[bytes]:
    return [message.body for message in read.messages]


async def plant_mailbox(world: World, place: Place, member: int, content: bytes, seq: int = 50) -> None:
    entry = Entry(members.mailbox_id(member), seq, content)
    world.plant(place, await world.version(place, seq, entry))


def plant_item(world: World, value: bytes) -> bytes:
    target = bep44.immutable_target(value)
    for node in world.twin.nodes:
        node.immutable[target] = value
    return target


async def test_three_messages_in_order(world: World) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    sent = [await leave(world, mine, body) for body in (b"one", b"two", b"three")]
    assert [one.number for one in sent] == [1, 2, 3]
    read = await fetch(world, theirs)
    assert bodies(read) == [b"one", b"two", b"three"]
    assert [(message.member, message.number, message.sealed) for message in read.messages] == [
        (0, 1, True),
        (0, 2, True),
        (0, 3, True),
    ]
    assert [message.target for message in read.messages] == [one.target for one in sent]
    assert (read.gaps, read.more) == ((), ())


async def test_own_messages_are_read_only_when_asked_for(world: World) -> None:
    mine = await world.place(0)
    await leave(world, mine, b"one")
    assert bodies(await fetch(world, mine)) == []
    assert bodies(await fetch(world, mine, Query(member=0))) == [b"one"]


async def test_after(world: World) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    for body in (b"one", b"two", b"three"):
        await leave(world, mine, body)
    assert bodies(await fetch(world, theirs, Query(after=2))) == [b"three"]
    assert bodies(await fetch(world, theirs, Query(after=3))) == []
    assert bodies(await fetch(world, theirs, Query(after=99))) == []


async def test_the_limit_says_where_older_ones_go_on(world: World) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    for n in range(5):
        await leave(world, mine, b"%d" % n)
    newest = await fetch(world, theirs, Query(limit=2))
    assert bodies(newest) == [b"3", b"4"]
    [position] = newest.more
    assert position.number == 3
    older = await fetch(world, theirs, Query(limit=2, position=position))
    assert bodies(older) == [b"1", b"2"]
    assert bodies(await fetch(world, theirs, Query(limit=2, position=older.more[0]))) == [b"0"]


async def test_a_flood_by_one_member_leaves_room_for_the_others(world: World) -> None:
    for n in range(6):
        await leave(world, await world.place(0), b"flood %d" % n)
    await leave(world, await world.place(1), b"alone")
    read = await fetch(world, await world.place(2), Query(limit=4))
    assert bodies(read) == [b"flood 4", b"flood 5", b"alone"]
    assert [position.member for position in read.more] == [0]


async def test_unsealed_bodies(world: World) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    await leave(world, mine, b"for the original", seal=False)
    assert any(b"for the original" in value for value in world.twin.nodes[0].immutable.values())
    [message] = (await fetch(world, theirs)).messages
    assert (message.body, message.sealed) == (b"for the original", False)


async def test_sealed_bodies_are_not_on_the_nodes(world: World) -> None:
    await leave(world, await world.place(), b"for your eyes")
    assert not any(b"for your eyes" in value for value in world.twin.nodes[0].immutable.values())


@pytest.mark.parametrize(("seal", "limit"), [(True, 933), (False, 973)])
async def test_too_long_a_body(world: World, *, seal: bool, limit: int) -> None:
    place = await world.place()
    with pytest.raises(ScoutError) as error:
        await leave(world, place, bytes(limit + 1), seal=seal)
    assert error.value.code is ErrorCode.MESSAGE_TOO_LARGE
    assert error.value.facts == {"size": limit + 1, "limit": limit}
    assert not world.twin.stored_anything()
    assert (await leave(world, place, bytes(limit), seal=seal)).number == 1


async def test_a_full_record_refuses_before_anything_is_stored(world: World) -> None:
    place = await world.place()
    await world.sync(place, {1: b"x" * 255, 2: b"y" * 255, 3: b"z" * 255, 4: b"w" * 120})
    with pytest.raises(ScoutError) as error:
        await leave(world, place, b"no room")
    assert error.value.code is ErrorCode.RECORD_FULL
    assert error.value.facts["needed"] == error.value.facts["used"] + 16 + 24
    assert not world.twin.nodes[0].immutable


async def test_a_missing_item_is_a_gap(world: World) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    sent = [await leave(world, mine, body) for body in (b"one", b"two", b"three", b"four")]
    for node in world.twin.nodes:
        del node.immutable[sent[1].target]
    read = await fetch(world, theirs)
    assert bodies(read) == [b"three", b"four"]
    assert read.gaps == (Gap(0, 1, 2, "no node that answered holds it"),)
    assert (await fetch(world, theirs, Query(after=1))).gaps[0].first == 2


async def test_a_list_shorter_than_its_numbers_is_a_gap(world: World) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    sent = await leave(world, mine, b"only")
    await plant_mailbox(world, mine, 0, mailbox.serialise(Mailbox(sent.target, 7)))
    read = await fetch(world, theirs)
    assert bodies(read) == [b"only"]
    assert read.gaps == (Gap(0, 1, 6, "the list ends before its numbers do"),)


async def test_an_item_that_is_no_message_is_a_gap(world: World) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    for junk in (b"i42e", b"3:abc", b"le"):
        await plant_mailbox(world, mine, 0, mailbox.serialise(Mailbox(plant_item(world, junk), 3)))
        read = await fetch(world, theirs)
        assert bodies(read) == []
        assert [(gap.first, gap.last) for gap in read.gaps] == [(1, 3)]


async def test_a_body_cut_off_is_a_gap_and_the_list_goes_on(world: World) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    first = await leave(world, mine, b"one")
    cut = plant_item(world, bep44.bencode_string(messages.frame(first.target, b"a body")[:-2]))
    await plant_mailbox(world, mine, 0, mailbox.serialise(Mailbox(cut, 2)))
    read = await fetch(world, theirs)
    assert bodies(read) == [b"one"]
    assert [(gap.first, gap.last) for gap in read.gaps] == [(2, 2)]


async def test_an_original_list_without_numbers(world: World) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    first = plant_item(world, bep44.bencode_string(messages.frame(messages.EMPTY_HEAD, b"plain one")))
    second = plant_item(world, bep44.bencode_string(messages.frame(first, b"plain two")))
    await plant_mailbox(world, mine, 0, second)
    read = await fetch(world, theirs)
    assert [(message.number, message.body, message.sealed) for message in read.messages] == [
        (None, b"plain one", False),
        (None, b"plain two", False),
    ]
    assert (await leave(world, mine, b"three")).number is None


async def test_a_list_that_bites_its_tail_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    here, there = b"\1" * 20, b"\2" * 20
    circle = {
        here: bep44.bencode_string(messages.frame(there, b"here")),
        there: bep44.bencode_string(messages.frame(here, b"there")),
    }

    async def lie(request: dht.GetImmutable, _context: object) -> dht.GetImmutableReply:
        report = dht.LookupReport(asked=1, answered=1, timed_out=0, elapsed_ms=0.0)
        return dht.GetImmutableReply(value=circle[request.target], report=report)

    await plant_mailbox(world, mine, 0, here)
    monkeypatch.setattr(world.twin, "get_immutable", lie)
    read = await fetch(world, theirs)
    assert bodies(read) == [b"there", b"here"]
    assert read.gaps == (Gap(0, None, None, "the list runs in a circle"),)


async def test_an_entry_that_is_no_mailbox(world: World) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    await plant_mailbox(world, mine, 0, b"short")
    assert (await fetch(world, theirs)).gaps == (Gap(0, None, None, "the entry is no mailbox"),)
    assert (await leave(world, mine, b"begins anew")).number == 1


async def test_the_last_number_refuses_and_says_so(world: World) -> None:
    mine = await world.place(0)
    await plant_mailbox(world, mine, 0, mailbox.serialise(Mailbox(b"\1" * 20, mailbox.MAX_NUMBER)))
    with pytest.raises(ScoutError, match="4294967295 messages") as error:
        await leave(world, mine, b"one too many")
    assert error.value.code is ErrorCode.SEQ_EXHAUSTED


async def test_a_dht_that_gives_nothing_is_an_error_and_one_that_stops_is_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    for body in (b"one", b"two"):
        await leave(world, mine, body)
    record = await world.read(theirs)
    get = world.twin.get_immutable
    left = 1

    async def get_until_unreachable(request: dht.GetImmutable, _context: object) -> dht.GetImmutableReply:
        nonlocal left
        if left == 0:
            raise ScoutError(ErrorCode.DEADLINE_EXCEEDED, "too slow")
        left -= 1
        return await get(request, world.context)

    monkeypatch.setattr(world.twin, "get_immutable", get_until_unreachable)
    partly = await inbox.read(world.ports, theirs, record.entries, Query(), world.context)
    assert bodies(partly) == [b"two"]
    assert [(position.member, position.number) for position in partly.more] == [(0, 1)]
    with pytest.raises(ScoutError, match="too slow"):
        await inbox.read(world.ports, theirs, record.entries, Query(), world.context)


@pytest.mark.parametrize("seed", range(60))
async def test_two_devices_of_one_member_send_at_once(seed: int) -> None:
    async with a_world(seed=seed, processes=2) as world:
        mine, theirs = await world.place(0), await world.place(1)
        sent = await asyncio.gather(leave(world, mine, b"a", process=0), leave(world, mine, b"b", process=1))
        read = await fetch(world, theirs)
        assert sorted(bodies(read)) == [b"a", b"b"]
        assert [message.number for message in read.messages] == [1, 2]
        assert {one.target for one in sent} == {message.target for message in read.messages}
        assert read.gaps == ()


async def test_of_two_heads_of_one_list_the_one_on_a_majority_goes_on(world: World) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    entry_id = members.mailbox_id(0)
    promised, lost = (
        mailbox.serialise(Mailbox(plant_item(world, bep44.bencode_string(messages.frame(bytes(20), body))), 1))
        for body in (b"promised", b"racing")
    )
    for majority, minority in ((promised, lost), (lost, promised)):
        world.plant(mine, await world.version(mine, 1, Entry(entry_id, 1, majority)), slice(0, 5))
        world.plant(mine, await world.version(mine, 1, Entry(entry_id, 1, minority)), slice(5, 8))
        await world.sync(theirs, {1: b"a third writer"})
        assert (await world.contents(theirs))[entry_id] == majority


async def test_heads_without_a_majority_are_waited_for_and_then_decided(world: World) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    entry_id = members.mailbox_id(0)
    heads = [mailbox.serialise(Mailbox(bytes([n]) * 20, 1)) for n in (1, 2)]
    world.plant(mine, await world.version(mine, 1, Entry(entry_id, 1, heads[0])), slice(0, 4))
    world.plant(mine, await world.version(mine, 1, Entry(entry_id, 1, heads[1])), slice(4, 8))
    synced = await world.sync(theirs, {1: b"a third writer"})
    assert len(world.pauses) >= SETTLING_ATTEMPTS
    assert synced.record.entries[1:] == (Entry(entry_id, 2, heads[1]),)


async def test_half_written_heads_of_dead_writers_hold_nobody_up_for_long(world: World) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    entry_id = members.mailbox_id(0)
    for n in range(8):
        head = mailbox.serialise(Mailbox(bytes([n]) * 20, 1))
        world.plant(mine, await world.version(mine, 1, Entry(entry_id, 1, head)), slice(n, n + 1))
    await world.sync(theirs, {1: b"a third writer"})
    assert sum(world.pauses) < 5


@pytest.mark.parametrize(("builds_on_it", "goes_on"), [(False, b"promised"), (True, b"later")])
async def test_a_later_head_on_few_nodes_goes_on_only_if_it_leads_to_the_promised_one(
    world: World, *, builds_on_it: bool, goes_on: bytes
) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    promised = plant_item(world, bep44.bencode_string(messages.frame(bytes(20), b"promised")))
    behind = promised if builds_on_it else bytes(20)
    later = plant_item(world, bep44.bencode_string(messages.frame(behind, b"later")))
    entry_id = members.mailbox_id(0)
    first = Entry(entry_id, 1, mailbox.serialise(Mailbox(promised, 1)))
    second = Entry(entry_id, 2, mailbox.serialise(Mailbox(later, 2)))
    world.plant(mine, await world.version(mine, 1, first), slice(0, 5))
    world.plant(mine, await world.version(mine, 2, second), slice(5, 8))
    await world.sync(theirs, {1: b"a third writer"})
    assert bodies(await fetch(world, theirs, Query(member=0)))[-1] == goes_on


async def test_a_later_head_whose_message_can_not_be_seen_now_goes_on(world: World) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    entry_id, contents = members.mailbox_id(0), [mailbox.serialise(Mailbox(bytes([n]) * 20, n)) for n in (1, 2)]
    world.plant(mine, await world.version(mine, 1, Entry(entry_id, 1, contents[0])), slice(0, 5))
    world.plant(mine, await world.version(mine, 2, Entry(entry_id, 2, contents[1])), slice(5, 8))
    await world.sync(theirs, {1: b"a third writer"})
    assert (await world.contents(theirs))[entry_id] == contents[1]


@pytest.mark.parametrize(
    ("format_name", "processes", "seed"),
    [
        *(("scout1", 4, 104), ("scout1", 6, 28), ("scout1", 6, 42), ("scout1", 6, 115)),
        *(("scout2", 3, 149), ("scout2", 6, 14), ("scout2", 6, 62), ("scout2", 6, 135), ("scout2", 6, 166)),
    ],
)
async def test_devices_of_one_member_that_send_at_once_through_many_processes(
    format_name: FormatName, processes: int, seed: int
) -> None:
    """The seeds are those that lost a message when a later head always went before one on more nodes."""
    async with a_world(seed=seed, processes=processes) as world:
        world.format = format_name
        world.clock.set_wall(1_790_000_000_000)
        mine, theirs = await world.place(0), await world.place(1)
        await asyncio.gather(*(leave(world, mine, b"%d" % n, process=n) for n in range(processes)))
        read = await fetch(world, theirs)
        assert sorted(bodies(read)) == [b"%d" % n for n in range(processes)]
        assert read.gaps == ()


async def test_many_messages_at_once_all_arrive_once(world: World) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    await asyncio.gather(*(leave(world, mine, b"%d" % n) for n in range(20)))
    read = await fetch(world, theirs)
    assert sorted(bodies(read)) == sorted(b"%d" % n for n in range(20))
    assert [message.number for message in read.messages] == list(range(1, 21))
    assert world.twin.puts == 1


async def test_a_message_that_others_merged_before_we_knew_is_not_sent_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = await world.place(0), await world.place(1)
    put = world.twin.put_mutable

    async def be_merged_then_refused(request: dht.PutMutable, _context: object) -> dht.PutReply:
        """Another device reads our half-stored version, sends on top of it, and wins."""
        monkeypatch.setattr(world.twin, "put_mutable", put)
        ours = dht.MutableVersion(value=request.value, seq=request.seq, signature=request.signature, holders=1)
        world.twin.plant(request.public_key, ours, slice(0, 1))
        async with a_world() as elsewhere:
            elsewhere.ports.dht.__dict__.update(world.twin.__dict__)
            await leave(elsewhere, await elsewhere.place(0), b"on top")
        return await put(request, world.context)

    monkeypatch.setattr(world.twin, "put_mutable", be_merged_then_refused)
    sent = await leave(world, mine, b"below")
    assert sent.number == 1
    assert bodies(await fetch(world, theirs)) == [b"below", b"on top"]


async def test_a_position_of_somebody_elses_item_opens_nothing(world: World) -> None:
    theirs = await world.place(1)
    stranger = await world.place(0, secret=b"\7" * 32)
    sent = await leave(world, stranger, b"private")
    read = await fetch(world, theirs, Query(position=Position(0, 1, sent.target)))
    assert b"private" not in b"".join(bodies(read))


async def test_a_message_is_kept_together_with_the_record_that_leads_to_it() -> None:
    async with a_world() as world:
        place = await world.place()
        message = Outgoing(b"hello", keep=3600)
        sent = await send(world.ports, world.processes[0], place, message, world.context)
        assert world.twin.keeps == [3600, 3600]
        assert sent.kept.until_ms == 3_600_000
        world.twin.keep_refused = ErrorCode.KEEP_FULL
        refused = await send(world.ports, world.processes[0], place, message, world.context)
        assert (refused.kept.until_ms, refused.kept.refused) == (0, ErrorCode.KEEP_FULL)


@pytest.mark.parametrize("seed", range(4))
async def test_bursts_through_two_processes_arrive_once_each(seed: int) -> None:
    async with a_world(seed=seed, processes=2) as world:
        mine, theirs = await world.place(0), await world.place(1)
        sent = await asyncio.gather(*(leave(world, mine, b"%d" % n, process=n % 2) for n in range(12)))
        read = await fetch(world, theirs)
        assert sorted(bodies(read)) == sorted(b"%d" % n for n in range(12))
        assert [message.number for message in read.messages] == list(range(1, 13))
        assert sorted(one.number or 0 for one in sent) == list(range(1, 13))
