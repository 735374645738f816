"""The overlay `local` as processes: its settings, its secrets, its Redis, its five DHT nodes that know nobody else.

What a cluster adds is taken away: names become addresses, and the mounted directory another one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

import scout
from shared.settings import Endpoint
from tests.k8s.manifests import API, CRYPTO, DHT_NODE, Manifests
from tests.k8s.redis_server import answers, redis_of_the_base
from tests.k8s.settings_checks import MOUNT, environment, write_secrets
from tests.support.cluster import START_WITHIN, ServiceProcess
from tests.support.ports import free_port
from tests.support.waiting import wait_until

KEY = "scout_local-development-only-this-is-not-a-secret"
"""As docs/operations.md has it."""
DHT_PORT = 6881
MODULES = {API: "api", CRYPTO: "crypto", DHT_NODE: "dht_node"}


class Pods:
    """Processes with the environment of the overlay's pods."""

    def __init__(self, manifests: Manifests, directory: Path, redis_port: int) -> None:
        self._manifests = manifests
        self._directory = directory
        self._names = {"scout-redis:6379": f"127.0.0.1:{redis_port}"}
        self._names |= {f"{DHT_NODE}-{n}.{DHT_NODE}": dht_address(n) for n in range(self.dht_nodes)}
        self.api = Endpoint("127.0.0.1", free_port())

    @property
    def dht_nodes(self) -> int:
        """How many the overlay wants."""
        return int(self._manifests.workload(DHT_NODE).spec["replicas"])

    def pod(self, name: str, number: int = 0) -> ServiceProcess:
        """One pod's process."""
        home = self._directory / f"{name}-{number}"
        home.mkdir()
        workload = self._manifests.workload(name)
        write_secrets(self._manifests, workload, home)
        environ = environment(self._manifests, workload)
        for there, here in {**self._names, "/var/lib/scout": str(home), MOUNT: str(home)}.items():
            environ = {key: value.replace(there, here) for key, value in environ.items()}
        ops = Endpoint("127.0.0.1", free_port())
        environ["SCOUT_OPS_LISTEN"] = str(ops)
        if name == API:
            environ["SCOUT_API_LISTEN"] = str(self.api)
        if name == DHT_NODE:
            environ["SCOUT_DHT_LISTEN"] = f"{dht_address(number)}:{DHT_PORT}"
        environ["PATH"] = os.defpath
        return ServiceProcess(MODULES[name], environ, ops, home / "log")


def dht_address(number: int) -> str:
    """Of a pod's own."""
    return f"127.83.{number + 1}.1"


@asynccontextmanager
async def running(pods: list[ServiceProcess]) -> AsyncIterator[None]:
    """Start all at once, as Kubernetes does, and wait until all are ready."""
    async with AsyncExitStack() as stack, aiohttp.ClientSession() as http:
        for pod in pods:
            await pod.start()
            stack.push_async_callback(pod.stop)
        for pod in pods:
            await wait_until(
                lambda pod=pod: pod.ready(http),  # type: ignore[misc]  # bound now, not later
                f"{pod.name} is ready (log: {pod.log_path})",
                timeout_s=START_WITHIN,
            )
        yield


@pytest.mark.timeout(180)
@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.0/8 is all there on Linux alone")
async def test_the_local_overlay_does_the_main_job(rendered: Callable[[str], Manifests], tmp_path: Path) -> None:
    manifests = rendered("local")
    with redis_of_the_base(manifests, tmp_path) as port:
        await wait_until(lambda: answers(port, "probe"), "Redis answers")
        pods = Pods(manifests, tmp_path, port)
        nodes = [pods.pod(DHT_NODE, number) for number in range(pods.dht_nodes)]
        async with (
            running([*nodes, pods.pod(CRYPTO), pods.pod(API)]),
            scout.Client(f"http://{pods.api}", api_key=KEY) as client,
            scout.Client(f"http://{pods.api}") as stranger,
        ):
            ours, theirs = await client.create_key(), await client.create_key()
            link = await client.create_link(ours, peer=theirs.public_key)
            await link.announce(1, ["198.51.100.4:443"], name="phone")
            assert [device.name for device in await link.devices()] == ["phone"]
            with pytest.raises(scout.ScoutApiError):
                await stranger.create_key()
