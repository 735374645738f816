"""What Prometheus is to see: two of each service, traffic, a dead letter, a bus that goes, a DHT node that dies."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Mapping
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import scout
from services.standalone.swarm import entry_points, open_swarm
from shared.api_key_file import block
from shared.api_keys import ApiKey, Budget, Scope, digest_of, new_token
from shared.bus import streams
from shared.clock import SystemClock
from tests.observability.files import PROMETHEUS, RULES
from tests.observability.traffic import CALL_WITHIN, Traffic
from tests.support.cluster import Cluster, running_cluster
from tests.support.prometheus import Prometheus, running_prometheus, with_targets
from tests.support.waiting import wait_until

SWARM = 8
COPIES = 2
PROCESSES = 3 * COPIES
DHT_SETTINGS = {"SCOUT_DHT_KEEP_INTERVAL": "1"}
SEEN_WITHIN = 45.0
CANARY_WITHIN = 100.0
"""Its first round comes a minute after joining, and up to a fifth later."""
LOOK_AGAIN = 0.25
FOR = "2s"
"""How long an alert must last here before it fires."""
LOOKUPS = 48
"""At random targets: every partition of the DHT's requests gets some."""
DAWDLE = 4.0
"""Seconds: syncs are to take 3 at the most, and fail after 10."""
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
    spent: str
    """For everything, with next to no budget."""

    @classmethod
    def drawn(cls, path: Path) -> Self:
        """New ones, in a new file."""
        every, reading, none = frozenset(Scope), frozenset({Scope.READ}), Budget(0.001, 1)
        keys = {"all": (every, None), "reading": (reading, None), "spent": (every, none)}
        tokens = {name: new_token(os.urandom).reveal().decode() for name in keys}
        path.write_text(
            "".join(
                block(ApiKey(name, "default", scopes, digest_of(tokens[name]), budget=budget))
                for name, (scopes, budget) in keys.items()
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
            story = _Story(cluster, prometheus, keys)
            await story.sees(f"sum(up) == {PROCESSES}", "every process is scraped")
            start = _now()
            async with Traffic(cluster, nodes, keys.all, keys.reading, keys.spent).running():
                await story.one_fault_after_the_other()
            await story.network_goes_away(network)
            return Observed(prometheus, start, _now())


def _watching(directory: Path, cluster: Cluster) -> AbstractContextManager[Prometheus]:
    """A Prometheus for this cluster, with our rules at a pulse that fits."""
    rules = directory / "rules"
    rules.mkdir()
    for path in RULES:
        at_our_pulse = re.sub(r"^    interval: .*$", "", path.read_text(), flags=re.MULTILINE)
        (rules / path.name).write_text(re.sub(r"for: \w+$", f"for: {FOR}", at_our_pulse, flags=re.MULTILINE))
    targets = {job: [str(service.ops) for service in cluster.of(name)] for name, job in JOBS.items()}
    return running_prometheus(directory, with_targets(PROMETHEUS, rules, targets))


@dataclass(frozen=True)
class _Story:
    """What is done to a cluster; each step ends when Prometheus has seen it."""

    cluster: Cluster
    prometheus: Prometheus
    keys: _Keys

    async def one_fault_after_the_other(self) -> None:
        """Each is over before the next."""
        await self._dead_letter()
        await self._crypto_dawdles()
        await self._crypto_hangs()
        await self._bus_goes_away()
        await self._node_dies()
        await self._key_file_is_spoilt()
        canary = 'count(scout_dht_canary_rounds_total{outcome="read_back"} > 0) == 2'
        await self.sees(canary, "the canary of each DHT node has come back", CANARY_WITHIN)
        over = 'absent(ALERTS{alertname=~"ScoutTargetDown|ScoutNotReady|ScoutBusDisconnected"})'
        await self.sees(over, "the alerts about what was wrong are over")

    async def network_goes_away(self, network: AsyncExitStack) -> None:
        """The swarm stops, and one of our two nodes: the other has nobody left, and what is kept alive falls due."""
        await network.aclose()
        gone, _left = self.cluster.of("dht_node")
        gone.kill()
        with closing(self.cluster.embedded.server.client()) as redis:
            for target in redis.zrange(streams.KEPT_DUE, 0, -1):
                redis.zadd(streams.KEPT_DUE, {target: _now() * 1000 - 2 * streams.KEEP_OVERDUE_MS})
        await self.sees("max(scout_dht_kept_overdue_items) > 0", "kept items are overdue")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_up())
            failed = 'sum(scout_dht_lookup_seconds_count{outcome=~"unavailable|deadline_exceeded"}) > 0'
            await self.sees(failed, "lookups fail")
        await self.sees(_firing("ScoutDhtCutOff"), "that there is no network is an alert")
        await gone.wait()

    async def sees(self, expr: str, description: str, within: float = SEEN_WITHIN) -> None:
        """Wait until `expr` has a result."""

        async def found() -> bool:
            await asyncio.sleep(LOOK_AGAIN)
            return await asyncio.to_thread(self.prometheus.value, expr) is not None

        await wait_until(found, f"{description}: {expr}", within)

    async def _dead_letter(self) -> None:
        """Somebody writes rubbish to a request stream."""
        with closing(self.cluster.embedded.server.client()) as redis:
            redis.xadd(streams.requests(streams.shard("crypto")), {"rubbish": "rubbish"})
        await self.sees("sum(scout_bus_dead_letters_total) > 0", "the dead letter is counted")

    async def _crypto_dawdles(self) -> None:
        """Long enough for a sync to count as slow, not long enough to fail."""
        async with scout.Client(self.cluster.api_urls[0], api_key=self.keys.all, timeout=CALL_WITHIN) as client:
            mine, theirs = await client.create_key(), await client.create_key()
            link = await client.create_link(mine, theirs.public_key)
            for service in self.cluster.of("crypto"):
                service.send_signal(signal.SIGSTOP)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(link.sync({1: b"late"}))
                await asyncio.sleep(DAWDLE)
                for service in self.cluster.of("crypto"):
                    service.send_signal(signal.SIGCONT)
        await self.sees("max(namespace:scout_sync_slow:ratio_rate5m) > 0", "a sync was slow")

    async def _crypto_hangs(self) -> None:
        """Until calls fail at their deadlines; what it answers afterwards comes too late."""
        for service in self.cluster.of("crypto"):
            service.send_signal(signal.SIGSTOP)
        silent = 'sum(scout_bus_unanswered_total{group="crypto", reason="deadline_exceeded"}) > 0'
        await self.sees(silent, "requests get no answer")
        await self.sees('sum(scout_api_sync_seconds_count{outcome="failed"}) > 0', "syncs fail")
        for service in self.cluster.of("crypto"):
            service.send_signal(signal.SIGCONT)
        await self.sees("sum(scout_bus_late_replies_total) > 0", "replies come too late")

    async def _bus_goes_away(self) -> None:
        self.cluster.embedded.stop()
        await self.sees("max(scout_bus_connected) == 0", "every process misses the bus")
        await self.sees(_firing("ScoutBusDisconnected"), "that is an alert")
        self.cluster.embedded.start()
        await self.sees(f"sum(scout_bus_connected) == {PROCESSES}", "every process has the bus again")

    async def _node_dies(self) -> None:
        """A DHT node is stopped with requests in hand, then killed, and later started again."""
        dying, _living = self.cluster.of("dht_node")
        dying.send_signal(signal.SIGSTOP)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_up())
            await wait_until(self._stuck, "requests are stuck in the node that does not answer", SEEN_WITHIN)
            dying.kill()
        await self.sees("sum(scout_bus_redelivered_total) > 0", "the other node takes them over")
        await self.sees(_firing("ScoutTargetDown"), "that a node is gone is an alert")
        await dying.wait()
        await dying.start()
        await self.sees(f"sum(up) == {PROCESSES}", "it is back")

    async def _key_file_is_spoilt(self) -> None:
        good = self.keys.path.read_text()
        self.keys.path.write_text("[[key]]\nname = 7\n")
        await self.sees(_firing("ScoutKeyFileRefused"), "the spoilt key file is an alert")
        self.keys.path.write_text(good)
        await self.sees("min(scout_api_key_file_current) == 1", "the good one is taken up")

    async def _look_up(self) -> None:
        async with scout.Client(self.cluster.api_urls[0], api_key=self.keys.all, timeout=CALL_WITHIN) as client:
            looking = (client.dht_lookup(os.urandom(20)) for _ in range(LOOKUPS))
            await asyncio.gather(*looking, return_exceptions=True)

    def _stuck(self) -> bool:
        with closing(self.cluster.embedded.server.client()) as redis:
            return any(
                redis.xpending_range(streams.requests(shard), "dht", "-", "+", 1, idle=STUCK_MS)
                for shard in streams.shards("dht")
            )


def _firing(alert: str) -> str:
    return f'ALERTS{{alertname="{alert}", alertstate="firing"}} == 1'


def _now() -> float:
    return SystemClock().utc_ms() / 1000
