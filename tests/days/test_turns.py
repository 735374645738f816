"""One record and its messages, shared by peers of all three kinds while days go by, and the addresses with them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

import scout
from shared.contracts.crypto import FormatName
from shared.format.scout2 import epochs, roots
from tests.support.days import DAY_S, HOUR_S, Days, noon, turn

SECRET = b"\x61" * 32
PHASE = epochs.phase(roots.of_group(SECRET))
NAMES = ["managed", "blind", "session", "tablet"]
TABLET = 3
KEEP = 6 * DAY_S
AnyLink = scout.Link | scout.LocalLink


async def announce(link: AnyLink, number: int) -> int:
    """Say where device `number` is; the record's seq."""
    written = await link.announce(number, [f"198.51.100.{number}:443"], name=NAMES[number], keep=KEEP)
    assert written.keep_error is None
    return written.seq


async def send(links: Sequence[AnyLink], body: bytes) -> list[int]:
    """A message from each; the record's seqs."""
    return [(await link.send(b"%b of %d" % (body, member), keep=KEEP)).seq for member, link in enumerate(links)]


async def assert_all_is_there(links: Sequence[AnyLink], bodies: Sequence[bytes]) -> None:
    """Every device, and every message of the first three members to the others."""
    for link in links:
        assert [device.name for device in await link.devices()] == NAMES
        inbox = await link.messages()
        assert inbox.gaps == []
        expected = [
            (member, number, b"%b of %d" % (body, member))
            for member in range(3)
            if member != link.member
            for number, body in enumerate(bodies, start=1)
        ]
        assert [(one.member, one.number, bytes(one.body)) for one in inbox.messages if one.member < TABLET] == expected


async def assert_turn_is_invisible(days: Days, links: Sequence[AnyLink], number: int) -> None:
    """Nothing that callers see changes when the epoch does."""
    await days.until(turn(PHASE, number) - 900)
    before = [await link.record() for link in links]
    await days.until(turn(PHASE, number) + 60)
    after = [await link.record() for link in links]
    assert len({record.etag for record in before + after}) == 1
    assert all(record.entries == before[0].entries for record in before + after)
    assert not any(record.rollback_suspected or record.passed_over for record in before + after)
    assert min(record.seq for record in after) >= max(record.seq for record in before)


@pytest.mark.parametrize("format_name", ["scout2", "scout1"])
async def test_peers_of_all_kinds_share_a_record_across_two_turns_while_a_device_is_away(
    days: Days, format_name: FormatName
) -> None:
    await days.until(noon(PHASE, 1))
    links: list[AnyLink] = [
        await (await days.managed()).link_from_secret(SECRET, 0, format=format_name),
        await (await days.blind()).link_from_secret(SECRET, 1, format=format_name),
        await (await days.session()).link_from_secret(SECRET, 2, format=format_name),
    ]
    async with days.passing_blind() as tablet:
        away = await tablet.link_from_secret(SECRET, TABLET, format=format_name)
        seqs = [await announce(away, TABLET)]
        await away.send(b"see you", keep=KEEP)
    seqs += [await announce(link, number) for number, link in enumerate(links)]
    seqs += await send(links, b"before")

    await assert_turn_is_invisible(days, links, 2)
    seqs.append(await announce(links[1], 1))
    seqs += await send(links, b"between")
    await days.until(turn(PHASE, 2) + 5 * HOUR_S)
    await assert_all_is_there(links, [b"before", b"between"])

    await assert_turn_is_invisible(days, links, 3)
    seqs.append(await announce(links[2], 2))
    seqs += await send(links, b"after")
    await days.until(noon(PHASE, 3))

    back = await (await days.blind()).link_from_secret(SECRET, TABLET, format=format_name)
    await assert_all_is_there([*links, back], [b"before", b"between", b"after"])
    await back.send(b"here again")
    assert [
        [bytes(message.body) for message in (await link.messages()).messages if message.member == TABLET]
        for link in links
    ] == [[b"see you", b"here again"]] * 3
    assert seqs == sorted(set(seqs)), "every write has a higher seq than the one before it"
