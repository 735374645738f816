"""200 concurrent syncs on a running cluster, and the check that none which was answered with success is lost."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.support.cluster import Cluster

RECORDS = 20
WRITERS = 10
"""Each record is written by so many callers at once: 200 in all."""
CALL_WITHIN = 30.0
"""Seconds; longer than the server's own deadline, so that silence would be seen."""

DISTURB_AFTER = 20
"""Answers: the traffic is under way, and most of it still to come."""
OK = 200
GONE = 0


@dataclass(frozen=True)
class Answer:
    """How one call ended: the status and the document, or status 0 when the process was gone."""

    record: int
    entry: int
    status: int
    document: dict[str, Any]


async def make_links(http: aiohttp.ClientSession, url: str) -> list[str]:
    links = []
    for _ in range(RECORDS):
        async with http.post(f"{url}/v1/keys", json={}) as answer:
            mine = await answer.json()
        async with http.post(f"{url}/v1/keys", json={}) as answer:
            theirs = await answer.json()
        pair = {"key": mine["key"], "peer": theirs["public_key"], "format": "scout1"}
        async with http.post(f"{url}/v1/links", json=pair) as answer:
            assert answer.status in (OK, 201), await answer.text()
            links.append((await answer.json())["link"])
    return links


def value_of(entry: int) -> str:
    return base64.urlsafe_b64encode(b"written by %d" % entry).decode().rstrip("=")


async def sync(http: aiohttp.ClientSession, url: str, link: str, record: int, entry: int) -> Answer:
    body = {"entries": [{"id": entry, "value": value_of(entry)}]}
    try:
        async with http.post(f"{url}/v1/sync", json=body, headers={"Scout-Link": link}) as answer:
            return Answer(record, entry, answer.status, await answer.json(content_type=None))
    except aiohttp.ClientError as error:
        return Answer(record, entry, GONE, {"code": type(error).__name__})


class Traffic:
    """200 syncs in flight together, spread over both APIs, each adding an entry of its own."""

    def __init__(self, cluster: Cluster, links: list[str], http: aiohttp.ClientSession) -> None:
        self.answers: list[Answer] = []
        self.under_way = asyncio.Event()
        self._cluster = cluster
        self._links = links
        self._http = http

    async def run(self) -> None:
        async with asyncio.TaskGroup() as calls:
            for writer in range(WRITERS):
                for record in range(RECORDS):
                    calls.create_task(self._one(writer, record))

    async def _one(self, writer: int, record: int) -> None:
        url = self._cluster.api_urls[writer % len(self._cluster.api_urls)]
        self.answers.append(await sync(self._http, url, self._links[record], record, 1 + writer))
        if len(self.answers) >= DISTURB_AFTER:
            self.under_way.set()


async def entries_read(http: aiohttp.ClientSession, url: str, link: str) -> set[int]:
    async with http.get(f"{url}/v1/record", headers={"Scout-Link": link}) as answer:
        document = await answer.json()
        assert answer.status in (OK, 404), document
    return {entry["id"] for entry in document.get("entries", ()) if entry["value"] == value_of(entry["id"])}


async def check_nothing_lost(http: aiohttp.ClientSession, url: str, links: list[str], answers: list[Answer]) -> None:
    for record, link in enumerate(links):
        promised = {answer.entry for answer in answers if answer.record == record and answer.status == OK}
        assert promised <= await entries_read(http, url, link)


async def disturbed(
    cluster: Cluster, http: aiohttp.ClientSession, disturb: Callable[[], Awaitable[None]]
) -> list[Answer]:
    """The traffic, with `disturb` in the middle of it; what was promised is checked through the second API."""
    links = await make_links(http, cluster.api_urls[0])
    traffic = Traffic(cluster, links, http)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(traffic.run())
        await traffic.under_way.wait()
        assert len(traffic.answers) < RECORDS * WRITERS, "the disturbance would come too late"
        await disturb()
    await check_nothing_lost(http, cluster.api_urls[1], links, traffic.answers)
    return traffic.answers


async def lose_nothing(cluster: Cluster, http: aiohttp.ClientSession) -> None:
    """Undisturbed, every sync succeeds, and every entry is there."""
    links = await make_links(http, cluster.api_urls[0])
    traffic = Traffic(cluster, links, http)
    await traffic.run()
    assert [answer for answer in traffic.answers if answer.status != OK] == []
    for link in links:
        assert await entries_read(http, cluster.api_urls[0], link) == set(range(1, WRITERS + 1))


def patient_client() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=CALL_WITHIN), connector=aiohttp.TCPConnector(limit=0)
    )
