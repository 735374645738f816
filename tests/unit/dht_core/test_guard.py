from __future__ import annotations

from dataclasses import replace

import pytest

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.guard import Guard

CONFIG = NodeConfig(inbound_rate=10.0, inbound_burst=50.0, inbound_tracked_max=100)
HOST = "198.51.100.1"


@pytest.mark.parametrize(
    "host",
    ["0.1.2.3", "224.0.0.1", "239.1.1.1", "255.255.255.255", "127.0.0.1", "10.0.0.1", "192.168.0.1", "::1", "x"],
)
def test_martians(host: str) -> None:
    assert not Guard(CONFIG).acceptable((host, 6881))


def test_an_address_of_the_network() -> None:
    assert Guard(CONFIG).acceptable((HOST, 6881))


def test_port_0_and_our_own_address() -> None:
    guard = Guard(CONFIG)
    assert guard.acceptable((HOST, 6881))
    guard.add_own((HOST, 6881))
    assert not guard.acceptable((HOST, 0))
    assert not guard.acceptable((HOST, 6881))
    assert guard.acceptable((HOST, 6882))


@pytest.mark.parametrize(("host", "acceptable"), [("127.0.0.1", True), ("10.0.0.1", True), ("224.0.0.1", False)])
def test_local_addresses_are_peers_in_a_lab(host: str, acceptable: bool) -> None:
    assert Guard(replace(CONFIG, lab=True)).acceptable((host, 6881)) is acceptable


def test_a_burst_and_then_the_rate() -> None:
    guard = Guard(CONFIG)
    assert [guard.admits(HOST, 0.0) for _ in range(51)] == [True] * 50 + [False]
    assert [guard.admits(HOST, 1.0) for _ in range(11)] == [True] * 10 + [False]
    assert [guard.admits(HOST, 1000.0) for _ in range(51)] == [True] * 50 + [False]


def test_a_refused_query_costs_nothing() -> None:
    guard = Guard(CONFIG)
    for _ in range(1000):
        guard.admits(HOST, 0.0)
    assert guard.admits(HOST, 0.11)


def test_one_host_does_not_use_up_anothers_rate() -> None:
    guard = Guard(CONFIG)
    for _ in range(60):
        guard.admits(HOST, 0.0)
    assert not guard.admits(HOST, 0.0)
    assert guard.admits("198.51.100.2", 0.0)


def test_a_rate_of_0_switches_the_limit_off() -> None:
    guard = Guard(replace(CONFIG, inbound_rate=0.0))
    assert all(guard.admits(HOST, 0.0) for _ in range(1000))
    assert guard.tracked() == 0


def test_what_is_tracked_is_bounded_and_who_keeps_asking_is_not_forgotten() -> None:
    guard = Guard(CONFIG)
    for _ in range(50):
        assert guard.admits(HOST, 0.0)
    for number in range(1000):
        guard.admits(f"203.0.{number >> 8}.{number & 255}", 0.0)
        assert not guard.admits(HOST, 0.0)
        assert guard.tracked() <= 100
