"""Found while away: what was handed over is published day by day, with its owner and its keys gone."""

from __future__ import annotations

import asyncio

import pytest

import scout
from shared.contracts.crypto import FormatName
from tests.support.days import DAY_S, HOUR_S, Days

SECRET = b"\x51" * 32
FORMATS: tuple[FormatName, ...] = ("scout2", "scout1")
WEEK = 7
BY_THE_DAY = pytest.mark.parametrize("days", [pytest.param(DAY_S, id="a day at a time")], indirect=True)
"""Hour by hour each of these would take half a minute."""
AnyLink = scout.Link | scout.LocalLink


async def names(link: AnyLink) -> list[str]:
    return [device.name for device in await link.devices()]


async def gone(days: Days, kept_days: int) -> scout.LocalLink:
    """A blind peer's link, which announced itself for so long; its client is closed."""
    async with days.passing_blind() as client:
        link = await client.link_from_secret(SECRET, 0)
        written = await link.announce(1, ["198.51.100.4:443"], name="phone", keep=kept_days * DAY_S)
        assert written.keep_error is None
    return link


@BY_THE_DAY
async def test_who_hands_over_a_week_and_disappears_is_found_on_each_day(days: Days) -> None:
    await gone(days, WEEK)
    peers: list[AnyLink] = [
        await (await days.managed()).link_from_secret(SECRET, 1),
        await (await days.blind()).link_from_secret(SECRET, 2),
        await (await days.session()).link_from_secret(SECRET, 3),
    ]
    for _ in range(WEEK):
        assert [await names(peer) for peer in peers] == [["phone"]] * 3
        await days.pass_by(DAY_S - HOUR_S)
    assert [await names(peer) for peer in peers] == [["phone"]] * 3, "an hour and more before the week is over"
    await days.pass_by(WEEK * HOUR_S)
    assert [await names(peer) for peer in peers] == [[]] * 3


@BY_THE_DAY
async def test_a_managed_peer_is_found_for_a_week_after_the_death_of_the_crypto_service(days: Days) -> None:
    link = await (await days.managed()).link_from_secret(SECRET, 0)
    await link.announce(1, name="phone", keep=WEEK * DAY_S)
    peers = [
        await (await days.blind()).link_from_secret(SECRET, 2),
        await (await days.session()).link_from_secret(SECRET, 3),
    ]
    (crypto,) = [task for task in asyncio.all_tasks() if task.get_name() == "crypto consumer"]
    crypto.cancel()
    for _ in range(WEEK - 1):
        await days.pass_by(DAY_S)
        assert [await names(peer) for peer in peers] == [["phone"]] * 2


@BY_THE_DAY
async def test_a_message_outlives_the_absence_of_both_for_as_long_as_it_is_kept(days: Days) -> None:
    async with days.passing_blind() as client:
        for format_name in FORMATS:
            sender = await client.link_from_secret(SECRET, 0, format=format_name)
            await sender.send(b"hello", keep=5 * DAY_S)
    await days.pass_by(4 * DAY_S)
    managed, blind = await days.managed(), await days.blind()
    for format_name in FORMATS:
        reader = await managed.link_from_secret(SECRET, 1, format=format_name)
        found = await reader.messages()
        assert [bytes(message.body) for message in found.messages] == [b"hello"]
        assert found.gaps == []
        await reader.announce(1, name="still here", keep=5 * DAY_S)
    await days.pass_by(2 * DAY_S)
    for format_name in FORMATS:
        late = await blind.link_from_secret(SECRET, 2, format=format_name)
        after = await late.messages()
        assert [(gap.member, gap.first, gap.last) for gap in after.gaps] == [(0, 1, 1)]
        assert after.messages == []
