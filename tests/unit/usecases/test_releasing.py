"""A sender stops keeping what all others have received, and nothing else."""

from __future__ import annotations

from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format import members
from shared.usecases.inbox import Query
from tests.unit.usecases.mail import Mail


async def test_what_the_peer_has_received_is_kept_no_longer(mail: Mail) -> None:
    sent = [await mail.send(0, b"%d" % n) for n in range(1, 5)]
    await mail.acknowledge(1, {0: 3})
    assert all(map(mail.kept, sent))
    await mail.read(0)
    assert [mail.kept(one) for one in sent] == [False, False, False, True]
    await mail.acknowledge(1, {0: 4})
    later = await mail.send(0, b"5")
    assert [mail.kept(one) for one in [*sent, later]] == [False, False, False, False, True]


async def test_while_nobody_has_said_anything_all_is_kept(mail: Mail) -> None:
    sent = [await mail.send(0, b"%d" % n) for n in range(3)]
    await mail.read(0)
    await mail.send(1, b"a member, who has received nothing yet")
    await mail.read(0)
    assert all(map(mail.kept, sent))


async def test_in_a_group_the_last_receipt_counts(mail: Mail) -> None:
    sent = [await mail.send(0, b"%d" % n) for n in range(1, 4)]
    await mail.acknowledge(1, {0: 3})
    await mail.acknowledge(2, {0: 1})
    await mail.send(3, b"known, and has received nothing")
    await mail.read(0)
    assert all(map(mail.kept, sent))
    await mail.acknowledge(3, {0: 2})
    await mail.read(0)
    assert [mail.kept(one) for one in sent] == [False, True, True]


async def test_a_receipt_of_nothing_makes_a_member_known(mail: Mail) -> None:
    sent = await mail.send(0, b"one")
    await mail.acknowledge(2, {0: 0})
    await mail.acknowledge(1, {0: 1})
    await mail.read(0)
    assert mail.kept(sent)


async def test_a_member_who_was_removed_is_waited_for_no_longer(mail: Mail) -> None:
    sent = await mail.send(0, b"one")
    await mail.send(2, b"will leave")
    await mail.acknowledge(1, {0: 1})
    mail.world.clock.advance(1)
    await mail.world.sync(await mail.world.place(), remove={members.mailbox_id(2)})
    await mail.read(0)
    assert not mail.kept(sent)


async def test_a_mailbox_that_can_not_be_read_has_received_nothing(mail: Mail) -> None:
    sent = await mail.send(0, b"one")
    await mail.acknowledge(1, {0: 1})
    await mail.world.sync(await mail.world.place(), {members.mailbox_id(2): b"garbage"})
    await mail.read(0)
    assert mail.kept(sent)


async def test_a_record_that_may_be_an_old_one_ends_nothing(mail: Mail) -> None:
    sent = await mail.send(0, b"one")
    await mail.acknowledge(1, {0: 1})
    mail.world.twin.rollback_suspected = True
    await mail.read(0)
    await mail.send(0, b"two")
    assert mail.kept(sent)


async def test_a_receipt_of_more_than_was_sent_is_one_of_all(mail: Mail) -> None:
    sent = await mail.send(0, b"one")
    await mail.acknowledge(1, {0: 99})
    await mail.read(0)
    assert not mail.kept(sent)
    assert mail.kept(await mail.send(0, b"two"))


async def test_one_tenant_does_not_end_what_another_keeps(mail: Mail) -> None:
    sent = await mail.send(0, b"one", tenant="phone")
    await mail.acknowledge(1, {0: 1})
    await mail.read(0, tenant="laptop")
    assert mail.kept(sent, "phone")
    await mail.read(0, tenant="phone")
    assert not mail.kept(sent, "phone")


async def test_the_walk_ends_at_the_first_message_without_a_lease(mail: Mail) -> None:
    oldest = await mail.send(0, b"one")
    await mail.send(0, b"two", keep=0)
    newest = await mail.send(0, b"three")
    await mail.acknowledge(1, {0: 3})
    await mail.read(0)
    assert [mail.kept(one) for one in (oldest, newest)] == [True, False]


async def test_nothing_new_costs_nothing(mail: Mail) -> None:
    asked = 0
    release = mail.world.twin.release

    async def counted(request: dht.Release, context: CallContext) -> dht.ReleaseReply:
        nonlocal asked
        asked += 1
        return await release(request, context)

    mail.world.twin.release = counted  # type: ignore[method-assign]
    for n in range(3):
        await mail.send(0, b"%d" % n)
    await mail.acknowledge(1, {0: 2})
    async with mail.process() as (_, releaser, context):
        place = await mail.world.place(0)
        record = await mail.world.read(place)
        for _ in range(3):
            releaser.notice(place, record, context)
    looks, ends = 3, 2
    assert asked == looks + ends
    asked = 0
    await mail.read(0)
    assert asked == 2, "in another process: the head, which is kept, and the first one that is not"


async def test_a_walk_that_fails_fails_nobody_and_is_made_up_for(mail: Mail) -> None:
    sent = [await mail.send(0, b"%d" % n) for n in range(1, 4)]
    await mail.acknowledge(1, {0: 3})
    release, left = mail.world.twin.release, 1

    async def breaking(request: dht.Release, context: CallContext) -> dht.ReleaseReply:
        nonlocal left
        left -= request.end
        if left < 0:
            raise ScoutError(ErrorCode.BUS_UNAVAILABLE, "gone")
        return await release(request, context)

    mail.world.twin.release = breaking  # type: ignore[method-assign]
    await mail.read(0)
    assert [mail.kept(one) for one in sent] == [False, True, True]
    left = 99
    await mail.read(0)
    assert not any(map(mail.kept, sent))


async def test_what_was_received_and_is_gone_is_no_gap_to_its_receiver(mail: Mail) -> None:
    sent = [await mail.send(0, b"%d" % n) for n in range(1, 5)]
    await mail.acknowledge(1, {0: 3})
    for node in mail.world.twin.nodes:
        del node.immutable[sent[1].target]
    read = await mail.read(1)
    assert [message.number for message in read.messages] == [3, 4]
    assert read.gaps == ()
    assert [(gap.first, gap.last) for gap in (await mail.read(2)).gaps] == [(1, 2)]


async def test_a_list_that_begins_anew_is_not_taken_for_received(mail: Mail) -> None:
    for n in range(3):
        await mail.send(0, b"%d" % n)
    await mail.acknowledge(1, {0: 3})
    mail.world.clock.advance(1)
    await mail.world.sync(await mail.world.place(), remove={members.mailbox_id(0)})
    anew = await mail.send(0, b"after a month")
    assert anew.number == 4
    await mail.read(0)
    assert mail.kept(anew)
    read = await mail.read(1, Query(after=3))
    assert [(message.number, message.body) for message in read.messages] == [(4, b"after a month")]
    assert read.gaps == ()
