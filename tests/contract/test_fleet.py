from __future__ import annotations

import asyncio

import pytest

from shared.bus import streams
from shared.contracts.operation import CallContext
from shared.errors import ScoutError
from tests.contract.conftest import Bus
from tests.support.bus import SAY, SHOUT, Said, Say, echoing, within
from tests.support.reports import a_report


async def test_whoever_reports_is_a_member_until_he_leaves(bus: Bus) -> None:
    fleet = bus.fleet()
    assert await fleet.members() == []
    await fleet.report(a_report("dht_node", 1))
    await fleet.report(a_report("crypto", 2))
    members = await fleet.members()
    assert [member.report for member in members] == [a_report("crypto", 2), a_report("dht_node", 1)]
    assert all(0 <= member.silent_ms < 1000 for member in members)
    await fleet.leave("h#1#x")
    await fleet.leave("h#1#x")
    assert [member.report.service for member in await fleet.members()] == ["crypto"]


async def test_the_last_report_of_a_member_counts(bus: Bus) -> None:
    fleet = bus.fleet()
    await fleet.report(a_report(lag=1))
    await asyncio.sleep(0.02)
    before = (await fleet.members())[0].silent_ms
    await fleet.report(a_report(lag=2))
    [member] = await fleet.members()
    assert member.report.bus["crypto"].lag == 2
    assert before >= 20 > member.silent_ms


async def test_of_too_many_the_longest_silent_are_forgotten(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "FLEET_MAX", 3)
    fleet = bus.fleet()
    for number in (4, 3, 2, 1):
        await fleet.report(a_report(number=number))
        await asyncio.sleep(0.002)  # two reports of one millisecond are equally old
    assert [member.report.instance for member in await fleet.members()] == ["h#1#x", "h#2#x", "h#3#x"]


async def test_who_has_been_silent_for_too_long_is_forgotten(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = bus.fleet()
    await fleet.report(a_report(number=1))
    await asyncio.sleep(0.05)
    await fleet.report(a_report(number=2))
    monkeypatch.setattr(streams, "FLEET_TTL_MS", 40)
    assert [member.report.instance for member in await fleet.members()] == ["h#2#x"]


async def test_what_was_given_up_can_be_looked_at(bus: Bus) -> None:
    async def work(_request: Say, _context: CallContext) -> Said:
        raise ZeroDivisionError

    letters = bus.dead_letters()
    assert sum((await letters.counts()).values()) == 0
    assert await letters.latest(5) == []
    async with bus.requester() as requester, bus.serve(echoing(work)):
        for operation in (SAY, SHOUT):
            with pytest.raises(ScoutError):
                await requester.call(operation, Say(text="secret"), within(5, trace="r-1"))
    assert await letters.counts() == {"echo": 2}
    newest, oldest = await letters.latest(5)
    assert (newest.operation, newest.reason, newest.shard) == (SHOUT.name, "unknown_operation", "echo")
    assert (oldest.operation, oldest.reason, oldest.trace) == (SAY.name, "failed", "r-1")
    assert 0 <= newest.age_ms < 5000
    assert newest.deliveries == 1
    assert "secret" not in repr(newest)
    assert [letter.operation for letter in await letters.latest(1)] == [SHOUT.name]
