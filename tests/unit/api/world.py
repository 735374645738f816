"""The API as clients meet it: real HTTP on loopback, the in-memory bus behind it, real cryptography, a twin DHT."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from prometheus_client import CollectorRegistry

from services.api import meters
from services.api.answers import Problem
from services.api.app import open_service, serve_http
from services.api.keys import Keys
from services.api.routes import all_endpoints
from services.api.service import Guards, Limits, Service, Stores
from services.crypto import handlers as crypto_handlers
from services.crypto import meters as crypto_meters
from services.crypto.handles import MasterKey
from services.crypto.service import CryptoService
from shared.api_key_file import parse
from shared.api_keys import digest_of, new_token
from shared.bus.budgets import MemoryBudgets
from shared.bus.memory import MemoryBus, MemoryKeyValue
from shared.bus.memory_fleet import MemoryDeadLetters, MemoryFleet
from shared.bus.memory_sightings import MemorySightings
from shared.bus.meters import BusMeters
from shared.bus.ports import Budgets, Handler
from shared.clock import SystemClock
from shared.contracts import dht
from shared.contracts.operation import Operation
from shared.settings import Endpoint, Secret
from tests.support.twin_dht import TwinDht

BUS_KEY = Secret(b"\5" * 32)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Answer:
    """One answer, read."""

    status: int
    headers: Mapping[str, str]
    body: Any
    text: str

    @property
    def code(self) -> str:
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.body["status"] == self.status
        assert self.body["type"] == f"urn:scout:problem:{self.body['code']}"
        assert self.body["title"]
        assert self.body["detail"]
        return str(self.body["code"])


def check_documented(method: str, path: str, answer: Answer) -> None:
    """Whatever is refused is refused with a code of its endpoint, and with facts that are described."""
    if answer.status < 400:
        return
    assert set(answer.body) <= set(Problem.__struct_fields__), answer.text
    for endpoint in all_endpoints():
        if endpoint.method == method and re.fullmatch(re.sub(r"{\w+}", "[^{}/]+", endpoint.path), path):
            assert answer.code in endpoint.codes, (endpoint.name, answer.code)


@dataclass
class Api:
    """A client of the whole."""

    http: aiohttp.ClientSession
    url: str
    twin: TwinDht
    registry: CollectorRegistry
    service: Service
    memory: MemoryKeyValue
    fleet: MemoryFleet
    crypto: CryptoService

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        link: str | None = None,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        sent = dict(headers or {})
        if key is not None:
            sent["Authorization"] = f"Bearer {key}"
        if link is not None:
            sent["Scout-Link"] = link
        data = {"data": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        if isinstance(body, bytes):
            sent.setdefault("Content-Type", "application/json")
        async with self.http.request(method, self.url + path, headers=sent, **data) as response:
            text = await response.text()
            assert response.headers["X-Request-Id"]
            parsed = await response.json(content_type=None) if text else None
            answer = Answer(response.status, response.headers, parsed, text)
            check_documented(method, response.url.path, answer)
            return answer

    async def link(
        self, member: int = 0, secret: str = "ab" * 32, key: str | None = None, format_name: str = "scout1"
    ) -> str:
        body = {"secret": secret, "member": member, "format": format_name}
        made = await self.call("POST", "/v1/links", body, key=key)
        assert made.status == 200, made.text
        return str(made.body["link"])

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


def a_token(name: str) -> str:
    """The token of the key called `name`: the same in every test."""
    return new_token(lambda size: name.encode().ljust(size, b".")).reveal().decode()


def keys_of(text: str) -> Keys:
    """Keys from the lines of a file, in which `{name}` stands for the hash of `a_token(name)`."""
    return Keys(parse(re.sub(r"\{(\w+)\}", lambda found: digest_of(a_token(found[1])).hex(), text)))


@asynccontextmanager
async def an_api(
    *,
    loss: float = 0.0,
    limits: Limits | None = None,
    keys: Keys | None = None,
    budgets: Budgets | None = None,
    connections: int = 0,
    **guards_too: Any,
) -> AsyncIterator[Api]:
    clock, registry = SystemClock(), CollectorRegistry()
    guards_too["origins"] = frozenset(guards_too.get("origins", ()))
    guards = Guards(limits or Limits(), keys or Keys(), **guards_too)
    twin = TwinDht(loss=loss)
    crypto = CryptoService([MasterKey(1, Secret(b"\3" * 32))], random.Random(1).randbytes)
    bus = MemoryBus(clock, BusMeters.build(CollectorRegistry()))
    dht_handlers: dict[Operation[Any, Any], Handler] = {
        dht.GET_MUTABLE: twin.get_mutable,
        dht.PUT_MUTABLE: twin.put_mutable,
        dht.GET_IMMUTABLE: twin.get_immutable,
        dht.PUT_IMMUTABLE: twin.put_immutable,
        dht.KEEP: twin.keep,
        dht.RELEASE: twin.release,
    }
    memory, fleet = MemoryKeyValue(clock), MemoryFleet(clock)
    stores = Stores(
        memory, fleet, MemoryDeadLetters(bus, clock), budgets or MemoryBudgets(clock), MemorySightings(clock)
    )
    handlers = crypto_handlers.build(crypto, clock, crypto_meters.build(CollectorRegistry()))
    async with (
        bus.serve("crypto", handlers),
        bus.serve("dht", dht_handlers),
        open_service(bus.requester(), stores, BUS_KEY, clock, meters.build(registry), guards) as service,
        serve_http(service, Endpoint("127.0.0.1", 0)) as bound,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as http,
    ):
        yield Api(http, f"http://{bound}", twin, registry, service, memory, fleet, crypto)
