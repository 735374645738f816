"""The SDK against the whole stack."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta

import pytest

import scout
from services.standalone.app import Stack
from services.standalone.config import StandaloneConfig
from shared.format.members import mailbox_id
from shared.format.scout1 import messages
from tests.support.standalone import stack_in_a_thread


async def pair(client: scout.Client, format_name: str = "scout2") -> tuple[scout.Link, scout.Link]:
    mine, theirs = await client.create_key(), await client.create_key()
    return (
        await client.create_link(mine, theirs.public_key, format=format_name),
        await client.create_link(theirs, mine.public_key.hex(), format=format_name),
    )


async def test_two_find_each_other(client: scout.Client) -> None:
    ada, ben = await pair(client)
    assert {ada.member, ben.member} == {0, 1}
    written = await ada.announce(1, ["198.51.100.4:443", "[2001:db8::1]:443"], name="Ada", data=b"\x00\xff")
    assert written.storing.stored >= 1
    (device,) = await ben.devices()
    assert (device.id, device.name, bytes(device.data)) == (1, "Ada", b"\x00\xff")
    assert device.addresses == ["198.51.100.4:443", "[2001:db8::1]:443"]


async def test_a_link_is_taken_up_again_by_its_handle(client: scout.Client) -> None:
    ada, ben = await pair(client)
    await ada.announce(1, name="Ada")
    again = client.link(ben.handle, member=ben.member)
    assert [device.name for device in await again.devices()] == ["Ada"]


async def test_a_link_from_a_shared_secret_is_the_same_link(client: scout.Client) -> None:
    secret = os.urandom(32)
    first, second = await client.link_from_secret(secret, 0), await client.link_from_secret(secret, 1)
    await first.sync({5: b"five"})
    record = await second.record()
    assert [(entry.id, bytes(entry.value)) for entry in record.entries] == [(5, b"five")]
    assert [entry.id for entry in (await second.record(read="first")).entries] == [5]
    assert record.seq >= 1
    assert record.etag


async def test_a_device_is_removed(client: scout.Client) -> None:
    ada, ben = await pair(client)
    await ada.announce(1, name="Ada")
    await ben.announce(2, name="Ben")
    await ada.remove_device(1)
    assert [device.id for device in await ben.devices()] == [2]


async def test_messages_wait_in_order(client: scout.Client) -> None:
    ada, ben = await pair(client)
    bodies = [b"one", b"two", b"three"]
    sent = [await ada.send(body) for body in bodies]
    assert [message.number for message in sent] == [1, 2, 3]
    inbox = await ben.messages()
    assert [bytes(message.body) for message in inbox.messages] == bodies
    assert all(message.sealed for message in inbox.messages)
    assert [message.number for message in (await ben.messages(after=2)).messages] == [3]
    assert (await ada.messages()).messages == []


async def test_a_long_list_is_read_on_by_its_cursor(client: scout.Client) -> None:
    ada, ben = await pair(client)
    for number in range(1, 4):
        await ada.send(b"%d" % number)
    newest = await ben.messages(limit=2)
    assert [message.number for message in newest.messages] == [2, 3]
    (more,) = newest.more
    older = await ben.messages(cursor=more.cursor)
    assert [message.number for message in older.messages] == [1]
    assert older.more == []


async def test_an_original_clients_list_has_no_numbers(client: scout.Client) -> None:
    ada, ben = await pair(client, "scout1")
    first = await client.put_item(messages.frame(messages.EMPTY_HEAD, b"plain"))
    await ada.sync({mailbox_id(ada.member): first.hash})
    (message,) = (await ben.messages(after=7)).messages
    assert (message.number, bytes(message.body), message.sealed) == (None, b"plain", False)
    assert (await ada.send(b"behind it")).number is None
    await ada.sync({mailbox_id(ada.member): b"\1" * 20})
    (gap,) = (await ben.messages()).gaps
    assert (gap.first, gap.last) == (None, None)


async def test_an_unsealed_message_says_so(client: scout.Client) -> None:
    ada, ben = await pair(client, "scout1")
    await ada.send(b"in the open", seal=False)
    (message,) = (await ben.messages()).messages
    assert (bytes(message.body), message.sealed) == (b"in the open", False)


async def test_receipts_and_removals_are_seen_by_the_other_end(client: scout.Client) -> None:
    ada, ben = await pair(client)
    await ada.announce(1, name="Ada", ttl=3600)
    (device,) = await ben.devices()
    assert device.written is not None
    assert device.expires == device.written + timedelta(hours=1)
    await ada.send(b"hello")
    (message,) = (await ben.messages()).messages
    await ben.acknowledge({message.member: message.number or 0})
    (receipt,) = (await ada.messages()).received
    assert (receipt.member, receipt.number) == (ben.member, 1)
    assert (await ben.remove_device(1)).removal == "tombstone"
    assert (await ada.record()).removed == [1]


async def test_what_somebody_removed_does_not_come_back_by_a_copy_of_an_earlier_time(client: scout.Client) -> None:
    ada, ben = await pair(client)
    known = await ada.synchronize({1: b"one", 2: b"two"})
    await ben.sync(remove=[1])
    assert [entry.id for entry in await ada.synchronize(known)] == [2]


async def test_a_group_meets_by_its_words(client: scout.Client) -> None:
    ada, ben = [await client.link_from_passphrase("correct horse", "family", member) for member in (3, 5)]
    await ada.send(b"hello")
    (message,) = (await ben.messages()).messages
    assert (message.member, bytes(message.body)) == (3, b"hello")
    moved = client.link((await client.rewrap(ben.handle)).handle, member=ben.member)
    assert len((await moved.messages()).messages) == 1


async def test_counting_together_loses_no_count(client: scout.Client) -> None:
    secret = os.urandom(32)
    links = [await client.link_from_secret(secret, member) for member in range(4)]

    def count(contents: dict[int, bytes]) -> None:
        contents[7] = b"%d" % (int(contents.get(7, b"0")) + 1)

    async with asyncio.TaskGroup() as tasks:
        for link in links:
            tasks.create_task(link.synchronize({}, finalize=count))
    record = await links[0].record()
    assert {entry.id: bytes(entry.value) for entry in record.entries} == {7: b"4"}


async def test_a_stale_if_match_is_refused(client: scout.Client) -> None:
    ada, ben = await pair(client)
    await ada.sync({1: b"a"})
    stale = (await ada.record()).etag
    await ben.sync({2: b"b"})
    with pytest.raises(scout.ScoutApiError) as caught:
        await ada.sync({1: b"c"}, if_match=stale)
    assert (caught.value.code, caught.value.status) == ("precondition_failed", 412)


async def test_items_are_found_by_their_hash(client: scout.Client) -> None:
    stored = await client.put_item(b"\x00 anything \xff")
    assert await client.get_item(stored.hash) == b"\x00 anything \xff"
    with pytest.raises(scout.ScoutApiError, match="not_found"):
        await client.get_item("ab" * 20)


async def test_bad_input_says_what_was_expected_and_stores_nothing(client: scout.Client) -> None:
    ada, _ben = await pair(client)
    for call, code in (
        (ada.sync({1: bytes(939)}), "record_full"),
        (ada.sync({id_: bytes(255) for id_ in range(4)}), "record_full"),
        (ada.send(bytes(894)), "message_too_large"),
        (ada.send(b"plain", seal=False), "invalid_request"),
        (client.put_item(bytes(997)), "item_too_large"),
        (client.create_link("nonsense", "01" * 32), "bad_handle"),
        (client.link("nonsense").devices(), "bad_handle"),
        (client.create_link(await client.create_key(), "00" * 32), "low_order_public_key"),
        (client.create_link(await client.create_key(), "xyz"), "invalid_request"),
    ):
        with pytest.raises(scout.ScoutApiError) as caught:
            await call
        assert caught.value.code == code
    assert (await ada.record()).entries == []


async def test_users_of_two_services_on_one_dht_share_a_record(stack: Stack, client: scout.Client) -> None:
    secret = os.urandom(32)
    with stack_in_a_thread(StandaloneConfig(bootstrap=stack.swarm[:2], swarm_network="127.84")) as elsewhere:
        async with scout.Client(elsewhere.api_url) as there:
            ben = await there.link_from_secret(secret, 1)
            ada = await client.link_from_secret(secret, 0)
            await ada.announce(1, name="Ada")
            await ben.announce(2, name="Ben")
            await ben.send(b"from the other service")
            assert [device.name for device in await ada.devices()] == ["Ada", "Ben"]
            (message,) = (await ada.messages()).messages
            assert bytes(message.body) == b"from the other service"
            with pytest.raises(scout.ScoutApiError, match="bad_handle"):
                await client.link(ben.handle).devices()


async def test_writes_are_kept_alive_for_as_long_as_is_asked(client: scout.Client) -> None:
    ada, _ = await pair(client)
    now = datetime.now(UTC)  # noqa: TID251  # what the user's clock says
    day = timedelta(days=1)
    for written in (await ada.announce(1, name="Ada"), await ada.send(b"hello"), await client.put_item(b"kept")):
        assert written.kept_until is not None
        assert abs(written.kept_until - now - day) < timedelta(minutes=1)
        assert written.keep_error is None
    longer = await ada.sync({5: b"five"}, keep=7 * 86_400)
    assert longer.kept_until is not None
    assert abs(longer.kept_until - now - 7 * day) < timedelta(minutes=1)
    # a removal asks for nothing, and does not end the lease that there is
    assert (await ada.remove_device(1)).kept_until == longer.kept_until
    assert (await client.put_item(b"not kept", keep=0)).kept_until is None
