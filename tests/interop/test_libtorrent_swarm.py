"""Two clusters of ours meet over a DHT in which nobody but libtorrent stores anything."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.cluster import Cluster, running_cluster
from tests.support.libtorrent_peer import LibtorrentPeer, libtorrent_swarm

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def swarm() -> AsyncIterator[list[LibtorrentPeer]]:
    async with libtorrent_swarm([f"127.82.{number}.1" for number in range(1, 13)]) as peers:
        yield peers


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def call(http: aiohttp.ClientSession, method: str, url: str, body: Any = None, link: str = "") -> Any:
    headers = {"Scout-Link": link} if link else {}
    async with http.request(method, url, json=body, headers=headers) as answer:
        document = await answer.json()
        assert answer.status in (200, 201), document
        return document


async def make_link(http: aiohttp.ClientSession, cluster: Cluster, secret: str, member: int) -> str:
    """The same shared secret as each cluster's own handle: they have no master key in common."""
    body = {"secret": secret, "member": member, "format": "scout1"}
    link: str = (await call(http, "POST", f"{cluster.api_urls[0]}/v1/links", body))["link"]
    return link


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


async def test_two_clusters_sync_and_write_to_each_other_over_libtorrent_alone(
    tmp_path: Path, swarm: list[LibtorrentPeer], http: aiohttp.ClientSession
) -> None:
    read_only = {"SCOUT_DHT_MODE": "read-only"}  # BEP 43: our own nodes store nothing
    bootstrap = [swarm[0].endpoint, swarm[1].endpoint]
    async with (
        running_cluster(tmp_path / "a", bootstrap, copies=1, network="127.83", dht_settings=read_only) as cluster_a,
        running_cluster(tmp_path / "b", bootstrap, copies=1, network="127.84", dht_settings=read_only) as cluster_b,
    ):
        a, b = cluster_a.api_urls[0], cluster_b.api_urls[0]
        secret = "5e" * 32
        link_a = await make_link(http, cluster_a, secret, 0)
        link_b = await make_link(http, cluster_b, secret, 1)

        first = await call(http, "POST", f"{a}/v1/sync", {"entries": [{"id": 1, "value": b64(b"of a")}]}, link_a)
        assert first["storing"]["stored"] >= 3
        second = await call(http, "POST", f"{b}/v1/sync", {"entries": [{"id": 2, "value": b64(b"of b")}]}, link_b)
        assert [(entry["id"], entry["value"]) for entry in second["entries"]] == [(1, b64(b"of a")), (2, b64(b"of b"))]
        assert second["seq"] > first["seq"]
        record = await call(http, "GET", f"{a}/v1/record", link=link_a)
        assert [entry["id"] for entry in record["entries"]] == [1, 2]

        for text in (b"first", b"second"):
            await call(http, "POST", f"{b}/v1/messages", {"body": b64(text)}, link_b)
        inbox = await call(http, "GET", f"{a}/v1/messages", link=link_a)
        assert [message["body"] for message in inbox["messages"]] == [b64(b"first"), b64(b"second")]
