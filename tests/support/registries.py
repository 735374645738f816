"""The metrics of real services: each run in this process by its own composition root, on a real bus, and scraped."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from services.api import app as api
from services.api.settings import read as read_api
from services.crypto import app as crypto
from services.crypto.settings import read as read_crypto
from services.dht_node import app as dht_node
from services.dht_node.settings import read as read_dht_node
from shared.settings import Endpoint
from tests.support.cluster import BUS_KEY, MASTER_KEYS
from tests.support.ipv6 import HAS_IPV6, LOOPBACK6
from tests.support.ports import free_port, free_udp_port
from tests.support.waiting import wait_until


@dataclass
class ScrapedMetric:
    """One metric as a scrape shows it."""

    type: str
    labels: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Label -> the values that were seen."""


Scrape = dict[str, ScrapedMetric]
"""By name, counters with their `_total`; what has no series yet is not there."""


def parse(text: str) -> Scrape:
    """The metrics in Prometheus's text format."""
    found: Scrape = {}
    for family in text_string_to_metric_families(text):
        if not family.samples:
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        metric = found.setdefault(name, ScrapedMetric(family.type))
        for sample in family.samples:
            for label, value in sample.labels.items():
                if label != "le":
                    metric.labels[label].add(value)
    return found


@asynccontextmanager
async def _serving(read: Any, serve: Any, settings: Mapping[str, str]) -> AsyncIterator[Endpoint]:
    """A service in this process, until the block ends; yields its ops endpoint."""
    ops, stop = Endpoint("127.0.0.1", free_port()), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(read({**settings, "SCOUT_OPS_LISTEN": str(ops)}), stop))
        try:
            yield ops
        finally:
            stop.set()


async def scrapes(redis_url: str) -> dict[str, Scrape]:
    """What each service shows when it has just started, by the service's name."""
    bus = {"SCOUT_REDIS_URL": redis_url}
    host = "127.61.0.1"
    dht = {**bus, "SCOUT_DHT_LISTEN": f"{host}:{free_udp_port(host)}", "SCOUT_DHT_LAB": "true"}
    if HAS_IPV6:
        dht["SCOUT_DHT_LISTEN6"] = str(Endpoint(LOOPBACK6, free_udp_port(LOOPBACK6)))
    sealed = {**bus, "SCOUT_BUS_KEY": BUS_KEY}
    listen = {"SCOUT_API_LISTEN": f"127.0.0.1:{free_port()}"}
    async with (
        _serving(read_dht_node, dht_node.serve, dht) as dht_ops,
        _serving(read_crypto, crypto.serve, {**sealed, "SCOUT_MASTER_KEYS": MASTER_KEYS}) as crypto_ops,
        _serving(read_api, api.serve, {**sealed, **listen}) as api_ops,
        aiohttp.ClientSession() as http,
    ):
        return {
            name: parse(await _metrics(http, ops))
            for name, ops in (("dht_node", dht_ops), ("crypto", crypto_ops), ("api", api_ops))
        }


async def _metrics(http: aiohttp.ClientSession, ops: Endpoint) -> str:
    async def answered() -> bool:
        try:
            async with http.get(f"http://{ops}/livez") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    await wait_until(answered, f"{ops} answers")
    async with http.get(f"http://{ops}/metrics") as answer:
        return await answer.text()
