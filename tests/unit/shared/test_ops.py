from __future__ import annotations

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from shared.ops import Checks, serve_ops
from shared.settings import Endpoint

LISTEN = Endpoint("127.0.0.1", 0)


async def ask(endpoint: Endpoint, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://{endpoint}{path}") as response:
        return response.status, await response.text()


async def test_alive_whatever_is_missing() -> None:
    async with serve_ops(LISTEN, CollectorRegistry(), lambda: {"bus": False}) as endpoint:
        assert await ask(endpoint, "/livez") == (200, '{"alive": true}')


async def test_readiness_says_what_is_missing() -> None:
    checks = {"dht": False, "bus": False, "keys": True}

    async def ready() -> Checks:
        return checks

    async with serve_ops(LISTEN, CollectorRegistry(), ready) as endpoint:
        status, body = await ask(endpoint, "/readyz")
        assert status == 503
        assert '"ready": false, "not_ready": ["bus", "dht"]' in body
        checks.update(dht=True, bus=True)
        status, body = await ask(endpoint, "/readyz")
        assert status == 200
        assert '"ready": true, "not_ready": []' in body


async def test_metrics_are_those_of_the_registry() -> None:
    registry = CollectorRegistry()
    Counter("scout_things_total", "Things.", registry=registry).inc(3)
    async with serve_ops(LISTEN, registry, dict) as endpoint:
        status, body = await ask(endpoint, "/metrics")
    assert status == 200
    assert "scout_things_total 3.0" in body


async def test_a_taken_port_is_an_error_and_a_left_one_is_free_again() -> None:
    async with serve_ops(LISTEN, CollectorRegistry(), dict) as endpoint:
        with pytest.raises(OSError, match="address already in use"):
            async with serve_ops(endpoint, CollectorRegistry(), dict):
                pass
    async with serve_ops(endpoint, CollectorRegistry(), dict) as again:
        assert again == endpoint
