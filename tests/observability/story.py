"""What Prometheus is to see: two of each service, traffic, a dead letter, a bus that goes, a DHT node that dies."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Mapping
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import scout
from services.standalone.swarm import entry_points, open_swarm
from shared.api_key_file import block
from shared.api_keys import ApiKey, Scope, digest_of, new_token
from shared.bus import streams
from shared.clock import SystemClock
from tests.observability.files import PROMETHEUS, RULES
from tests.observability.traffic import CALL_WITHIN, Traffic
from tests.support.cluster import Cluster, ServiceProcess, running_cluster
from tests.support.prometheus import Prometheus, running_prometheus, with_targets
from tests.support.waiting import wait_until

SWARM = 8
COPIES = 2
PROCESSES = 3 * COPIES
DHT_SETTINGS = {"SCOUT_DHT_KEEP_INTERVAL": "1"}
SEEN_WITHIN = 30.0
CANARY_WITHIN = 100.0
"""Its first round comes a minute after joining, and up to a fifth later."""
LOOK_AGAIN = 0.25
FOR = "2s"
"""How long an alert must last here before it fires."""
LOOKUPS = 48
"""At random targets: every partition of the DHT's requests gets some."""
STUCK_MS = 2_000
"""Idle so long, a request is in the hands of a process that renews nothing."""
JOBS: Mapping[str, str] = {"api": "scout-api", "crypto": "scout-crypto", "dht_node": "scout-dht-node"}


@dataclass(frozen=True)
class Observed:
    """A Prometheus that has seen it all, and when that was (seconds since the epoch)."""

    prometheus: Prometheus
    start: float
    end: float


@dataclass(frozen=True)
class _Keys:
    """A file of API keys, and the keys."""

    path: Path
    all: str
    """For everything."""
    reading: str

    @classmethod
    def drawn(cls, path: Path) -> Self:
        """New ones, in a new file."""
        keys = {"all": frozenset(Scope), "reading": frozenset({Scope.READ})}
        tokens = {name: new_token(os.urandom).reveal().decode() for name in keys}
        path.write_text(
            "".join(
                block(ApiKey(name=name, tenant="default", scopes=scopes, digest=digest_of(tokens[name])))
                for name, scopes in keys.items()
            )
        )
        return cls(path, **tokens)


def observe(directory: Path, stack: ExitStack) -> Observed:
    """Live through it; Prometheus goes on running until `stack` is closed."""
    return asyncio.run(_observe(directory, stack))


async def _observe(directory: Path, stack: ExitStack) -> Observed:
    async with AsyncExitStack() as network:
        swarm = open_swarm(SWARM, "127.91", clock=SystemClock(), entropy=os.urandom)
        nodes = await network.enter_async_context(swarm)
        keys = _Keys.drawn(directory / "api-keys.toml")
        async with running_cluster(
            directory,
            entry_points(nodes),
            copies=COPIES,
            network="127.92",
            dht_settings=DHT_SETTINGS,
            api_settings={"SCOUT_API_KEYS_FILE": str(keys.path)},
        ) as cluster:
            prometheus = await asyncio.to_thread(stack.enter_context, _watching(directory, cluster))
            await _seen(prometheus, f"sum(up) == {PROCESSES}", "every process is scraped")
            start = _now()
            async with Traffic(cluster, nodes, keys.all, keys.reading).running():
                await _in_trouble(cluster, prometheus, keys)
            await _network_goes_away(cluster, prometheus, network, keys)
            return Observed(prometheus, start, _now())


async def _in_trouble(cluster: Cluster, prometheus: Prometheus, keys: _Keys) -> None:
    """One fault after the other, each over before the next."""
    await _dead_letter(cluster, prometheus)
    await _crypto_hangs(cluster, prometheus)
    await _bus_goes_away(cluster, prometheus)
    await _node_dies(cluster, prometheus, keys)
    await _key_file_is_spoilt(prometheus, keys)
    canary = 'count(scout_dht_canary_rounds_total{outcome="read_back"} > 0) == 2'
    await _seen(prometheus, canary, "the canary of each DHT node has come back", CANARY_WITHIN)
    over = 'absent(ALERTS{alertname=~"ScoutTargetDown|ScoutNotReady|ScoutBusDisconnected"})'
    await _seen(prometheus, over, "the alerts about what was wrong are over")


def _watching(directory: Path, cluster: Cluster) -> AbstractContextManager[Prometheus]:
    rules = directory / "rules"
    rules.mkdir()
    for path in RULES:
        at_our_pulse = re.sub(r"^    interval: .*$", "", path.read_text(), flags=re.MULTILINE)
        (rules / path.name).write_text(re.sub(r"for: \w+$", f"for: {FOR}", at_our_pulse, flags=re.MULTILINE))
    return running_prometheus(directory, with_targets(PROMETHEUS, rules, _targets(cluster)))


def _targets(cluster: Cluster) -> dict[str, list[str]]:
    return {job: [str(service.ops) for service in cluster.of(name)] for name, job in JOBS.items()}


async def _dead_letter(cluster: Cluster, prometheus: Prometheus) -> None:
    """Somebody writes rubbish to a request stream."""
    client = cluster.embedded.server.client()
    client.xadd(streams.requests(streams.shard("crypto")), {"rubbish": "rubbish"})
    client.close()
    await _seen(prometheus, "sum(scout_bus_dead_letters_total) > 0", "the dead letter is counted")


async def _crypto_hangs(cluster: Cluster, prometheus: Prometheus) -> None:
    """Until calls fail at their deadlines; what it answers afterwards comes too late."""
    for service in cluster.of("crypto"):
        _signal(service, signal.SIGSTOP)
    failed = 'sum(scout_api_sync_seconds_count{outcome="failed"}) > 0'
    await _seen(prometheus, failed, "syncs fail")
    for service in cluster.of("crypto"):
        _signal(service, signal.SIGCONT)
    await _seen(prometheus, "sum(scout_bus_late_replies_total) > 0", "replies come too late")


async def _bus_goes_away(cluster: Cluster, prometheus: Prometheus) -> None:
    cluster.embedded.stop()
    await _seen(prometheus, "max(scout_bus_connected) == 0", "every process misses the bus")
    await _seen(prometheus, _firing("ScoutBusDisconnected"), "that is an alert")
    cluster.embedded.start()
    await _seen(prometheus, f"sum(scout_bus_connected) == {PROCESSES}", "every process has the bus again")


async def _key_file_is_spoilt(prometheus: Prometheus, keys: _Keys) -> None:
    good = keys.path.read_text()
    keys.path.write_text("[[key]]\nname = 7\n")
    await _seen(prometheus, "max(scout_api_key_file_current) == 0", "the spoilt key file is noticed")
    keys.path.write_text(good)
    await _seen(prometheus, "min(scout_api_key_file_current) == 1", "the good one is taken up")


async def _node_dies(cluster: Cluster, prometheus: Prometheus, keys: _Keys) -> None:
    """A DHT node is stopped with requests in hand, then killed, and later started again."""
    dying, _living = cluster.of("dht_node")
    _signal(dying, signal.SIGSTOP)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_look_up(cluster, keys))
        await wait_until(lambda: _stuck(cluster), "requests are stuck in the node that does not answer", SEEN_WITHIN)
        dying.kill()
    await _seen(prometheus, "sum(scout_bus_redelivered_total) > 0", "the other node takes them over")
    await _seen(prometheus, _firing("ScoutTargetDown"), "that a node is gone is an alert")
    await _start_again(dying)
    await _seen(prometheus, f"sum(up) == {PROCESSES}", "it is back")


async def _network_goes_away(cluster: Cluster, prometheus: Prometheus, network: AsyncExitStack, keys: _Keys) -> None:
    """The swarm stops, and one of our two nodes: the other has nobody left, and what is kept alive falls due."""
    await network.aclose()
    gone, _left = cluster.of("dht_node")
    gone.kill()
    client = cluster.embedded.server.client()
    for target in client.zrange(streams.KEPT_DUE, 0, -1):
        client.zadd(streams.KEPT_DUE, {target: _now() * 1000 - 2 * streams.KEEP_OVERDUE_MS})
    client.close()
    await _seen(prometheus, "max(scout_dht_kept_overdue_items) > 0", "kept items are overdue")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_look_up(cluster, keys))
        failed = 'sum(scout_dht_lookup_seconds_count{outcome=~"unavailable|deadline_exceeded"}) > 0'
        await _seen(prometheus, failed, "lookups fail")
    await _seen(prometheus, _firing("ScoutDhtCutOff"), "that there is no network is an alert")
    await gone.process.wait()  # type: ignore[union-attr]  # it has been started


def _signal(service: ServiceProcess, number: signal.Signals) -> None:
    assert service.process is not None
    service.process.send_signal(number)


async def _start_again(service: ServiceProcess) -> None:
    assert service.process is not None
    await service.process.wait()
    await service.start()


async def _look_up(cluster: Cluster, keys: _Keys) -> None:
    async with scout.Client(cluster.api_urls[0], api_key=keys.all, timeout=CALL_WITHIN) as client:
        looking = (client.dht_lookup(os.urandom(20)) for _ in range(LOOKUPS))
        await asyncio.gather(*looking, return_exceptions=True)


def _stuck(cluster: Cluster) -> bool:
    client = cluster.embedded.server.client()
    try:
        return any(
            client.xpending_range(streams.requests(shard), "dht", "-", "+", 1, idle=STUCK_MS)
            for shard in streams.shards("dht")
        )
    finally:
        client.close()


def _firing(alert: str) -> str:
    return f'ALERTS{{alertname="{alert}", alertstate="firing"}} == 1'


async def _seen(prometheus: Prometheus, expr: str, description: str, within: float = SEEN_WITHIN) -> None:
    async def found() -> bool:
        await asyncio.sleep(LOOK_AGAIN)
        return await asyncio.to_thread(prometheus.value, expr) is not None

    await wait_until(found, f"{description}: {expr}", within)


def _now() -> float:
    return SystemClock().utc_ms() / 1000
