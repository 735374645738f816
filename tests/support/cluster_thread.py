"""A cluster for tests that are not asynchronous themselves: its loop runs in a thread."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from services.standalone.swarm import entry_points, open_swarm
from shared.clock import SystemClock
from tests.support.cluster import Cluster, running_cluster

T = TypeVar("T")

WITHIN = 60.0
"""Seconds for whatever is asked of the loop, the start of everything included."""


@dataclass(frozen=True, slots=True)
class ClusterThread:
    """A running cluster, and the loop that it belongs to."""

    cluster: Cluster
    swarm: int
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` in the cluster's loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WITHIN)

    @property
    def url(self) -> str:
        """The first API's."""
        return self.cluster.api_urls[0]


@contextmanager
def cluster_in_a_thread(
    directory: Path,
    *,
    copies: int,
    swarm: int,
    networks: tuple[str, str],
    api_settings: Mapping[str, str] | None = None,
) -> Iterator[ClusterThread]:
    """`copies` of each service, in a private DHT of `swarm` nodes; `networks` are the swarm's and the cluster's."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="cluster")
    thread.start()
    parts = AsyncExitStack()

    async def start() -> Cluster:
        nodes = await parts.enter_async_context(open_swarm(swarm, networks[0], clock=SystemClock(), entropy=os.urandom))
        return await parts.enter_async_context(
            running_cluster(
                directory, entry_points(nodes), copies=copies, network=networks[1], api_settings=api_settings
            )
        )

    def run(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(WITHIN)

    try:
        yield ClusterThread(run(start()), swarm, loop)
    finally:
        try:
            run(parts.aclose())
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
