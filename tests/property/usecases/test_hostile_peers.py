"""Whatever a holder of the secret, or a storing node, puts into the DHT: reading and writing go on."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.format import bep44, members
from shared.format.scout1 import mailbox
from shared.format.scout1.mailbox import Mailbox
from shared.format.scout1.record import MAX_PLAINTEXT, MAX_SEQ, Entry
from shared.usecases import devices, inbox
from shared.usecases.inbox import Query
from tests.unit.usecases.world import a_world

DEVICE_IDS = st.integers(min_value=0, max_value=5)
MAILBOX_IDS = st.integers(min_value=0, max_value=3).map(members.mailbox_id)
ENTRIES = st.lists(
    st.builds(
        Entry,
        st.one_of(DEVICE_IDS, MAILBOX_IDS),
        st.integers(min_value=-(2**63), max_value=MAX_SEQ),
        st.binary(max_size=40),
    ),
    max_size=5,
)


@settings(max_examples=80, deadline=None)
@given(plaintexts=st.lists(st.binary(max_size=MAX_PLAINTEXT), max_size=3), entries=ENTRIES)
def test_any_versions_are_read_around_and_written_over(plaintexts: list[bytes], entries: list[Entry]) -> None:
    async def history() -> None:
        async with a_world() as world:
            place = await world.place()
            for at, plaintext in enumerate(plaintexts):
                world.plant(place, await world.sealed(place, 5 + at, plaintext), slice(at, at + 1))
            world.plant(place, await world.version(place, 9, *entries), slice(4, 8))
            found = await world.read(place)
            devices.listed(found.entries)
            await inbox.read(world.ports, place, found.entries, Query(), world.context)
            if len(found.entries) <= 5:  # so there is room for one more
                await world.sync(place, {77: b"mine"})
                assert (await world.contents(place))[77] == b"mine"

    asyncio.run(history())


@settings(max_examples=80, deadline=None)
@given(
    value=st.one_of(st.binary(max_size=200), st.binary(max_size=100).map(bep44.bencode_string)),
    number=st.integers(min_value=1, max_value=mailbox.MAX_NUMBER),
    after=st.integers(min_value=0, max_value=3),
)
def test_any_item_at_the_head_of_a_list_is_a_message_or_a_gap(value: bytes, number: int, after: int) -> None:
    async def history() -> None:
        async with a_world() as world:
            place = await world.place(1)
            target = bep44.immutable_target(value)
            for node in world.twin.nodes:
                node.immutable[target] = value
            entries = (Entry(members.mailbox_id(0), 1, mailbox.serialise(Mailbox(target, number))),)
            read = await inbox.read(world.ports, place, entries, Query(after=after), world.context)
            known = len(read.messages) + len(read.gaps) + len(read.more)
            assert (known > 0) == (number > after)

    asyncio.run(history())
