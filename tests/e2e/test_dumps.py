"""The whole memory and disk of a cluster, taken away: whose secrets and contents are in it, and whose are not."""

from __future__ import annotations

import asyncio
import functools
import os
import secrets
import sys
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

import scout
from services.standalone.swarm import entry_points, open_swarm
from shared.clock import SystemClock
from shared.format import devices, keys
from shared.format.scout2 import epochs, link, roots
from shared.format.scout2.hashing import subkey
from shared.settings import Endpoint
from tests.support.bus_watcher import watched_bus
from tests.support.cluster import Cluster, running_cluster
from tests.support.dumps import files_under, memory_of, memory_of_each, pages_of, redis_dump
from tests.support.leaks import leaks

DAY = 86_400
GROUP = "friends"

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="the memory of other processes is read from /proc"),
]


@dataclass(frozen=True)
class Person:
    """What one user would rather keep to herself."""

    secret: bytes = field(default_factory=lambda: os.urandom(32))
    device: str = field(default_factory=lambda: f"telephone {secrets.token_hex(8)}")
    address: str = field(default_factory=lambda: f"[2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1]:443")
    data: bytes = field(default_factory=lambda: os.urandom(24))
    entry: bytes = field(default_factory=lambda: os.urandom(24))
    message: bytes = field(default_factory=lambda: b"a message: " + secrets.token_bytes(24))
    passphrase: str = field(default_factory=lambda: f"correct horse {secrets.token_hex(8)}")

    @property
    def public_key(self) -> bytes:
        return keys.public_key(self.secret)

    @property
    def contents(self) -> list[bytes]:
        compact = devices.address_from_text(self.address)
        return [self.device.encode(), self.address.encode(), compact, self.data, self.entry, self.message]

    async def use(self, shared: scout.LinkLike) -> None:
        """Do all that can be done with a link, reading what was written included."""
        await shared.announce(1, [self.address], name=self.device, data=self.data, keep=DAY)
        await shared.sync({2: self.entry})
        await shared.send(self.message, keep=DAY)
        assert [device.name for device in await shared.devices()] == [self.device, ""]
        assert len((await shared.record()).entries) == 3
        await shared.acknowledge({5: 1})
        async with aclosing(shared.watch()) as events:
            await anext(events)
            await shared.sync({2: self.entry})  # somebody watches: what was written is shown to all who do
            assert len((await shared.record("cached")).entries) == 3


def epoch_now(root: bytes) -> int:
    return epochs.epoch_at(epochs.phase(root), SystemClock().utc_ms() / 1000)


def derived(root: bytes) -> list[bytes]:
    """Everything secret that follows from a root secret, of today and of tomorrow."""
    now = epoch_now(root)
    labels = (b"scout2.sign", b"scout2.seal")
    of_days = [subkey(root, label, epoch) for label in labels for epoch in (now, now + 1)]
    return [root, subkey(root, b"scout2.mail", 0), *of_days]


@dataclass(frozen=True, repr=False)  # asyncio.run makes a repr of what it returns, and this is large
class Dump:
    """All that was in a cluster while, and after, two people used it who keep their keys, and two who do not.

    Beside it lies what a session of two others left in its directory.
    """

    blind: tuple[Person, Person]
    managed: tuple[Person, Person]
    session: tuple[Person, Person]
    handles: list[str]
    """Of the managed ones, whoever of them holds it."""
    memory: dict[str, bytes]
    """Of its processes, and of the server of its bus."""
    places: dict[str, bytes]
    """Redis by its keys, its feed and its files; logs at debug level, saved state, pages."""

    def without(self, *services: str) -> dict[str, bytes]:
        """All places but the memory of these services."""
        spared = tuple(f"the memory of {service}-" for service in services)
        return self.places | {name: content for name, content in self.memory.items() if not name.startswith(spared)}


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Dump:
    return asyncio.run(dumped(tmp_path_factory.mktemp("cluster")))


async def dumped(directory: Path) -> Dump:
    blind, managed, session = (Person(), Person()), (Person(), Person()), (Person(), Person())
    state = {"SCOUT_DHT_STATE_DIR": str(directory / "state"), "SCOUT_DHT_KEEP_INTERVAL": "1"}
    async with (
        open_swarm(4, "127.97", clock=SystemClock(), entropy=os.urandom) as nodes,
        running_cluster(
            directory, entry_points(nodes), copies=1, network="127.98", dht_settings=state, log_level="debug"
        ) as cluster,
    ):
        with watched_bus(cluster.embedded.server.connection_url) as feed:
            await use_blindly(cluster.api_urls[0], *blind)
            handles = await use_managed(cluster.api_urls[0], *managed)
            await use_in_a_session(entry_points(nodes), directory / "session", *session)
        memory = memory_of_each(cluster.services)
        memory["the memory of Redis"] = memory_of(cluster.embedded.pid)
        places = {"the feed of Redis": feed.content(), "Redis": keys_of(cluster), **await pages_of(cluster)}
    return Dump(blind, managed, session, handles, memory, places | files_under(directory))


async def use_blindly(url: str, ada: Person, ben: Person) -> None:
    async with scout.BlindClient(url) as client:
        await ada.use(await client.create_link(await client.import_key(ada.secret), ben.public_key))
        group = await client.link_from_passphrase(ben.passphrase, GROUP, 0)
        await group.announce(1, name=ben.device)


async def use_in_a_session(bootstrap: list[Endpoint], state: Path, ada: Person, ben: Person) -> None:
    nodes = [str(node) for node in bootstrap]
    async with scout.Session(bootstrap=nodes, listen="127.99.0.1:0", state=state) as client:
        await ada.use(await client.create_link(await client.import_key(ada.secret), ben.public_key))


async def use_managed(url: str, ada: Person, ben: Person) -> list[str]:
    """The handles of all that they made, with answers that the API remembers."""
    async with aiohttp.ClientSession(url) as http, scout.Client(url) as client:
        key = await made(http, "key", {"secret": ada.secret.hex()})
        pair = await made(http, "link", {"key": key, "peer": ben.public_key.hex()})
        await ada.use(client.link(pair))
        group = await made(http, "link", {"passphrase": ben.passphrase, "group": GROUP, "member": 0})
        await client.link(group).announce(1, name=ben.device)
        with pytest.raises(scout.ScoutApiError):
            await client.link(pair[:-1]).devices()
    return [key, pair, group]


async def made(http: aiohttp.ClientSession, what: str, wish: Mapping[str, str | int]) -> str:
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    async with http.post(f"/v1/{what}s", json=wish, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return str((await answer.json())[what])


def keys_of(cluster: Cluster) -> bytes:
    client = cluster.embedded.server.client()
    try:
        return redis_dump(client)
    finally:
        client.close()


@functools.cache  # the words are hashed slowly on purpose
def roots_of(ada: Person, ben: Person) -> tuple[bytes, bytes, bytes]:
    """The root that two share, the secret of the second one's group, and its root."""
    words = roots.group_secret_of(ben.passphrase.encode(), GROUP.encode())
    return roots.of_pair(ada.secret, ben.public_key)[0], words, roots.of_group(words)


def secrets_of(ada: Person, ben: Person) -> list[bytes]:
    """All that is secret about both of their links."""
    pair, words, group = roots_of(ada, ben)
    return [ada.secret, ben.passphrase.encode(), words, group, *derived(pair)]


def test_a_blind_users_secrets_and_contents_are_nowhere(dump: Dump) -> None:
    ada, ben = dump.blind
    assert leaks(dump.places | dump.memory, [*secrets_of(ada, ben), *ada.contents, ben.device.encode()]) == []


def test_a_managed_users_secrets_are_with_the_crypto_service_alone(dump: Dump) -> None:
    ada, ben = dump.managed
    pair, _words, group = roots_of(ada, ben)
    assert leaks(dump.without("crypto"), [*derived(pair), group]) == []
    # what they sent of it went through the API
    assert leaks(dump.without("crypto", "api"), secrets_of(ada, ben)) == []


def test_a_managed_users_contents_and_handles_are_not_in_redis_nor_with_the_dht_node(dump: Dump) -> None:
    ada, ben = dump.managed
    handles = [handle.encode() for handle in dump.handles]
    assert leaks(dump.without("crypto", "api"), [*ada.contents, ben.device.encode(), *handles]) == []


def test_a_sessions_directory_holds_neither_secrets_nor_contents(dump: Dump) -> None:
    ada, ben = dump.session
    pair, _words, _group = roots_of(ada, ben)
    files = {place: content for place, content in dump.places.items() if place.startswith("session/")}
    assert sum(map(len, files.values())) > 1000
    assert leaks(files, [ada.secret, *derived(pair), *ada.contents]) == []


def test_the_search_finds_what_is_there(dump: Dump) -> None:
    """Otherwise it would prove nothing: here is what the cluster does know of both."""
    managed, blind = roots_of(*dump.managed)[0], roots_of(*dump.blind)[0]
    assert {found.rpartition(" in ")[2] for found in leaks(dump.memory, [managed])} == {"the memory of crypto-1"}
    target = link.epoch_keys(blind, epoch_now(blind)).target
    places_with_it = {found.rpartition(" in ")[2] for found in leaks(dump.places | dump.memory, [target])}
    assert places_with_it >= {"the memory of dht_node-1", "Redis", "the feed of Redis"}
    assert any("appendonly" in place for place in places_with_it)
    assert dump.places["dht_node-1.log"]
