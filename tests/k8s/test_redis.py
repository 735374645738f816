"""The Redis of the base lets in whom it should, and nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from shared.bus.meters import BusMeters
from shared.bus.redis_client import connect
from shared.clock import SystemClock
from shared.metrics import new_registry
from tests.k8s.manifests import API, CRYPTO, DHT_NODE, REDIS, Manifests
from tests.k8s.redis_server import answers, redis_of_the_base
from tests.k8s.rendering import OVERLAYS, ROOT
from tests.k8s.settings_checks import MOUNT, READERS, environment, write_secrets
from tests.support.waiting import wait_until


@pytest.fixture
def server(rendered: Callable[[str], Manifests], tmp_path: Path) -> Iterator[int]:
    with redis_of_the_base(rendered("local"), tmp_path) as port:
        yield port


async def test_the_probe_gets_in_and_nobody_without_a_password(
    server: int, rendered: Callable[[str], Manifests], tmp_path: Path
) -> None:
    await wait_until(lambda: answers(server, "probe"), "the server answers its probe")
    assert "--user probe" in rendered("local").workload(REDIS).containers[0]["readinessProbe"]["exec"]["command"][2]
    assert not answers(server)
    with Redis(host="127.0.0.1", port=server, username="probe", password="") as client, pytest.raises(RedisError):
        client.get("scout:x")
    assert (tmp_path / "appendonlydir").is_dir()


@pytest.mark.parametrize("service", [API, CRYPTO, DHT_NODE])
async def test_each_service_gets_in_with_what_its_pod_mounts(
    service: str, server: int, rendered: Callable[[str], Manifests], tmp_path: Path
) -> None:
    await wait_until(lambda: answers(server, "probe"), "the server answers its probe")
    manifests = rendered("local")
    workload = manifests.workload(service)
    write_secrets(manifests, workload, tmp_path)
    environ = environment(manifests, workload)
    environ = {key: value.replace(MOUNT, str(tmp_path)) for key, value in environ.items()}
    environ["SCOUT_REDIS_URL"] = environ["SCOUT_REDIS_URL"].replace("scout-redis:6379", f"127.0.0.1:{server}")
    clock, meters = SystemClock(), BusMeters.build(new_registry("test", "0"))
    async with connect(READERS[service](environ).redis, clock=clock, meters=meters) as redis:
        assert redis.health.ready


def test_users_of_the_local_overlay_are_those_of_the_example() -> None:
    example = dict(_rules(ROOT / "deploy" / "redis" / "users.acl"))
    local = dict(_rules(OVERLAYS / "local" / "secrets" / "users.acl"))
    assert local.keys() == {"default", "probe", API, CRYPTO, DHT_NODE}
    assert local == {user: example[user] for user in local}


def _rules(path: Path) -> Iterator[tuple[str, str]]:
    """Users and what they may do, without their passwords."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("user "):
            _, user, rules = line.split(maxsplit=2)
            yield user, re.sub(r"><\S+>|#[0-9a-f]{64}", "PASSWORD", rules)
