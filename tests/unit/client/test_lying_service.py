"""A service in the hands of an attacker, and a client that keeps its keys: what the one can make the other believe."""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

import scout
from scout.answers import Record
from shared.format import bep44, items, keys
from shared.http import listening
from shared.settings import Endpoint

STORING = {"asked": 8, "answered": 8, "stored": 8, "rejected": {}, "timed_out": 0}
LOOKUP = {"asked": 8, "answered": 8, "timed_out": 0, "elapsed_ms": 1.0}

Version = dict[str, Any]
Lie = Callable[[list[Version]], list[Version]]


def honest(versions: list[Version]) -> list[Version]:
    """The newest."""
    return versions[-1:]


@dataclass
class Service:
    """Keeps everything that it was ever given, and shows what it likes."""

    url: str = ""
    lie: Lie = honest
    history: dict[str, list[Version]] = field(default_factory=dict)
    """Public key -> its versions, as they came."""
    items: dict[str, bytes] = field(default_factory=dict)
    shown: bytes | None = None
    """What is under every hash, whatever was put there."""

    async def get_version(self, request: web.Request) -> web.Response:
        history = self.history.get(request.match_info["key"])
        versions = self.lie(history) if history else []
        return web.json_response({"versions": versions, "lookup": LOOKUP, "rollback_suspected": False})

    async def put_version(self, request: web.Request) -> web.Response:
        key, body = request.match_info["key"], await request.json()
        self.history.setdefault(key, []).append({"v": body["v"], "seq": body["seq"], "sig": body["sig"], "holders": 8})
        return web.json_response({"target": "00" * 20, "storing": STORING, "kept_until": None, "keep_error": None})

    async def get_item(self, request: web.Request) -> web.Response:
        value = self.items[request.match_info["hash"]] if self.shown is None else self.shown
        return web.json_response({"value": b64(value)})

    async def put_item(self, request: web.Request) -> web.Response:
        value = unb64((await request.json())["value"])
        name = bep44.immutable_target(items.value_of(value)).hex()
        self.items[name] = value
        return web.json_response({"hash": name, "storing": STORING, "kept_until": None, "keep_error": None})

    async def ahead(self, _request: web.Request) -> web.Response:
        return web.json_response({"kept_until": None, "keep_error": None})


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service, app = Service(), web.Application()
    app.router.add_get("/v1/mutable/{key}", service.get_version)
    app.router.add_put("/v1/mutable/{key}", service.put_version)
    app.router.add_post("/v1/ahead", service.ahead)
    app.router.add_get("/v1/items/{hash}", service.get_item)
    app.router.add_post("/v1/items", service.put_item)
    async with listening(web.AppRunner(app), Endpoint("127.0.0.1", 0)) as bound:
        service.url = f"http://{bound}"
        yield service


@dataclass(frozen=True)
class Pair:
    """Two devices of one group at this service."""

    ada: scout.LocalLink
    ben: scout.LocalLink

    async def seen_by_ben(self) -> tuple[list[int], bool, Record]:
        found = await self.ben.record()
        return [entry.id for entry in found.entries], found.rollback_suspected, found


@pytest.fixture
async def pair(service: Service) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        secret, links = os.urandom(32), []
        for member in range(2):
            client = await stack.enter_async_context(scout.BlindClient(service.url, timeout=5))
            links.append(await client.link_from_secret(secret, member))
        yield Pair(*links)


def forged(versions: list[Version]) -> list[Version]:
    """The service's own content, in the length of a true one."""
    value = items.value_of(b"\x02" + os.urandom(251))
    return [{**versions[-1], "v": b64(value), "seq": versions[-1]["seq"] + 1}]


def under_its_own_key(versions: list[Version]) -> list[Version]:
    """The same, well signed, by a key that is not the record's."""
    _public, signing = keys.signing_pair(os.urandom(32))
    value, seq = items.value_of(b"\x02" + os.urandom(251)), versions[-1]["seq"] + 1
    return [
        {"v": b64(value), "seq": seq, "sig": keys.sign(signing, bep44.signable_bytes(value, seq)).hex(), "holders": 8}
    ]


def newer_than_it_is(versions: list[Version]) -> list[Version]:
    """A true version under a higher seq."""
    return [{**versions[-1], "seq": versions[-1]["seq"] + 1}]


@pytest.mark.parametrize("lie", [forged, under_its_own_key, newer_than_it_is])
async def test_what_the_secrets_holders_did_not_sign_is_not_believed(service: Service, pair: Pair, lie: Lie) -> None:
    await pair.ada.sync({1: b"true"})
    service.lie = lie
    assert (await pair.ben.record()).entries == []


async def test_an_older_version_is_known_by_who_has_seen_the_newer(service: Service, pair: Pair) -> None:
    await pair.ada.sync({1: b"one"})
    await pair.ada.sync({2: b"two"})
    assert (await pair.seen_by_ben())[:2] == ([1, 2], False)
    service.lie = lambda versions: versions[:1]
    assert (await pair.seen_by_ben())[:2] == ([1], True)
    service.lie = honest
    assert (await pair.seen_by_ben())[:2] == ([1, 2], False)


async def test_what_one_has_written_oneself_is_remembered_too(service: Service, pair: Pair) -> None:
    await pair.ada.sync({1: b"one"})
    await pair.ada.sync({1: b"two"})
    service.lie = lambda versions: versions[:1]
    assert (await pair.ada.record()).rollback_suspected


async def test_another_item_under_the_hash_of_a_message_is_a_gap(service: Service, pair: Pair) -> None:
    await pair.ada.send(b"true")
    service.shown = b"\x02" + os.urandom(251)
    inbox = await pair.ben.messages()
    assert (inbox.messages, [gap.member for gap in inbox.gaps]) == ([], [0])
