"""Debian's redis-server as processes: with TLS and access lists, watched by Sentinels, or as a Cluster."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from shared.clock import SystemClock
from tests.support.ports import free_port
from tests.support.redis_bus import Users

START_WITHIN = 10.0
HOST = "127.0.0.1"
MASTER = "scout"
"""What the Sentinels call the master."""

DURABLE = ("appendonly yes", "appendfsync always")


@dataclass
class RedisProcess:
    """One server (or Sentinel), its directory and what it is configured with."""

    directory: Path
    lines: Sequence[str] = DURABLE
    port: int = field(default_factory=free_port)
    client_options: dict[str, Any] = field(default_factory=dict)
    """How the test itself connects."""
    sentinel: bool = False
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it with its configuration, as it stands in its directory after the first time, and wait for it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        config = self.directory / "redis.conf"
        if not config.exists():
            tls = any(line.startswith("tls-port") for line in self.lines)
            usual = [f"bind {HOST}", "port 0" if tls else f"port {self.port}", f"dir {self.directory}", "daemonize no"]
            config.write_text("\n".join([*usual, *self.lines, ""]), encoding="utf-8")
        program = shutil.which("redis-server")
        assert program, "expected redis-server 7.0 or later: apt-get install redis-server"
        with (self.directory / "log").open("ab") as log:
            arguments = [program, str(config), *(["--sentinel"] if self.sentinel else [])]
            self.process = subprocess.Popen(arguments, stdout=log, stderr=log)
        with self.client() as client:
            retry(client.ping)

    def client(self) -> redis.Redis:
        """A connection of the test's own."""
        options = {"socket_timeout": START_WITHIN, **self.client_options}
        client = redis.Redis(host=HOST, port=self.port, **options)
        client.response_callbacks.clear()
        return client

    def ask(self, *command: bytes | str | int) -> Any:
        """One command of the test's own, its reply as bytes."""
        with self.client() as client:
            return client.execute_command(*command)

    def kill(self) -> None:
        """`kill -9`."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{HOST}:{self.port}"


def refused(*servers: RedisProcess) -> list[str]:
    """What their ACL LOGs hold: who was refused what. Empty where the product only does what its users may."""
    entries = [
        dict(zip(entry[::2], entry[1::2], strict=True)) for server in servers for entry in server.ask("ACL", "LOG")
    ]
    return [f"{e[b'username'].decode()}: {e[b'object'].decode()} ({e[b'reason'].decode()})" for e in entries]


def retry(attempt: Any) -> Any:
    """Call until it succeeds, for as long as a server may take to start."""
    clock = SystemClock()
    end = clock.monotonic() + START_WITHIN
    while True:
        try:
            return attempt()
        except (redis.RedisError, AssertionError):
            if clock.monotonic() > end:
                raise
            time.sleep(0.02)


@contextmanager
def running(*servers: RedisProcess) -> Iterator[None]:
    """Start them in this order; they are killed at the end."""
    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.kill)
            server.start()
        yield


@dataclass
class Watched:
    """A master, its replica, and three Sentinels."""

    servers: list[RedisProcess]
    sentinels: list[RedisProcess]

    @property
    def url(self) -> str:
        """As the services are told."""
        return f"redis+sentinel://{','.join(sentinel.address for sentinel in self.sentinels)}/{MASTER}"

    def master(self) -> RedisProcess:
        """Who is master now, as the first Sentinel says."""
        _, port = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)
        return next(server for server in self.servers if server.port == int(port))

    def settled(self, before: RedisProcess) -> bool:
        """Whether another than `before` is master, and knows it; and who was, if it lives, follows it."""
        after = self.master()
        if after is before or after.ask("ROLE")[0] != b"master":
            return False
        return not before.alive or b"master_link_status:up" in before.ask("INFO", "replication")

    def failover(self) -> None:
        """Ask a Sentinel to make the replica master."""
        self.sentinels[0].ask("SENTINEL", "FAILOVER", MASTER)


@contextmanager
def watched(directory: Path, users: Users) -> Iterator[Watched]:
    """A master and a replica on which the Sentinels agree; all of them know the users of the example."""
    options = dict(users.admin)
    master = RedisProcess(directory / "one", _guarded(users), client_options=options)
    replica = RedisProcess(
        directory / "two", (*_guarded(users), f"replicaof {HOST} {master.port}"), client_options=options
    )
    lines = (
        f"sentinel monitor {MASTER} {HOST} {master.port} 2",
        f"sentinel auth-user {MASTER} scout-sentinel",
        f"sentinel auth-pass {MASTER} {users.password('scout-sentinel')}",
        f"sentinel down-after-milliseconds {MASTER} 1000",
        f"sentinel failover-timeout {MASTER} 4000",
    )
    sentinels = [RedisProcess(directory / f"sentinel-{number}", lines, sentinel=True) for number in range(3)]
    with running(master, replica, *sentinels):

        def agreed() -> None:
            assert b"master_link_status:up" in replica.ask("INFO", "replication")
            for sentinel in sentinels:
                assert b"slaves=1,sentinels=3" in sentinel.ask("INFO", "sentinel")

        retry(agreed)
        yield Watched([master, replica], sentinels)


@dataclass
class SmallCluster:
    """Three masters, who may each have a replica."""

    masters: list[RedisProcess]
    replicas: list[RedisProcess]

    @property
    def url(self) -> str:
        """As the services are told; one of the masters stands for all."""
        return f"redis+cluster://{self.masters[0].address},{self.masters[1].address}"

    def move_slot(self, slot: int, *, pause: Any = None) -> None:
        """Hand a slot from its owner to the next master, keys and all; `pause` is called while it is on its way."""
        ids = {master.port: master.ask("CLUSTER", "MYID").decode() for master in self.masters}
        source = next(m for m in self.masters if _owns(m, slot))
        target = self.masters[(self.masters.index(source) + 1) % len(self.masters)]
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source.port])
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target.port])
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 10):
            source.ask("MIGRATE", HOST, target.port, "", 0, 5000, *_login(target), "KEYS", *keys)
            if pause is not None:
                pause()
        for master in (target, source, *self.masters):
            master.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[target.port])


def _login(server: RedisProcess) -> tuple[str, ...]:
    options = server.client_options
    return ("AUTH2", options["username"], options["password"]) if options else ()


def _owns(master: RedisProcess, slot: int) -> bool:
    mine = master.ask("CLUSTER", "MYID")
    return any(first <= slot <= last and node[2] == mine for first, last, node, *_ in master.ask("CLUSTER", "SLOTS"))


def _guarded(users: Users) -> tuple[str, ...]:
    """Lines of a server that knows the users, and of a replica that logs in as one."""
    password = users.password("scout-replica")
    return (*DURABLE, f"aclfile {users.acl_file}", "masteruser scout-replica", f"masterauth {password}")


@contextmanager
def small_cluster(directory: Path, *, replicas: bool = False, users: Users | None = None) -> Iterator[SmallCluster]:
    """Three masters that share the slots, on request with a replica each, or with the users of the example."""
    known, options = (_guarded(users), users.admin) if users else (DURABLE, {})
    lines = (*known, "cluster-enabled yes", "cluster-node-timeout 1500", "cluster-config-file nodes.conf")
    # the bus port of a node is its port plus 10000
    nodes = [
        RedisProcess(directory / f"node-{number}", lines, _port_below(50_000), dict(options))
        for number in range(6 if replicas else 3)
    ]
    with running(*nodes):
        masters = nodes[:3]
        bounds = [0, 5461, 10923, 16384]
        for number, master in enumerate(masters):
            master.ask("CLUSTER", "ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
            master.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in nodes[1:]:
            node.ask("CLUSTER", "MEET", HOST, masters[0].port)

        def formed() -> None:
            for node in nodes:
                assert b"cluster_state:ok" in node.ask("CLUSTER", "INFO")
                assert f"cluster_known_nodes:{len(nodes)}".encode() in node.ask("CLUSTER", "INFO")

        retry(formed)
        for master, replica in zip(masters, nodes[3:], strict=False):
            replica.ask("CLUSTER", "REPLICATE", master.ask("CLUSTER", "MYID"))

        def replicated() -> None:
            for replica in nodes[3:]:
                assert b"master_link_status:up" in replica.ask("INFO", "replication")

        retry(replicated)
        yield SmallCluster(masters, nodes[3:])


def _port_below(limit: int) -> int:
    while (port := free_port()) >= limit:
        pass
    return port
