"""Traffic of every kind, at a whole cluster: what works, what is refused, and what strangers send."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from nacl.signing import SigningKey

import scout
from scout import Client, Link
from scout.answers import CreatedLink
from scout.transport import Call
from services.dht_node.service import DhtService
from shared.clock import SystemClock
from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.format import bep44
from tests.support.cluster import Cluster

CALL_WITHIN = 15.0
"""Seconds for a call with all its attempts: in a fault it may fail, and the traffic goes on."""
PAUSE = 0.5
KEEP = 3600
UNKNOWN_HASH = "0" * 40
MADE_UP_HANDLE = base64.urlsafe_b64encode(b"\x01\x02" + bytes(90)).decode().rstrip("=")
SEED_SIZE = 32
RUBBISH = bep44.bencode_string(b"no record")
FAILURES = (scout.ScoutApiError, scout.Unreachable)

BAD_REQUESTS = (
    ("POST", "/v1/keys", b'{"secret": "not hex"}'),
    ("POST", "/v1/items", b"not JSON"),
    ("GET", "/v1/devices", None),
    ("PATCH", "/v1/record", None),
    ("GET", "/no/such/path", None),
)
GOOD_REQUEST = ("POST", "/v1/items", b'{"value": "aGVsbG8"}')
STRANGE_DATAGRAMS = (
    b"",
    b"not bencode",
    b"i1e",
    b"d1:y1:q1:t2:aae",
    b"d1:rd2:id20:aaaaaaaaaaaaaaaaaaaae1:t4:bbbb1:y1:re",
    b"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q7:no_such1:t2:aa1:y1:qe",
    b"x" * 3000,
)

Kind = Callable[[], Awaitable[None]]
"""One round of one kind of traffic."""


@dataclass(frozen=True)
class Traffic:
    """Everything there is to ask for, through every API in turn, and what strangers do to the DHT nodes."""

    cluster: Cluster
    strangers: Sequence[DhtService]
    api_key: str
    reading_key: str
    """Good for reading only."""
    spent_key: str
    """With next to no budget."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """For the length of the block, which begins when each kind has been through once."""
        stop = asyncio.Event()
        urls = itertools.cycle(self.cluster.api_urls)
        async with Client(next(urls), api_key=self.api_key, timeout=CALL_WITHIN) as client:
            pair = await _new_pair(client)
            kinds: list[Kind] = [
                lambda: _write_together(pair),
                lambda: self._as_users(next(urls)),
                lambda: self._as_strangers(next(urls)),
            ]
            for kind in kinds:
                await kind()
            async with asyncio.TaskGroup() as tasks:
                for kind in kinds:
                    tasks.create_task(_again_and_again(kind, stop))
                yield
                stop.set()

    async def _as_users(self, url: str) -> None:
        async with Client(url, api_key=self.api_key, timeout=CALL_WITHIN) as client:
            await _keep_company(*await _new_pair(client))
            await _look_around(client, self.cluster)
            await self._meet_rubbish(client)
            with contextlib.suppress(scout.ScoutApiError):
                await client.link(MADE_UP_HANDLE).devices()

    async def _meet_rubbish(self, client: Client) -> None:
        """Somebody who holds the secret of a link writes what is no record."""
        secret = os.urandom(SEED_SIZE)
        key = SigningKey(secret)  # scout1 signs with the shared secret as the seed
        signature = key.sign(bep44.signable_bytes(RUBBISH, 1)).signature
        version = dht.PutMutable(public_key=bytes(key.verify_key), seq=1, value=RUBBISH, signature=signature)
        await self.strangers[0].put_mutable(version, _context())
        body = {"secret": secret.hex(), "member": 0, "format": "scout1"}
        created = await client.transport.fetch(Call("POST", "/v1/links", body), CreatedLink)
        await client.link(created.link).record()

    async def _as_strangers(self, url: str) -> None:
        await self._misbehave(url)
        _disturb(self.cluster)
        await self._announce()

    async def _misbehave(self, url: str) -> None:
        """What is refused: bad requests with a good key, and good ones with a bad key, or none."""
        attempts = [(*bad, f"Bearer {self.api_key}") for bad in BAD_REQUESTS]
        given = [f"Bearer {self.reading_key}", f"Bearer {self.spent_key}", "Bearer guessed", "Basic Og=="]
        attempts += [(*GOOD_REQUEST, key) for key in given]
        async with aiohttp.ClientSession() as http:
            for method, path, body, key in attempts:
                with contextlib.suppress(aiohttp.ClientError):
                    headers = {"Authorization": key, "Content-Type": "application/json"}
                    async with http.request(method, url + path, data=body, headers=headers) as answer:
                        await answer.read()

    async def _announce(self) -> None:
        """Strangers look for a torrent, and say that they have it."""
        for stranger in self.strangers:
            await stranger.announce_peer(dht.AnnouncePeer(info_hash=os.urandom(20), port=6881), _context())


def _context() -> CallContext:
    return CallContext(deadline_ms=SystemClock().utc_ms() + round(CALL_WITHIN * 1000))


async def _again_and_again(kind: Kind, stop: asyncio.Event) -> None:
    """Whatever becomes of it: there are faults about."""
    while not stop.is_set():
        with contextlib.suppress(*FAILURES):
            await kind()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PAUSE)


async def _new_pair(client: Client) -> tuple[Link, Link]:
    """The two ends of a link."""
    mine, theirs = await client.create_key(), await client.create_key()
    return await client.create_link(mine, theirs.public_key), await client.create_link(theirs, mine.public_key)


async def _keep_company(here: Link, there: Link) -> None:
    """Devices and messages."""
    await here.announce(1, ["198.51.100.4:443"], name="phone", keep=KEEP)
    await there.devices()
    await there.record()
    await here.send(b"see you at eight", keep=KEEP)
    await there.messages()
    await here.remove_device(1)
    await _be_told(here, there)


async def _be_told(here: Link, there: Link) -> None:
    """One watches while the other one writes."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CALL_WITHIN), contextlib.aclosing(there.watch()) as events:
            await anext(events)
            await here.send(b"look", keep=KEEP)
            async for event in events:
                if isinstance(event, scout.MessageArrived):
                    return


async def _write_together(pair: tuple[Link, Link]) -> None:
    """One record, written by several at once."""
    await asyncio.gather(*(link.sync({entry: b"here"}, keep=KEEP) for entry, link in enumerate(pair * 2, start=2)))


async def _look_around(client: Client, cluster: Cluster) -> None:
    """Items, and the DHT itself."""
    stored = await client.put_item(os.urandom(20), keep=KEEP)
    await client.get_item(stored.hash)
    with contextlib.suppress(scout.ScoutApiError):
        await client.get_item(UNKNOWN_HASH)
    await client.dht_status()
    await client.dht_ping(str(cluster.bootstrap[0]))
    await client.dht_lookup(os.urandom(20))


def _disturb(cluster: Cluster) -> None:
    """What arrives at any open UDP port of the internet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for node in cluster.of("dht_node"):
            host, port = node.environment["SCOUT_DHT_LISTEN"].split(":")
            for datagram in STRANGE_DATAGRAMS:
                stranger.sendto(datagram, (host, int(port)))
