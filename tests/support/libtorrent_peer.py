"""Real libtorrent sessions as DHT nodes, one to a loopback address."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import libtorrent as lt

from shared.settings import Endpoint
from tests.support.ports import free_udp_port

A = TypeVar("A")

ANSWER_WITHIN = 15.0
"""Seconds: libtorrent gives a silent node up after that; on loopback an answer takes milliseconds."""

BUCKET = 8
"""Nodes that every libtorrent finds room for, however the ids fall."""
LOOK_AGAIN = 0.1
"""Seconds between two looks at libtorrent's tables; it sends no alert when they change."""

SETTINGS: dict[str, Any] = {
    "enable_dht": True,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "dht_bootstrap_nodes": "",  # not the public ones
    # loopback addresses share every prefix and can't have BEP 42 ids
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_enforce_node_id": False,
    "dht_prefer_verified_node_ids": False,
    "dht_ignore_dark_internet": False,
    # the limits are for the public network; a test is its own flood
    "dht_upload_rate_limit": 1_000_000_000,
    "dht_block_ratelimit": 100_000_000,
}


class LibtorrentPeer:
    """One libtorrent session's DHT, with its alerts made awaitable."""

    def __init__(self, host: str, bootstrap: Endpoint | None = None) -> None:
        """Listen on `host`, at a free port; know nobody but `bootstrap`."""
        notify = lt.alert.category_t.dht_notification | lt.alert.category_t.dht_operation_notification
        self.endpoint = Endpoint(host, free_udp_port(host))
        settings: Any = {**SETTINGS, "listen_interfaces": str(self.endpoint), "alert_mask": notify}
        if bootstrap is not None:
            settings["dht_bootstrap_nodes"] = str(bootstrap)
        self._session = lt.session(settings)

    def meet(self, other: Endpoint) -> None:
        """Learn of a node; libtorrent asks it before it believes in it."""
        self._session.add_dht_node((other.host, other.port))

    async def nodes(self) -> int:
        """How many nodes its routing table holds."""
        self._session.post_session_stats()
        alert = await self._alert(lt.session_stats_alert)
        return int(alert.values["dht.dht_nodes"])

    async def put_immutable(self, content: bytes) -> bytes:
        """Store a byte string; its target."""
        target = self._session.dht_put_immutable_item(content)
        alert = await self._alert(lt.dht_put_alert)
        assert alert.num_success > 0
        return bytes.fromhex(str(target))

    async def get_immutable(self, target: bytes) -> bytes | None:
        """Find a byte string."""
        self._session.dht_get_immutable_item(lt.sha1_hash(target))
        alert = await self._alert(lt.dht_immutable_item_alert)
        return alert.item if isinstance(alert.item, bytes) else None

    async def put_mutable(self, seed: bytes, public_key: bytes, content: bytes, salt: bytes = b"") -> int:
        """Sign and store a byte string with the next seq; how many nodes acknowledged it."""
        self._session.dht_put_mutable_item(expanded_secret(seed), public_key, content, salt)
        alert = await self._alert(lt.dht_put_alert)
        return int(alert.num_success)

    async def get_mutable(self, public_key: bytes, salt: bytes = b"") -> tuple[bytes, int]:
        """The content and the seq that libtorrent settles on."""
        self._session.dht_get_mutable_item(public_key, salt)
        alert = await self._alert(lt.dht_mutable_item_alert, until=lambda alert: alert.authoritative)
        assert isinstance(alert.item, bytes)
        return alert.item, alert.seq

    async def get_peers(self, info_hash: bytes) -> list[tuple[str, int]]:
        """Peers that somebody announced."""
        self._session.dht_get_peers(lt.sha1_hash(info_hash))
        alert = await self._alert(lt.dht_get_peers_reply_alert, until=lambda alert: alert.num_peers() > 0)
        return [(str(host), int(port)) for host, port in alert.peers()]

    def announce(self, info_hash: bytes, port: int) -> None:
        """Announce `port` for an info-hash."""
        self._session.dht_announce(lt.sha1_hash(info_hash), port)

    def close(self) -> None:
        """Stop the session's DHT."""
        stopped: Any = {"enable_dht": False}
        self._session.apply_settings(stopped)
        self._session.pause()

    async def _alert(self, kind: type[A], until: Any = lambda _: True) -> A:
        async with asyncio.timeout(ANSWER_WITHIN):
            while True:
                for alert in self._session.pop_alerts():
                    if isinstance(alert, kind) and until(alert):
                        return alert
                await asyncio.to_thread(self._session.wait_for_alert, 100)


def expanded_secret(seed: bytes) -> bytes:
    """The 64-byte secret that libtorrent signs with: SHA-512 of the seed, clamped (RFC 8032, 5.1.5)."""
    expanded = bytearray(hashlib.sha512(seed).digest())
    expanded[0] &= 0b11111000
    expanded[31] = expanded[31] & 0b00111111 | 0b01000000
    return bytes(expanded)


@asynccontextmanager
async def libtorrent_swarm(hosts: Sequence[str]) -> AsyncIterator[list[LibtorrentPeer]]:
    """Sessions on `hosts` that know each other, or as many of each other as a bucket holds."""
    peers = [LibtorrentPeer(host) for host in hosts]
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            while min([await peer.nodes() for peer in peers]) < min(len(peers) - 1, BUCKET):
                # again each turn: libtorrent pings a node once, and that one may not listen yet
                _introduce(peers)
                await asyncio.sleep(LOOK_AGAIN)
        yield peers
    finally:
        for peer in peers:
            peer.close()


def _introduce(peers: Sequence[LibtorrentPeer]) -> None:
    for peer in peers:
        for other in peers:
            if other is not peer:
                peer.meet(other.endpoint)
