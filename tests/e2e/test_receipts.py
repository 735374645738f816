"""What a receiver acknowledges its sender keeps no longer, whoever does the sender's work."""

from __future__ import annotations

import aiohttp

import scout
from services.standalone.app import Stack
from shared.contracts.dht import Release
from shared.contracts.operation import CallContext
from tests.support.waiting import wait_until

MANAGED, BLIND, OWN = (bytes([number]) * 32 for number in (0x36, 0x37, 0x38))
WITHIN = 10.0
FAR = CallContext(deadline_ms=2**62)


async def kept(stack: Stack, target: bytes) -> bool:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{stack.api_url}/v1/items/{target.hex()}/keep") as answer,
    ):
        assert answer.status == 200
        return (await answer.json())["kept_until"] is not None


async def ends_with_the_receipt(stack: Stack, sender: scout.Link | scout.LocalLink, receiver: scout.Link) -> None:
    sent = [await sender.send(b"%d" % number) for number in range(3)]
    await receiver.acknowledge({sender.member: 2})
    await sender.messages()

    async def the_first_two_are_released() -> bool:
        return [await kept(stack, one.target) for one in sent] == [False, False, True]

    await wait_until(the_first_two_are_released, "messages that were received are kept no longer", WITHIN)
    read = await receiver.messages(after=2)
    assert [message.number for message in read.messages] == [3]


async def test_of_a_service(stack: Stack, client: scout.Client) -> None:
    sender, receiver = [await client.link_from_secret(MANAGED, member) for member in (0, 1)]
    await ends_with_the_receipt(stack, sender, receiver)


async def test_of_a_client_that_keeps_its_keys(stack: Stack, client: scout.Client) -> None:
    async with scout.BlindClient(stack.api_url) as blind:
        sender, receiver = await blind.link_from_secret(BLIND, 4), await client.link_from_secret(BLIND, 5)
        await ends_with_the_receipt(stack, sender, receiver)


async def test_of_a_session(stack: Stack, client: scout.Client) -> None:
    bootstrap = [str(node) for node in stack.swarm[:2]]
    receiver = await client.link_from_secret(OWN, 1)
    async with scout.Session(bootstrap=bootstrap, listen="127.59.0.1:0") as session:
        sender = await session.link_from_secret(OWN, 0)
        sent = [await sender.send(b"%d" % number) for number in range(3)]
        await receiver.acknowledge({0: 2})
        await sender.messages()

        async def the_first_two_are_released() -> bool:
            wishes = [await session._dht.release(Release(target=one.target, end=False), FAR) for one in sent]
            return [wish.until_ms > 0 for wish in wishes] == [False, False, True]

        await wait_until(the_first_two_are_released, "messages that were received are kept no longer", WITHIN)
