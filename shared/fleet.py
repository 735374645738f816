"""A process that reports itself: what every service does beside its work, so that an operator sees the whole fleet.

One that stops leaves the fleet; one that dies stays in it, silent.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from importlib.metadata import version

from prometheus_client import CollectorRegistry

from shared.bus import streams
from shared.bus.consumer import consumer_name
from shared.bus.ports import Fleet
from shared.clock import Clock
from shared.contracts.fleet import Api, BusService, Crypto, Dht, Histogram, Report
from shared.errors import ScoutError
from shared.lifecycle import Tasks
from shared.samples import Samples

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a process adds for each service that it is."""

    dht: Dht | None = None
    crypto: Crypto | None = None
    api: Api | None = None


@dataclass(frozen=True, slots=True)
class Reporter:
    """One process and its figures."""

    fleet: Fleet
    service: str
    clock: Clock
    registry: CollectorRegistry
    """Of which the figures are read."""
    _: KW_ONLY
    checks: Callable[[], Mapping[str, bool]]
    """What /readyz says."""
    parts: Callable[[Samples], Parts]
    instance: str = field(default_factory=consumer_name)
    _asked: set[str] = field(default_factory=set)
    """Names of the samples that a report is made of, once one has been made."""

    @contextlib.asynccontextmanager
    async def reporting(self) -> AsyncIterator[None]:
        """Report until the block ends, then leave the fleet."""
        started = self.clock.monotonic()
        self.report(started)  # a figure that is not there should end the process at its start, not the reports behind
        async with Tasks() as tasks:
            tasks.start(self._report_forever(started), name="fleet report")
            yield
        with contextlib.suppress(ScoutError):  # Redis is away: we shall be taken for dead, and forgotten in an hour
            await self.fleet.leave(self.instance)

    def report(self, started: float) -> Report:
        """How the process is now; `started` is in monotonic seconds."""
        samples = Samples(self.registry, self._asked)
        parts, bus = self.parts(samples), bus_of(samples)
        self._asked.update(samples.asked)
        return Report(
            service=self.service,
            instance=self.instance,
            host=socket.gethostname(),
            version=version("scout"),
            uptime_ms=round((self.clock.monotonic() - started) * 1000),
            checks=dict(self.checks()),
            bus=bus,
            dht=parts.dht,
            crypto=parts.crypto,
            api=parts.api,
        )

    async def _report_forever(self, started: float) -> None:
        while True:
            try:
                await self.fleet.report(self.report(started))
            except ScoutError as error:
                log.info("a report waits for its next turn", extra={"reason": error.detail})
            await asyncio.sleep(streams.FLEET_EVERY_S)


def bus_of(samples: Samples) -> dict[str, BusService]:
    """The services that the process answers for on the bus."""
    try:
        services = samples.values("group", "scout_bus_partitions")
    except KeyError:  # it answers for none
        return {}
    return {service: _bus_service(samples, service) for service in services}


def operations_of(samples: Samples, subsystem: str) -> tuple[dict[str, int], dict[str, int]]:
    """How often each operation was done, and how often one failed, by code: of a service's `OperationMeters`."""
    done = samples.by("operation", f"scout_{subsystem}_operation_seconds_count")
    return done, samples.by("code", f"scout_{subsystem}_operation_failures_total")


def histogram_of(samples: Samples, name: str) -> Histogram:
    """A histogram over all labels."""
    buckets = samples.buckets(name)
    bounds = list(buckets)[:-1]
    return Histogram(
        bounds=bounds,
        counts=[buckets[bound] for bound in bounds],
        count=samples.count(f"{name}_count"),
        sum=samples.total(f"{name}_sum"),
    )


def _bus_service(samples: Samples, service: str) -> BusService:
    return BusService(
        lag=samples.count("scout_bus_lag_messages", group=service),
        pending=samples.count("scout_bus_pending_messages", group=service),
        partitions=samples.count("scout_bus_partitions", group=service),
        redelivered=samples.count("scout_bus_redelivered_total", group=service),
        dead_letters=samples.by("reason", "scout_bus_dead_letters_total", group=service),
    )
