"""`/livez`, `/readyz` and `/metrics` on a port of their own.

Liveness depends on nothing: a restart mends no network. Readiness says what the service lacks to be useful.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.aiohttp import make_aiohttp_handler
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.http import listening
from shared.metrics import loop_lag_measured
from shared.settings import Endpoint

Checks = Mapping[str, bool]
"""Name of a thing the service needs -> whether it has it."""

ReadyCheck = Callable[[], Checks]


@contextlib.asynccontextmanager
async def serve_ops(listen: Endpoint, registry: CollectorRegistry, ready: ReadyCheck) -> AsyncIterator[Endpoint]:
    """Serve until the block ends; yields the endpoint that was bound. Raises OSError when the port is taken.

    The event loop's lag is measured meanwhile, and what `ready` says is among the metrics.
    """
    registry.register(_Readiness(ready))
    app = web.Application()
    app.router.add_get("/livez", _livez)
    app.router.add_get("/readyz", _readyz(ready))
    app.router.add_get("/metrics", make_aiohttp_handler(registry))
    async with listening(web.AppRunner(app, access_log=None), listen) as bound, loop_lag_measured(registry):
        yield bound


class _Readiness(Collector):
    """What /readyz says, for alerts: it is asked at each scrape."""

    def __init__(self, ready: ReadyCheck) -> None:
        self._ready = ready

    def collect(self) -> Iterator[Metric]:
        """`scout_process_ready`."""
        metric = GaugeMetricFamily("scout_process_ready", "1 while the process passes the check.", labels=["check"])
        for check, passed in self._ready().items():
            metric.add_metric([check], passed)
        yield metric


async def _livez(_request: web.Request) -> web.Response:
    return web.json_response({"alive": True})


def _readyz(ready: ReadyCheck) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(_request: web.Request) -> web.Response:
        checks = dict(ready())
        missing = sorted(name for name, passed in checks.items() if not passed)
        body = {"ready": not missing, "not_ready": missing, "checks": checks}
        return web.json_response(body, status=503 if missing else 200)

    return handle
