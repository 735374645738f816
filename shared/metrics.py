"""Metrics without globals: a registry a process, bucket bounds shared by all histograms of one kind.

observability/metrics.md lists every metric there is, and a test holds it against the registries.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

LATENCY_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""From one bus round trip on one machine to the longest deadline of the API."""

NETWORK_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
"""What goes through the DHT: 3 s is the bound of the objective for a sync, 10 s the longest deadline of the API."""

WORK_SECONDS = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05)
"""Pure computing: from one secretbox to a batch of signatures."""

LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""How late an event loop is: below a millisecond it is idle, above a tenth of a second its callers notice."""

LAG_INTERVAL_S = 0.5
"""Between two looks at the loop: a hold-up of a second is met by two of them."""


def new_registry(service: str, version: str) -> CollectorRegistry:
    """A registry with the figures of the process and of Python, and `scout_build_info`."""
    # a second series for each counter and histogram, which says when it began, and which nobody asks for
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types for it
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    info = Gauge("scout_build_info", "Always 1; the labels say what runs.", ["component", "version"], registry=registry)
    info.labels(service, version).set(1)
    return registry


@contextlib.asynccontextmanager
async def loop_lag_measured(registry: CollectorRegistry) -> AsyncIterator[None]:
    """Measure how late the running loop wakes up its tasks, until the block ends."""
    lag = Histogram(
        "scout_process_event_loop_lag_seconds",
        "How much later than asked for the event loop woke a task up.",
        buckets=LAG_SECONDS,
        registry=registry,
    )
    loop = asyncio.get_running_loop()

    async def measure() -> None:
        while True:
            due = loop.time() + LAG_INTERVAL_S
            await asyncio.sleep(LAG_INTERVAL_S)
            lag.observe(max(loop.time() - due, 0.0))

    measuring = loop.create_task(measure(), name="event loop lag")
    try:
        yield
    finally:
        measuring.cancel()
