"""A peer in the caller's own process, beside one that a service serves and one whose service is blind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import scout
from services.standalone.app import Stack
from shared.contracts.crypto import FormatName
from tests.support.ports import free_udp_port


@pytest.fixture
async def session(stack: Stack) -> AsyncIterator[scout.Session]:
    bootstrap = [str(node) for node in stack.swarm[:2]]
    async with scout.Session(bootstrap=bootstrap, listen="127.83.0.1:0") as running:
        yield running


@pytest.mark.parametrize("format_name", ["scout2", "scout1"])
async def test_a_managed_a_blind_and_a_session_peer_share_one_record_and_its_messages(
    stack: Stack, client: scout.Client, session: scout.Session, format_name: FormatName
) -> None:
    secret = b"\x21" * 31 + format_name.encode()[-1:]
    async with scout.BlindClient(stack.api_url) as blind:
        managed = await client.link_from_secret(secret, 0, format=format_name)
        relayed = await blind.link_from_secret(secret, 1, format=format_name)
        own = await session.link_from_secret(secret, 2, format=format_name)
        links: tuple[scout.Link | scout.LocalLink, ...] = (managed, relayed, own)
        for number, link in enumerate(links):
            await link.announce(number, [f"198.51.100.{number + 1}:443"], name=f"device {number}")
            await link.send(b"from %d" % number)
        for number, link in enumerate(links):
            assert [device.name for device in await link.devices()] == ["device 0", "device 1", "device 2"]
            received = {message.member: bytes(message.body) for message in (await link.messages()).messages}
            assert received == {other: b"from %d" % other for other in range(3) if other != number}
        assert len({(await link.record()).etag for link in links}) == 1


async def test_items(session: scout.Session, client: scout.Client) -> None:
    stored = await session.put_item(b"for everybody")
    assert await client.get_item(stored.hash) == b"for everybody"
    assert await session.get_item(stored.hash.hex()) == b"for everybody"
    with pytest.raises(scout.ScoutApiError) as caught:
        await session.get_item(bytes(20))
    assert caught.value.code == "not_found"


async def test_without_a_network_calls_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scout.session.JOIN_WITHIN", 0.1)
    nobody = f"127.0.0.1:{free_udp_port('127.0.0.1')}"
    async with scout.Session(bootstrap=[nobody], listen="127.83.0.1:0", state=tmp_path, timeout=2) as alone:
        assert not alone.joined
        link = await alone.link_from_secret(bytes(32), 0)
        with pytest.raises(scout.ScoutApiError) as caught:
            await link.devices()
        assert caught.value.code == "dht_unavailable"
    assert (tmp_path / "dht.state").exists(), "it remembers itself"  # a test's own file


async def test_an_address_that_is_taken_is_said_in_words(session: scout.Session) -> None:
    with pytest.raises(scout.ClientError, match=r"expected a DHT node to start at 127\.83\.0\.1:\d+"):
        async with scout.Session(bootstrap=[], listen=str(session.endpoint)):
            pass


async def test_a_session_that_is_not_open_says_so() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await scout.Session(bootstrap=[]).put_item(b"x")
