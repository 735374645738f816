"""Groups of up to 16 members in one record: mailboxes before receipts, and nothing lost."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from shared.errors import ErrorCode, ScoutError
from shared.format import members
from shared.format.scout2.record import MAX_PLAINTEXT
from shared.usecases.formats.ports import Content
from shared.usecases.inbox import Query
from shared.usecases.mailboxes import mailboxes
from shared.usecases.messages import Sent
from shared.usecases.refusals import MAX_MEMBERS
from tests.unit.usecases.mail import Mail

ROUNDS = 4


async def used(mail: Mail) -> int:
    record = await mail.world.read(await mail.world.place())
    return record.format.size(Content(record.entries, record.meta))


async def a_full_group(mail: Mail) -> None:
    for member in range(MAX_MEMBERS):
        await mail.send(member, b"hello from %d" % member)


async def test_sixteen_members_write_and_acknowledge_and_lose_nothing(mail: Mail) -> None:
    read: dict[int, dict[int, int]] = {member: {} for member in range(MAX_MEMBERS)}
    await mail.world.sync(await mail.world.place(), {1: b"phone", 2: b"tablet"})
    sent = []
    for number in range(1, ROUNDS + 1):
        sent += [await mail.send(member, b"%d.%d" % (member, number)) for member in range(MAX_MEMBERS)]
        for reader in range(MAX_MEMBERS):
            found = await mail.read(reader, Query(after=number - 1))
            assert sorted(message.body for message in found.messages) == sorted(
                b"%d.%d" % (member, number) for member in range(MAX_MEMBERS) if member != reader
            )
            assert found.gaps == ()
            read[reader] = {message.member: message.number or 0 for message in found.messages}
            await mail.acknowledge(reader, read[reader])
            assert await used(mail) <= MAX_PLAINTEXT
            mail.world.clock.advance(1)
    released = [one for one in sent if not mail.kept(one)]
    assert len(released) >= ROUNDS, "receipts are gathered for some until they are done"
    record = await mail.world.contents(await mail.world.place())
    assert (record[1], record[2]) == (b"phone", b"tablet")


@pytest.mark.parametrize("seed", range(3))
async def test_only_what_everybody_has_received_is_released(mail: Mail, seed: int) -> None:
    dice = random.Random(seed)
    await a_full_group(mail)
    numbers = dict.fromkeys(range(MAX_MEMBERS), 1)
    sent: dict[tuple[int, int], Sent] = {}
    acknowledged: dict[int, dict[int, int]] = {member: {} for member in range(MAX_MEMBERS)}
    for _ in range(60):
        mail.world.clock.advance(1)
        member = dice.randrange(MAX_MEMBERS)
        if dice.random() < 0.3:
            numbers[member] += 1
            sent[member, numbers[member]] = await mail.send(member, b"more")
        else:
            others = dice.sample([other for other in numbers if other != member], dice.randrange(1, MAX_MEMBERS))
            acknowledged[member].update({other: numbers[other] for other in others})
            await mail.acknowledge(member, acknowledged[member])
        for (sender, number), one in sent.items():
            receivers = [said.get(sender, 0) >= number for reader, said in acknowledged.items() if reader != sender]
            assert mail.kept(one) or all(receivers)
        assert await used(mail) <= MAX_PLAINTEXT


async def test_a_device_goes_before_receipts(mail: Mail) -> None:
    await a_full_group(mail)
    for reader in range(MAX_MEMBERS):
        await mail.acknowledge(reader, {member: 1 for member in range(MAX_MEMBERS) if member != reader})
    before = await said(mail)
    await mail.world.sync(await mail.world.place(), {1: b"x" * 100})
    after = await said(mail)
    assert sum(before.values()) > sum(after.values())
    assert len(after) == MAX_MEMBERS


async def test_without_need_no_receipt_is_left_out(mail: Mail) -> None:
    for member in range(5):
        await mail.send(member, b"hello")
    for reader in range(5):
        await mail.acknowledge(reader, {member: 1 for member in range(5) if member != reader})
    assert await said(mail) == dict.fromkeys(range(5), 4)


async def test_a_record_that_is_full_without_receipts_is_refused(mail: Mail) -> None:
    await a_full_group(mail)
    for reader in range(MAX_MEMBERS):
        await mail.acknowledge(reader, {member: 1 for member in range(MAX_MEMBERS) if member != reader})
    before = mail.world.twin.kept.copy()
    with pytest.raises(ScoutError, match="mailboxes of 16 members; up to 16 fit") as caught:
        await mail.world.sync(await mail.world.place(), {1: b"x" * 170})
    assert caught.value.code is ErrorCode.RECORD_FULL
    assert caught.value.facts["limit"] == MAX_PLAINTEXT
    await mail.world.sync(await mail.world.place(), {1: b"x" * 120})
    with pytest.raises(ScoutError, match="mailboxes of 16 members"):
        await mail.send(MAX_MEMBERS, b"one member too many")
    assert mail.world.twin.kept == before, "refused before anything was stored"


async def test_what_newer_writers_added_to_a_mailbox_survives_thinning(mail: Mail) -> None:
    await a_full_group(mail)
    place = await mail.world.place()
    boxes = mailboxes(place.format, (await mail.world.read(place)).entries)
    theirs = boxes[3]
    assert theirs is not None
    added = replace(theirs, rest=(b"\xa3new",), received={member: 1 for member in range(MAX_MEMBERS) if member != 3})
    content = place.format.mailbox_content(added).content
    mail.world.clock.advance(1)
    await mail.world.sync(place, {members.mailbox_id(3): content})
    await mail.world.sync(place, {1: b"x" * 140})
    thinned = mailboxes(place.format, (await mail.world.read(place)).entries)[3]
    assert thinned is not None
    assert thinned.received != added.received
    assert (thinned.head, thinned.number, thinned.rest) == (added.head, added.number, added.rest)


async def said(mail: Mail) -> dict[int, int]:
    """Member -> how many receipts its mailbox has."""
    place = await mail.world.place()
    boxes = mailboxes(place.format, (await mail.world.read(place)).entries)
    return {member: len(box.received) for member, box in boxes.items() if box is not None}
