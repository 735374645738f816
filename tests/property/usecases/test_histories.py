"""Whatever concurrent histories do, everybody ends with the same record, and nobody's finished write is lost."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import ScoutError
from shared.format.scout1.record import Entry
from tests.unit.usecases.world import a_world

SEEDS = st.integers(min_value=0, max_value=2**32)
OWN_WRITES = st.lists(
    st.tuples(st.integers(min_value=1, max_value=12), st.binary(max_size=8)),
    max_size=12,
    unique_by=lambda write: write[0],
)
VERSIONS = st.lists(
    st.lists(
        st.builds(
            Entry,
            st.integers(min_value=0, max_value=6),
            st.integers(min_value=-5, max_value=5),
            st.binary(max_size=3),
        ),
        max_size=4,
    ),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, writes=OWN_WRITES, size=st.integers(min_value=1, max_value=12))
def test_writes_of_different_entries_are_all_there(seed: int, writes: list[tuple[int, bytes]], size: int) -> None:
    async def history() -> None:
        async with a_world(seed=seed, nodes=size, processes=3) as world:
            place = await world.place()
            calls = (world.sync(place, {id_: content}, process=id_ % 3) for id_, content in writes)
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
            assert all(isinstance(outcome, ScoutError) for outcome in failed)
            done = dict(write for write, outcome in zip(writes, outcomes, strict=True) if outcome not in failed)
            assert done.items() <= (await world.contents(place)).items()

    asyncio.run(history())


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, versions=VERSIONS)
def test_any_forks_converge_to_their_merge(seed: int, versions: list[list[Entry]]) -> None:
    async def history() -> None:
        async with a_world(seed=seed, processes=2) as world:
            place = await world.place()
            for at, entries in enumerate(versions):
                world.plant(place, await world.version(place, 1 + at % 2, *entries), slice(at, at + 1))
            before = await world.read(place)
            synced = await asyncio.gather(world.sync(place, process=0), world.sync(place, process=1))
            after = await world.read(place)
            assert {one.record.entries for one in synced} == {before.entries} == {after.entries}

    asyncio.run(history())


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    edits=st.lists(
        st.tuples(
            st.dictionaries(st.integers(min_value=1, max_value=4), st.binary(max_size=4), max_size=3),
            st.sets(st.integers(min_value=5, max_value=6), max_size=1),
        ),
        max_size=6,
    ),
)
def test_a_sequence_of_edits_by_alternating_processes_is_what_a_dictionary_says(
    seed: int, edits: list[tuple[dict[int, bytes], set[int]]]
) -> None:
    async def history() -> None:
        async with a_world(seed=seed, processes=2) as world:
            place, expected = await world.place(), dict[int, bytes]()
            for turn, (wanted, removed) in enumerate(edits):
                await world.sync(place, wanted, remove=removed, process=turn % 2)
                expected = {id_: content for id_, content in (expected | wanted).items() if id_ not in removed}
                assert await world.contents(place) == expected

    asyncio.run(history())
