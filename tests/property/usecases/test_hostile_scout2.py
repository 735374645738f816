"""scout2: whatever holders of the secret seal, a record is read, the rest goes on, and a write is stored."""

from __future__ import annotations

import asyncio
import random
import struct
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts import crypto, dht
from shared.format import members
from shared.format.scout2 import epochs, mailbox, roots
from shared.format.scout2.mailbox import Mailbox
from shared.format.scout2.merge import merge_entries
from shared.format.scout2.record import Entry
from shared.usecases import devices, inbox, receipts
from shared.usecases.formats.ports import Content
from shared.usecases.formats.scout2 import Scout2
from shared.usecases.inbox import Query
from shared.usecases.races import union
from tests.support.hostile_msgpack import ANYTHING, INTEGERS, records
from tests.unit.usecases.world import SECRET, World, a_world

EPOCH = 20_000
NOON_MS = 1000 * (epochs.began(epochs.phase(roots.of_group(SECRET)), EPOCH) + 43_200)
STAMPS = st.sampled_from([-1, 0, 1, 3_600_000, 3_600_001]).map(lambda off: b"\xcf" + struct.pack(">Q", NOON_MS + off))
LIVE = records(STAMPS | STAMPS | INTEGERS, st.just(b"\x3c") | INTEGERS)

ROOM = 900
"""A record that is smaller has room for one more entry."""

HEADS = st.sampled_from([None, b"a" * 20, b"b" * 20])
BOXES = st.builds(Mailbox, HEADS, st.integers(0, 2), st.dictionaries(st.integers(1, 2), st.integers(1, 2), max_size=1))
LIST_ENTRIES = st.builds(
    lambda member, stamp, ttl, box: Entry(members.mailbox_id(member), stamp, ttl, box),
    st.integers(0, 1),
    st.integers(0, 2),
    st.integers(0, 1),
    st.none() | st.binary(max_size=1) | BOXES.map(mailbox.serialise),
)


@dataclass(frozen=True)
class Held:
    """A version on so many nodes."""

    entries: tuple[Entry, ...]
    holders: int


async def plant(world: World, plaintexts: list[bytes]) -> None:
    """Have a holder of the secret seal them, each for a node of its own."""
    place = await world.place()
    for at, plaintext in enumerate(plaintexts):
        request = crypto.SealRecord(
            link=place.link, plaintext=plaintext[:938], places=[crypto.SealAt(seq=5 + at, epoch=EPOCH)]
        )
        (sealed,) = (await world.crypto.seal_record(request, world.context)).sealed
        version = dht.MutableVersion(value=sealed.value, seq=5 + at, signature=sealed.signature, holders=0)
        world.twin.plant(place.site(EPOCH).public_key, version, slice(at, at + 1))


@settings(max_examples=80, deadline=None)
@given(st.lists(LIVE | LIVE | ANYTHING, min_size=1, max_size=3))
def test_any_versions_are_read_around_and_written_over(plaintexts: list[bytes]) -> None:
    async def history() -> None:
        async with a_world() as world:
            world.format = "scout2"
            world.clock.set_wall(NOON_MS)
            await plant(world, plaintexts)
            place = await world.place()
            found = await world.read(place)
            assert len(found.versions) + len(found.passed_over) == len(set(found.seen))
            devices.listed(found.entries)
            await inbox.read(world.ports, place, found.entries, Query(), world.context)
            receipts.of_mine(place, found.entries)
            if Scout2().size(Content(found.entries, found.meta)) < ROOM:
                await world.sync(place, {77: b"mine"})
                assert (await world.contents(place))[77] == b"mine"

    asyncio.run(history())


@given(
    st.lists(st.builds(Held, st.lists(LIST_ENTRIES, max_size=2).map(tuple), st.integers(1, 5)), max_size=4),
    st.randoms(),
)
def test_which_versions_are_seen_first_makes_no_difference(versions: list[Held], dice: random.Random) -> None:
    rules = Scout2()
    tidy = [Held(merge_entries(version.entries), version.holders) for version in versions]
    shuffled = tidy[:]
    dice.shuffle(shuffled)
    assert union(rules, tidy) == union(rules, shuffled)
