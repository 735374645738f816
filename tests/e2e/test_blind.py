"""A client that trusts no server, beside one whose service does the cryptography: one record, one list of messages."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

import scout
from services.standalone.app import Stack
from shared.contracts.crypto import FormatName
from shared.format import keys
from tests.support.bus_watcher import watched_bus


@pytest.fixture
async def blind(stack: Stack) -> AsyncIterator[scout.BlindClient]:
    async with scout.BlindClient(stack.api_url) as client:
        yield client


async def couple(
    blind: scout.BlindClient, client: scout.Client, format_name: FormatName
) -> tuple[scout.LocalLink, scout.Link]:
    """Ada keeps her key to herself, Ben has the service keep his."""
    ada, ben = await blind.create_key(), await client.create_key()
    return (
        await blind.create_link(ada, ben.public_key, format=format_name),
        await client.create_link(ben, ada.public_key, format=format_name),
    )


@pytest.mark.parametrize("format_name", ["scout2", "scout1"])
async def test_both_share_one_record(blind: scout.BlindClient, client: scout.Client, format_name: FormatName) -> None:
    ada, ben = await couple(blind, client, format_name)
    assert {ada.member, ben.member} == {0, 1}
    announced = await ada.announce(1, ["198.51.100.4:443"], name="Ada")
    assert announced.storing.stored >= 1
    assert announced.kept_until is not None
    await ben.announce(2, name="Ben")
    assert (
        [device.name for device in await ada.devices()]
        == ["Ada", "Ben"]
        == [device.name for device in await ben.devices()]
    )
    mine, theirs = await ada.record(), await ben.record()
    assert (mine.entries, mine.seq, mine.etag) == (theirs.entries, theirs.seq, theirs.etag)


@pytest.mark.parametrize("format_name", ["scout2", "scout1"])
async def test_messages_go_both_ways(blind: scout.BlindClient, client: scout.Client, format_name: FormatName) -> None:
    ada, ben = await couple(blind, client, format_name)
    for number, body in enumerate((b"one", b"two", b"three"), start=1):
        assert (await ada.send(body)).number == number
    await ben.send(b"back")
    assert [bytes(message.body) for message in (await ben.messages()).messages] == [b"one", b"two", b"three"]
    (message,) = (await ada.messages()).messages
    assert (bytes(message.body), message.member, message.sealed) == (b"back", ben.member, True)
    newest = await ben.messages(limit=1)
    (more,) = newest.more
    assert [message.number for message in (await ben.messages(cursor=more.cursor)).messages] == [1, 2]


async def test_receipts_and_removals(blind: scout.BlindClient, client: scout.Client) -> None:
    ada, ben = await couple(blind, client, "scout2")
    await ben.announce(2, name="Ben", ttl=3600)
    (device,) = await ada.devices()
    assert device.expires is not None
    assert device.written is not None
    assert device.expires - device.written == timedelta(hours=1)
    assert (await ada.remove_device(2)).removal == "tombstone"
    assert (await ben.record()).removed == [2]
    await ben.send(b"hello")
    await ada.acknowledge({ben.member: 1})
    (receipt,) = (await ben.messages()).received
    assert (receipt.member, receipt.number) == (ada.member, 1)


async def test_writers_of_both_kinds_lose_nothing(blind: scout.BlindClient, client: scout.Client) -> None:
    ada, ben = await couple(blind, client, "scout2")
    mine = (ada.sync({n: b"%d" % n}) for n in range(0, 10, 2))
    theirs = (ben.sync({n: b"%d" % n}) for n in range(1, 10, 2))
    await asyncio.gather(*mine, *theirs)
    assert {entry.id: bytes(entry.value) for entry in (await ben.record()).entries} == {n: b"%d" % n for n in range(10)}


async def test_synchronize_runs_its_callbacks_here(blind: scout.BlindClient, client: scout.Client) -> None:
    ada, ben = await couple(blind, client, "scout2")
    await ben.sync({1: b"from ben"})
    news: list[int] = []

    def finalize(contents: dict[int, bytes]) -> None:
        contents[3] = contents[1] + b", and ada"

    merged = await ada.synchronize(
        {2: b"from ada"}, entry_updated=lambda entry: news.append(entry.id), finalize=finalize
    )
    assert news == [1]
    assert {entry.id: bytes(entry.value) for entry in merged} == {
        1: b"from ben",
        2: b"from ada",
        3: b"from ben, and ada",
    }
    assert [entry.id for entry in (await ben.record()).entries] == [1, 2, 3]


async def test_a_write_for_a_state_that_has_passed_is_refused(blind: scout.BlindClient, client: scout.Client) -> None:
    ada, ben = await couple(blind, client, "scout2")
    await ada.sync({1: b"one"})
    etag = (await ada.record()).etag
    await ben.sync({2: b"two"})
    with pytest.raises(scout.ScoutApiError) as caught:
        await ada.sync({1: b"late"}, if_match=etag)
    assert caught.value.code == "precondition_failed"


async def test_a_group_meets_by_its_words(blind: scout.BlindClient, client: scout.Client) -> None:
    ada = await blind.link_from_passphrase("correct horse", "family", 3)
    ben = await client.link_from_passphrase("correct horse", "family", 5)
    await ada.send(b"hello")
    (message,) = (await ben.messages()).messages
    assert (message.member, bytes(message.body)) == (3, b"hello")


async def test_bad_input_is_said_as_the_service_would(blind: scout.BlindClient) -> None:
    ada = await blind.link_from_secret(os.urandom(32), 0)
    for call, code in (
        (ada.sync({1: bytes(939)}), "record_full"),
        (ada.send(bytes(894)), "message_too_large"),
        (ada.send(b"plain", seal=False), "invalid_request"),
        (ada.announce(1, ["nowhere:443"]), "invalid_request"),
        (ada.announce(2**31), "invalid_request"),
        (ada.messages(cursor="nonsense"), "invalid_request"),
        (ada.acknowledge({0: 1}), "invalid_request"),
        (blind.create_link(await blind.create_key(), bytes(32)), "low_order_public_key"),
        (blind.link_from_secret(b"short", 0), "invalid_request"),
    ):
        with pytest.raises(scout.ScoutApiError) as caught:
            await call
        assert caught.value.code == code
    assert (await ada.record()).entries == []


async def test_what_the_service_passes_on_is_sealed(stack: Stack, blind: scout.BlindClient) -> None:
    secret, peer = os.urandom(32), keys.public_key(os.urandom(32))
    ada = await blind.create_link(await blind.import_key(secret), peer)
    with watched_bus(stack.redis_url) as feed:
        await ada.announce(1, ["198.51.100.4:443"], name="a name that nobody else has")
        await ada.send(b"a body that nobody else has")
        await ada.messages()
    for private in (secret, secret.hex().encode(), b"a name that nobody", b"a body that nobody"):
        assert private not in feed.content()
    assert b"dht.put_mutable@1" in feed.content()
    assert b'"XADD" "scout:{crypto' not in feed.content(), "nothing was asked of whoever could open it"
