"""What holds of sightings on either bus. Redis goes by its own clock, so the pauses are made short for the suite."""

from __future__ import annotations

import asyncio

import pytest

from shared.bus import streams
from shared.contracts.sightings import Glance, Sighting, Sightings
from tests.contract.conftest import Bus
from tests.support.waiting import wait_until

TARGET = bytes(range(20))
SOONEST, LATEST, TURN, TTL = 200, 2_000, 500, 1_000


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SIGHTING_SOONEST_MS", SOONEST)
    monkeypatch.setattr(streams, "SIGHTING_LATEST_MS", LATEST)
    monkeypatch.setattr(streams, "SIGHTING_TURN_MS", TURN)
    monkeypatch.setattr(streams, "SIGHTING_TTL_MS", TTL)


def seen(seq: int, tag: bytes = b"") -> Sighting:
    return Sighting(tag or bytes([seq]), seq, b"\x00versions" + bytes([seq]))


async def glance(sightings: Sightings, known: bytes = b"") -> Glance:
    return await sightings.glance(TARGET, known=known, take_turn=False)


async def turn(sightings: Sightings) -> bool:
    return (await sightings.glance(TARGET)).turn


async def test_of_all_who_look_at_once_one_has_the_turn(bus: Bus) -> None:
    sightings = bus.sightings()
    glances = await asyncio.gather(*(sightings.glance(TARGET) for _ in range(20)))
    assert sum(one.turn for one in glances) == 1
    assert {(one.tag, one.copy) for one in glances} == {(b"", None)}


async def test_what_one_saw_the_others_are_shown_and_nobody_looks_again_at_once(bus: Bus) -> None:
    sightings = bus.sightings()
    assert await turn(sightings)
    await sightings.saw(TARGET, seen(7))
    shown = await sightings.glance(TARGET)
    assert (shown.tag, shown.copy, shown.turn) == (seen(7).tag, seen(7).copy, False)
    assert 0 <= shown.age_ms < SOONEST


async def test_what_the_asker_knows_is_not_sent_again(bus: Bus) -> None:
    sightings = bus.sightings()
    await sightings.saw(TARGET, seen(7))
    again = await glance(sightings, known=seen(7).tag)
    assert (again.tag, again.copy) == (seen(7).tag, None)


async def test_the_turn_comes_round(bus: Bus) -> None:
    sightings = bus.sightings()
    await sightings.saw(TARGET, seen(7))
    await wait_until(lambda: turn(sightings), "it is somebody's turn again")
    assert not await turn(sightings)


async def test_who_only_wants_to_know_takes_no_turn(bus: Bus) -> None:
    sightings = bus.sightings()
    assert not (await glance(sightings)).turn
    assert await turn(sightings)


async def test_looks_become_rarer_while_nothing_changes(bus: Bus) -> None:
    sightings = bus.sightings()
    for _ in range(4):
        await sightings.saw(TARGET, seen(7))
    await asyncio.sleep(1.2 * SOONEST / 1000)
    assert not await turn(sightings), "a quiet item is looked at later than one that has changed"
    await sightings.saw(TARGET, seen(8))
    await asyncio.sleep(1.2 * SOONEST / 1000)
    assert await turn(sightings)


async def test_a_write_is_shown_at_once_where_somebody_watches(bus: Bus) -> None:
    sightings = bus.sightings()
    await sightings.saw(TARGET, seen(7))
    await sightings.wrote(TARGET, seen(8))
    assert (await glance(sightings)).copy == seen(8).copy


async def test_a_write_that_nobody_watches_leaves_nothing(bus: Bus) -> None:
    sightings = bus.sightings()
    await sightings.wrote(TARGET, seen(8))
    assert await glance(sightings) == Glance(b"", None, 0, turn=False)


async def test_what_is_older_does_not_take_the_place_of_what_is_newer(bus: Bus) -> None:
    sightings = bus.sightings()
    await sightings.saw(TARGET, seen(1))
    newer = Sighting(b"newer", 2**62 + 1, b"newer")
    await sightings.saw(TARGET, newer)
    for older in (Sighting(b"older", 2**62, b"older"), Sighting(b"none", 0, b"")):
        await sightings.saw(TARGET, older)
        await sightings.wrote(TARGET, older)
    assert (await glance(sightings)).tag == newer.tag


async def test_a_look_that_failed_leaves_the_turn_to_another(bus: Bus) -> None:
    sightings = bus.sightings()
    assert await turn(sightings)
    await sightings.put_off(TARGET)
    assert not await turn(sightings)
    await asyncio.sleep(1.2 * SOONEST / 1000)
    assert await turn(sightings)


async def test_whoever_vanishes_in_the_middle_of_his_turn_loses_it(bus: Bus) -> None:
    sightings = bus.sightings()
    assert await turn(sightings)
    assert not await turn(sightings)
    await asyncio.sleep(1.2 * TURN / 1000)
    assert await turn(sightings)


async def test_what_was_not_seen_again_is_forgotten(bus: Bus) -> None:
    sightings = bus.sightings()
    await sightings.saw(TARGET, seen(7))
    await wait_until(lambda: _gone(sightings), "the sighting has ended")


async def _gone(sightings: Sightings) -> bool:
    return not (await glance(sightings)).tag
