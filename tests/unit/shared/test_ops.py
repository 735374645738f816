from __future__ import annotations

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from services.api import settings as api
from services.crypto import settings as crypto
from services.dht_node import settings as dht_node
from shared.ops import serve_ops
from shared.settings import Endpoint
from tests.support.waiting import wait_until

LISTEN = Endpoint("127.0.0.1", 0)


async def ask(endpoint: Endpoint, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://{endpoint}{path}") as response:
        return response.status, await response.text()


async def test_alive_whatever_is_missing() -> None:
    async with serve_ops(LISTEN, CollectorRegistry(), lambda: {"bus": False}) as endpoint:
        assert await ask(endpoint, "/livez") == (200, '{"alive": true}')


async def test_readiness_says_what_is_missing() -> None:
    checks = {"dht": False, "bus": False, "keys": True}
    async with serve_ops(LISTEN, CollectorRegistry(), lambda: checks) as endpoint:
        status, body = await ask(endpoint, "/readyz")
        assert status == 503
        assert '"ready": false, "not_ready": ["bus", "dht"]' in body
        _status, page = await ask(endpoint, "/metrics")
        assert 'scout_process_ready{check="bus"} 0.0' in page
        assert 'scout_process_ready{check="keys"} 1.0' in page
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
        with pytest.raises(OSError, match="Address already in use"):
            async with serve_ops(endpoint, CollectorRegistry(), dict):
                pass
    async with serve_ops(endpoint, CollectorRegistry(), dict) as again:
        assert again == endpoint


def test_the_services_of_one_machine_have_ops_ports_of_their_own() -> None:
    ports = {"crypto": crypto.OPS_PORT, "api": api.OPS_PORT, "dht_node": dht_node.OPS_PORT}
    assert ports == {"crypto": 9101, "api": 9102, "dht_node": 9103}


async def test_the_lag_of_the_event_loop_is_measured() -> None:
    registry = CollectorRegistry()
    async with serve_ops(LISTEN, registry, dict):
        await wait_until(
            lambda: registry.get_sample_value("scout_process_event_loop_lag_seconds_count") == 1,
            "it was looked at once",
        )
    took = registry.get_sample_value("scout_process_event_loop_lag_seconds_sum")
    assert took is not None
    assert took >= 0
