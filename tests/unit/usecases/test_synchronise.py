from __future__ import annotations

import asyncio

import msgspec
import pytest

from shared.contracts import dht
from shared.errors import ErrorCode, ScoutError
from shared.format import bep44
from shared.format.scout1.record import MAX_SEQ, Entry
from shared.usecases.changes import Edit
from shared.usecases.formats.ports import Entries, Wanted
from shared.usecases.synchronise import MAX_ATTEMPTS, PreconditionFailedError, Synced
from tests.unit.usecases.world import World, a_world


def code_of(error: pytest.ExceptionInfo[ScoutError]) -> ErrorCode:
    return error.value.code


async def test_first_write_and_read_back(world: World) -> None:
    place = await world.place()
    synced = await world.sync(place, {7: b"here"})
    assert synced.record.seq == 1
    assert synced.record.tag == "1"
    assert synced.storing is not None
    assert synced.storing.stored == 5
    assert (await world.read(place)).entries == (Entry(7, 1, b"here"),)


async def test_a_change_raises_both_seqs(world: World) -> None:
    place = await world.place()
    await world.sync(place, {7: b"here"})
    synced = await world.sync(place, {7: b"there", 8: b"new"})
    assert synced.record.seq == 2
    assert synced.record.entries == (Entry(7, 2, b"there"), Entry(8, 1, b"new"))


async def test_removal_leaves_out(world: World) -> None:
    place = await world.place()
    await world.sync(place, {7: b"here", 8: b"stays"})
    synced = await world.sync(place, remove={7})
    assert [entry.id for entry in synced.record.entries] == [8]


async def test_an_entry_with_a_seq_takes_part_in_the_merge(world: World) -> None:
    place = await world.place()
    await world.sync(place, {7: b"one"})
    await world.sync(place, {7: b"two"})
    older = Edit((Wanted(7, b"old news", seq=1),))
    synced = await world.processes[0].synchronise(place, older, world.context)
    assert synced.record.entries == (Entry(7, 2, b"two"),)
    assert older.news(synced.record.entries) == (7,)


async def test_same_content_again_renews(world: World) -> None:
    place = await world.place()
    await world.sync(place, {7: b"here"})
    synced = await world.sync(place, {7: b"here"})
    assert world.twin.puts == 2
    assert synced.record.seq == 2
    assert synced.record.entries == (Entry(7, 1, b"here"),)


async def test_no_change_and_nothing_to_heal_writes_nothing(world: World) -> None:
    place = await world.place()
    await world.sync(place, {7: b"here"})
    synced = await world.sync(place)
    assert world.twin.puts == 1
    assert synced.storing is None
    assert synced.record.seq == 1


async def test_no_change_merges_forks(world: World) -> None:
    place = await world.place()
    world.plant(place, await world.version(place, 3, Entry(1, 1, b"a")), slice(0, 4))
    world.plant(place, await world.version(place, 3, Entry(2, 1, b"b")), slice(4, 8))
    forked = await world.read(place)
    synced = await world.sync(place)
    assert synced.record.seq == 4
    assert await world.contents(place) == {1: b"a", 2: b"b"}
    assert forked.tag.startswith("3-")
    assert len((await world.read(place)).versions) == 1


async def test_no_change_heals_a_version_on_too_few_nodes(world: World) -> None:
    place = await world.place()
    world.plant(place, await world.version(place, 3, Entry(1, 1, b"a")), slice(0, 2))
    await world.sync(place)
    assert (await world.read(place)).versions[0].holders == 8


async def test_an_older_version_may_hold_a_newer_entry(world: World) -> None:
    place = await world.place()
    world.plant(place, await world.version(place, 9, Entry(1, 1, b"a"), Entry(2, 5, b"old")))
    world.plant(place, await world.version(place, 2, Entry(2, 6, b"new")), slice(0, 1))
    await world.sync(place, {3: b"c"})
    assert await world.contents(place) == {1: b"a", 2: b"new", 3: b"c"}


async def test_poisoned_versions_are_passed_over_and_superseded(world: World) -> None:
    place = await world.place()
    await world.sync(place, {1: b"good"})
    stranger = await world.place(secret=b"\1" * 32)
    foreign = await world.version(stranger, 50, Entry(9, 9, b"not ours"))
    truncated = await world.sealed(place, 60, b"\x05\x00")
    world.plant(place, foreign, slice(0, 2))
    world.plant(place, truncated, slice(2, 4))
    found = await world.read(place)
    assert {version.seq for version in found.passed_over} == {50, 60}
    assert found.entries == (Entry(1, 1, b"good"),)
    synced = await world.sync(place, {2: b"more"})
    assert synced.record.seq == 61
    assert {version.seq for version in synced.record.passed_over} == {50, 60}
    assert await world.contents(place) == {1: b"good", 2: b"more"}


async def test_the_highest_seq_can_not_be_followed(world: World) -> None:
    place = await world.place()
    world.plant(place, await world.version(place, bep44.MAX_SEQ, Entry(1, 1, b"a")))
    with pytest.raises(ScoutError) as error:
        await world.sync(place, {1: b"b"})
    assert code_of(error) is ErrorCode.SEQ_EXHAUSTED


async def test_the_highest_entry_seq_refuses_its_own_change_only(world: World) -> None:
    place = await world.place()
    world.plant(place, await world.version(place, 1, Entry(1, MAX_SEQ, b"a")))
    with pytest.raises(ScoutError, match="for entry 1") as error:
        await world.sync(place, {1: b"b"})
    assert code_of(error) is ErrorCode.SEQ_EXHAUSTED
    assert (await world.sync(place, {2: b"b"})).record.seq == 2


async def test_no_answering_node_is_not_an_empty_record() -> None:
    async with a_world(loss=1.0) as world:
        with pytest.raises(ScoutError) as error:
            await world.sync(await world.place(), {1: b"a"})
        assert code_of(error) is ErrorCode.DHT_UNAVAILABLE
        assert error.value.retry_after is not None


async def test_nobody_stores(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    place = await world.place()
    get = world.twin.get_mutable

    async def get_then_go_deaf(request: dht.GetMutable, _context: object) -> dht.GetMutableReply:
        reply = await get(request, world.context)
        world.twin.loss = 1.0
        return reply

    monkeypatch.setattr(world.twin, "get_mutable", get_then_go_deaf)
    with pytest.raises(ScoutError) as error:
        await world.sync(place, {1: b"a"})
    assert code_of(error) is ErrorCode.NOT_STORED
    assert error.value.facts["timed_out"] == 8


@pytest.mark.parametrize("size", [1, 2, 3, 8])
async def test_small_nets(size: int) -> None:
    async with a_world(nodes=size, processes=2) as world:
        place = await world.place()
        await asyncio.gather(*(world.sync(place, {n: b"x"}, process=n % 2) for n in range(1, 9)))
        assert set(await world.contents(place)) == set(range(1, 9))


@pytest.mark.parametrize("seed", range(20))
async def test_two_writers_that_race_both_win_in_the_end(seed: int) -> None:
    async with a_world(seed=seed, processes=2) as world:
        place = await world.place()
        await asyncio.gather(
            world.sync(place, {1: b"one"}, process=0),
            world.sync(place, {2: b"two"}, process=1),
        )
        assert await world.contents(place) == {1: b"one", 2: b"two"}
        assert world.twin.puts >= 3, "they did race"


@pytest.mark.parametrize("loss", [0.0, 0.1])
async def test_200_interleaved_syncs_of_20_records_lose_nothing(loss: float) -> None:
    async with a_world(seed=4, loss=loss, processes=2) as world:
        places = [await world.place(secret=bytes([n]) * 32) for n in range(1, 21)]
        writes = [
            world.sync(place, {writer: b"by %d" % writer}, process=writer % 2)
            for writer in range(1, 11)
            for place in places
        ]
        synced = await asyncio.gather(*writes)
        world.twin.loss = 0.0
        assert all(one.record.seq > 0 for one in synced)
        for place in places:
            assert await world.contents(place) == {writer: b"by %d" % writer for writer in range(1, 11)}


async def test_concurrent_writes_in_one_process_are_one_read_modify_write(world: World) -> None:
    place = await world.place()
    synced = await asyncio.gather(*(world.sync(place, {n: b"x"}) for n in range(1, 21)))
    assert world.twin.puts == 1
    assert {one.callers for one in synced} == {20}


async def test_writes_gather_while_one_is_in_flight(world: World) -> None:
    place = await world.place()

    async def late(n: int) -> Synced:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return await world.sync(place, {n: b"x"})

    synced = await asyncio.gather(world.sync(place, {1: b"x"}), *(late(n) for n in range(2, 12)))
    assert [one.callers for one in synced] == [1] + [10] * 10
    assert len(await world.contents(place)) == 11


async def test_a_refused_change_fails_its_own_caller_only(world: World) -> None:
    place = await world.place()
    outcomes = await asyncio.gather(
        world.sync(place, {1: b"first"}),
        world.sync(place, {2: b"x" * 256}),
        world.sync(place, {3: b"third"}),
        world.sync(place, dict.fromkeys(range(10, 15), b"x" * 200)),
        world.sync(place, {5: b"fifth"}),
        return_exceptions=True,
    )
    codes = [outcome.code if isinstance(outcome, ScoutError) else None for outcome in outcomes]
    assert codes == [None, ErrorCode.ENTRY_TOO_LARGE, None, ErrorCode.RECORD_FULL, None]
    assert set(await world.contents(place)) == {1, 3, 5}


async def test_a_full_record_names_its_budget(world: World) -> None:
    place = await world.place()
    await world.sync(place, {1: b"x" * 255, 2: b"y" * 255, 3: b"z" * 200})
    with pytest.raises(ScoutError) as error:
        await world.sync(place, {4: b"w" * 255})
    assert code_of(error) is ErrorCode.RECORD_FULL
    assert error.value.facts == {
        "limit": 956,
        "used": 760,
        "left": 196,
        "needed": 1031,
        "largest": [{"id": 1, "size": 271}, {"id": 2, "size": 271}, {"id": 3, "size": 216}],
    }
    assert set(await world.contents(place)) == {1, 2, 3}


async def test_too_many_entries(world: World) -> None:
    place = await world.place()
    with pytest.raises(ScoutError) as error:
        await world.sync(place, dict.fromkeys(range(256), b""))
    assert code_of(error) is ErrorCode.TOO_MANY_ENTRIES
    assert error.value.facts == {"size": 256, "limit": 255}
    assert not world.twin.stored_anything()


async def test_if_match(world: World) -> None:
    place = await world.place()
    [process] = world.processes
    await world.sync(place, {1: b"a"})
    edit = Edit((Wanted(1, b"b"),))
    assert (await process.synchronise(place, edit, world.context, frozenset({"1"}))).record.seq == 2
    with pytest.raises(PreconditionFailedError) as error:
        await process.synchronise(place, Edit((Wanted(1, b"c"),)), world.context, frozenset({"1"}))
    assert error.value.record.tag == "2"
    assert error.value.record.entries == (Entry(1, 2, b"b"),)
    assert await world.contents(place) == {1: b"b"}


async def test_if_match_any(world: World) -> None:
    place = await world.place()
    [process] = world.processes
    with pytest.raises(PreconditionFailedError):
        await process.synchronise(place, Edit((Wanted(1, b"a"),)), world.context, frozenset({"*"}))
    await world.sync(place, {1: b"a"})
    synced = await process.synchronise(place, Edit((Wanted(1, b"b"),)), world.context, frozenset({"*"}))
    assert synced.record.seq == 2


async def test_of_two_conditional_writes_on_one_state_one_wins(world: World) -> None:
    place = await world.place()
    [process] = world.processes
    await world.sync(place, {1: b"a"})
    outcomes = await asyncio.gather(
        *(
            process.synchronise(place, Edit((Wanted(1, content),)), world.context, frozenset({"1"}))
            for content in (b"b", b"c", b"d")
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, PreconditionFailedError) for outcome in outcomes) == 2
    assert await world.contents(place) == {1: b"b"}


@pytest.mark.parametrize("seed", range(10))
async def test_of_two_conditional_writes_in_two_processes_at_most_one_wins(seed: int) -> None:
    async with a_world(seed=seed, processes=2) as world:
        place = await world.place()
        await world.sync(place, {1: b"a"})
        outcomes = await asyncio.gather(
            *(
                process.synchronise(place, Edit((Wanted(n, b"b"),)), world.context, frozenset({"1"}))
                for n, process in enumerate(world.processes, start=2)
            ),
            return_exceptions=True,
        )
        failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert failed
        assert all(isinstance(error, PreconditionFailedError) for error in failed)


class Stubborn:
    """A peer that writes another version whenever we are about to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seq = 1_000

    async def apply(self, entries: Entries, _scope: object) -> Entries:
        place = await self.world.place()
        self.seq += 1_000
        theirs = await self.world.version(place, self.seq, Entry(2, self.seq, b"theirs"))
        self.world.plant(place, theirs)
        return (*entries, Entry(99, 1, b"mine"))


async def test_endless_conflict_is_said_after_bounded_attempts(world: World) -> None:
    with pytest.raises(ScoutError) as error:
        await world.processes[0].synchronise(await world.place(), Stubborn(world), world.context)
    assert code_of(error) is ErrorCode.CONFLICT
    assert error.value.facts == {"attempts": MAX_ATTEMPTS}
    assert error.value.retry_after is not None
    assert len(world.pauses) == MAX_ATTEMPTS - 1
    assert len(set(world.pauses)) == len(world.pauses), "jittered"


async def test_no_attempt_uses_a_seq_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    place = await world.place()
    put, seqs = world.twin.put_mutable, list[int]()

    async def put_where_nobody_looks(request: dht.PutMutable, _context: object) -> dht.PutReply:
        """A node that holds the write and does not answer the next lookup, and others that refuse it."""
        seqs.append(request.seq)
        if len(seqs) == 3:
            return await put(request, world.context)
        return await put(msgspec.structs.replace(request, seq=1, seen=[], quorum=1), world.context)

    theirs = await world.version(place, 1, Entry(2, 1, b"theirs"))
    world.plant(place, theirs)
    monkeypatch.setattr(world.twin, "put_mutable", put_where_nobody_looks)
    monkeypatch.setattr("tests.support.twin_dht.keys.verify", lambda *_: True)
    await world.sync(place, {1: b"mine"})
    assert seqs == [2, 3, 4]


async def test_conflict_ends_with_the_deadline(world: World) -> None:
    class Slow(Stubborn):
        async def apply(self, entries: Entries, scope: object) -> Entries:
            world.clock.advance(9.995)
            return await super().apply(entries, scope)

    with pytest.raises(ScoutError) as error:
        await world.processes[0].synchronise(await world.place(), Slow(world), world.context)
    assert code_of(error) is ErrorCode.CONFLICT
    assert world.pauses == []


async def test_another_writer_that_merged_our_half_is_success_without_a_second_write(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await world.place()
    union = await world.version(place, 9, Entry(1, 1, b"mine"), Entry(2, 1, b"theirs"))
    put = world.twin.put_mutable

    async def put_too_late(request: dht.PutMutable, _context: object) -> dht.PutReply:
        world.plant(place, union)
        return await put(request, world.context)

    monkeypatch.setattr(world.twin, "put_mutable", put_too_late)
    synced = await world.sync(place, {1: b"mine"})
    assert synced.attempts == 2
    assert world.twin.puts == 1
    assert synced.record.seq == 9


async def test_a_caller_that_leaves_takes_only_its_own_write(world: World) -> None:
    place = await world.place()
    first = asyncio.ensure_future(world.sync(place, {1: b"a"}))  # noqa: TID251  # the test is its owner
    leaver = asyncio.ensure_future(world.sync(place, {2: b"b"}))  # noqa: TID251
    third = asyncio.ensure_future(world.sync(place, {3: b"c"}))  # noqa: TID251
    await asyncio.sleep(0)
    leaver.cancel()
    await asyncio.gather(first, third)
    assert set(await world.contents(place)) == {1, 3}


async def test_a_passed_deadline_is_said(world: World) -> None:
    context = world.context
    world.clock.advance(20)
    with pytest.raises(ScoutError) as error:
        await world.processes[0].synchronise(await world.place(), None, context)
    assert code_of(error) is ErrorCode.DEADLINE_EXCEEDED
