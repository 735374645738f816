from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from services.dht_node.core.config import LAB, Mode, NodeConfig
from services.dht_node.core.family import V6
from services.dht_node.keeping import KeepPace
from services.dht_node.settings import Ipv6, read
from shared.settings import Endpoint, SettingsError
from shared.well_known import BOOTSTRAP

ENVIRONMENT = {"SCOUT_REDIS_URL": "redis://user:hush@127.0.0.1:6379/0"}


def test_the_public_dht_by_default() -> None:
    settings = read(ENVIRONMENT)
    assert settings.listen == Endpoint("0.0.0.0", 6881)
    assert settings.bootstrap == BOOTSTRAP
    assert settings.node == NodeConfig()
    assert settings.state_path is None
    assert (settings.keep_pace, settings.keep_max) == (KeepPace(), 100_000)
    assert settings.ipv6 == Ipv6(NodeConfig(family=V6), Endpoint("::", 6881), required=False)
    assert settings.ops_listen.port == 9103
    assert "hush" not in repr(settings)


def test_everything_can_be_chosen() -> None:
    settings = read(
        ENVIRONMENT
        | {
            "SCOUT_DHT_LISTEN": "127.0.0.7:7000",
            "SCOUT_DHT_BOOTSTRAP": "127.0.0.1:1, router.example:2",
            "SCOUT_DHT_EXTERNAL_IP": "21.75.31.124",
            "SCOUT_DHT_LAB": "true",
            "SCOUT_DHT_MODE": "auto",
            "SCOUT_DHT_STATE_DIR": "state",
            "SCOUT_DHT_INBOUND_RATE": "0",
            "SCOUT_DHT_SCRAPE": "true",
            "SCOUT_DHT_KEEP_INTERVAL": "60",
            "SCOUT_DHT_KEEP_MAX": "7",
        }
    )
    assert settings.listen == Endpoint("127.0.0.7", 7000)
    assert settings.bootstrap == (Endpoint("127.0.0.1", 1), Endpoint("router.example", 2))
    assert settings.node == replace(LAB, mode=Mode.AUTO, external_ip="21.75.31.124", inbound_rate=0, scrape=True)
    assert settings.state_path == Path("state") / "dht_node.state"
    assert (settings.keep_pace, settings.keep_max) == (KeepPace(interval_s=60, poll_s=10), 7)


@pytest.mark.parametrize(
    ("variables", "listen", "required"),
    [
        ({"SCOUT_DHT_LISTEN": "0.0.0.0:7000"}, Endpoint("::", 7000), False),
        ({"SCOUT_DHT_LISTEN": "198.51.100.7:7000"}, None, False),
        ({"SCOUT_DHT_LISTEN6": "off"}, None, True),
        ({"SCOUT_DHT_LISTEN6": "[2001:DB8:0::7]:7001"}, Endpoint("2001:db8::7", 7001), True),
    ],
)
def test_ipv6_beside(variables: dict[str, str], listen: Endpoint | None, required: bool) -> None:
    ipv6 = read(ENVIRONMENT | variables | {"SCOUT_DHT_EXTERNAL_IP6": "2001:db8::7"}).ipv6
    assert ipv6 == Ipv6(NodeConfig(family=V6, external_ip="2001:db8::7"), listen, required)


def test_a_lab_asks_nobody_of_the_public_dht() -> None:
    assert read(ENVIRONMENT | {"SCOUT_DHT_LAB": "true"}).bootstrap == ()


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read(
            {
                "SCOUT_DHT_LISTEN": "example.org:6881",
                "SCOUT_DHT_BOOTSTRAP": "nowhere",
                "SCOUT_DHT_EXTERNAL_IP": "::1",
                "SCOUT_DHT_EXTERNAL_IP6": "127.0.0.1",
                "SCOUT_DHT_LISTEN6": "127.0.0.1:7000",
                "SCOUT_DHT_LAB": "perhaps",
                "SCOUT_DHT_INBOUND_RATE": "-1",
                "SCOUT_DHT_SCRAPE": "sometimes",
                "SCOUT_DHT_KEEP_INTERVAL": "7200",
                "SCOUT_DHT_KEEP_MAX": "many",
                "SCOUT_DHT_MODE": "sometimes",
            }
        )
    assert {line.partition(":")[0] for line in caught.value.problems} == {
        "SCOUT_REDIS_URL",
        "SCOUT_DHT_LISTEN",
        "SCOUT_DHT_BOOTSTRAP",
        "SCOUT_DHT_EXTERNAL_IP",
        "SCOUT_DHT_EXTERNAL_IP6",
        "SCOUT_DHT_LISTEN6",
        "SCOUT_DHT_LAB",
        "SCOUT_DHT_INBOUND_RATE",
        "SCOUT_DHT_SCRAPE",
        "SCOUT_DHT_KEEP_INTERVAL",
        "SCOUT_DHT_KEEP_MAX",
        "SCOUT_DHT_MODE",
    }
