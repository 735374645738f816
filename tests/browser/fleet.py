"""The console around a cluster: what is on the page, and what the processes' own /metrics say at the same moment."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
from playwright.sync_api import Page
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.support.cluster import ServiceProcess
from tests.support.cluster_thread import ClusterThread

ITEMS = 12
HEALTHY_WITHIN = 20.0
POLL_S = 0.1


def eventually(happened: Callable[[], bool], description: str, timeout_s: float) -> float:
    """Wait until `happened`; the seconds that it took."""
    began = time.monotonic()  # noqa: TID251  # how long a real page takes
    while not happened():
        taken = time.monotonic() - began  # noqa: TID251  # the same
        assert taken < timeout_s, f"waited {timeout_s} s in vain until {description}"
        time.sleep(POLL_S)
    return time.monotonic() - began  # noqa: TID251  # the same


def healthy(page: Page) -> bool:
    """Whether the page says that the fleet is healthy."""
    return page.locator(".health[data-healthy=true]").count() == 1


def figure(page: Page, where: str, name: str) -> str:
    """The text of one figure in the part of the page that `where` selects."""
    return page.locator(f"{where} [data-figure={name}] >> nth=0").inner_text()


def number(text: str) -> float:
    """The number that a text begins with: `1,234 items`, `≈ 24`."""
    found = re.search(r"[0-9][0-9,]*(\.[0-9]+)?", text)
    assert found, text
    return float(found.group().replace(",", ""))


@dataclass(frozen=True, slots=True)
class Metrics:
    """One scrape of one process."""

    samples: list[Sample]

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels."""
        fitting = [one for one in self.samples if one.name == name and labels.items() <= one.labels.items()]
        assert fitting, f"no sample of {name}"
        return sum(one.value for one in fitting)


async def scrape(process: ServiceProcess) -> Metrics:
    """What a process shows at /metrics."""
    async with aiohttp.ClientSession() as http, http.get(f"http://{process.ops}/metrics") as answer:
        families = text_string_to_metric_families(await answer.text())
        return Metrics([sample for family in families for sample in family.samples])


def metrics(thread: ClusterThread, process: ServiceProcess) -> Metrics:
    """The same, from outside of the cluster's loop."""
    return thread.run(scrape(process))


def card_of(process: ServiceProcess) -> str:
    """Selects the card of a DHT node process."""
    assert process.process is not None
    return f"article.card[data-instance*='#{process.process.pid}#']"


async def put_items(url: str, headers: dict[str, str] | None = None) -> None:
    """Some traffic of every kind: handles, records, items."""
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.post(f"{url}/v1/links", json={"secret": "ab" * 32}) as answer:
            link = (await answer.json())["link"]
        async with http.put(f"{url}/v1/devices/1", json={"name": "n"}, headers={"Scout-Link": link}) as answer:
            assert answer.status == 200
        for one in range(ITEMS):
            async with http.post(f"{url}/v1/items", json={"value": f"{one:04d}"}) as answer:
                assert answer.status == 200
