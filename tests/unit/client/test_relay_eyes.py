"""A blind client's eyes: one stream for each item, over a service whose answers the test decides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

import scout
from scout.blind.watching import RelayEyes, relay_eyes
from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format import bep44, keys
from shared.http import listening
from shared.json_bytes import to_base64url
from shared.settings import Endpoint
from shared.usecases.sighting import ITEMS_HELD

VALUE = b"5:value"
CONTEXT = CallContext(deadline_ms=0)
SIGNERS = [keys.signing_pair(bytes([number]) * 32) for number in range(ITEMS_HELD + 2)]
QUICK = scout.RetryPolicy(attempts=2, first_delay=0.01, longest_delay=0.01)


def asked(signer: int) -> dht.GetMutable:
    return dht.GetMutable(public_key=SIGNERS[signer][0])


def told(signer: int) -> bytes:
    """Two versions, of which the key has signed the second."""
    v, sig = to_base64url(VALUE), keys.sign(SIGNERS[signer][1], bep44.signable_bytes(VALUE, 1)).hex()
    versions = ",".join(f'{{"v":"{v}","seq":{seq},"sig":"{sig}","holders":8}}' for seq in (2, 1))
    return f'event: versions\nid: 0\ndata: {{"versions":[{versions}],"lookup":null}}\n\n'.encode()


@dataclass
class Relay:
    """Tells of each item, again and again; of those that are `away` it says 503."""

    away: set[int] = field(default_factory=set)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        names = [public_key.hex() for public_key, _ in SIGNERS]
        signer = names.index(request.match_info["public_key"])
        if signer in self.away:
            return web.json_response({"code": "overloaded", "detail": "no room"}, status=503)
        return web.Response(body=told(signer), headers={"Content-Type": "text/event-stream"})


@asynccontextmanager
async def watching(relay: Relay) -> AsyncIterator[RelayEyes]:
    app = web.Application()
    app.router.add_get("/v1/mutable/{public_key}/events", relay.answer)
    async with (
        listening(web.AppRunner(app), Endpoint("127.0.0.1", 0)) as bound,
        scout.Client(f"http://{bound}", retry=QUICK) as client,
        relay_eyes(client.transport) as eyes,
    ):
        yield eyes


async def test_what_the_key_has_not_signed_is_not_believed() -> None:
    async with watching(Relay()) as eyes:
        found = await eyes.get_mutable(asked(0), CONTEXT)
    assert [(version.seq, version.value) for version in found.versions] == [(1, VALUE)]


async def test_more_items_than_it_has_eyes_for_take_turns() -> None:
    async with watching(Relay()) as eyes:
        for _ in range(2):
            for signer in range(ITEMS_HELD + 2):
                assert (await eyes.get_mutable(asked(signer), CONTEXT)).versions


async def test_a_relay_that_refuses_from_the_start_is_an_error() -> None:
    async with watching(Relay(away={0})) as eyes:
        with pytest.raises(scout.ScoutApiError) as caught:
            await eyes.get_mutable(asked(0), CONTEXT)
    assert caught.value.code == "overloaded"


async def test_one_that_has_told_of_something_before_will_be_back() -> None:
    relay = Relay(away={1})
    async with watching(relay) as eyes:
        await eyes.get_mutable(asked(0), CONTEXT)
        with pytest.raises(ScoutError) as caught:
            await eyes.get_mutable(asked(1), CONTEXT)
        assert caught.value.code is ErrorCode.BUS_UNAVAILABLE
        relay.away.clear()
        assert (await eyes.get_mutable(asked(1), CONTEXT)).versions
