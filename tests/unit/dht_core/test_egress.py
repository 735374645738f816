from __future__ import annotations

from dataclasses import replace

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.egress import Egress

CONFIG = NodeConfig(egress_network_rate=100.0, egress_network_burst=1000.0, egress_tracked_max=10, good_age=900.0)
HOST, NEXT_DOOR, ELSEWHERE = "45.0.0.1", "45.0.0.2", "45.0.1.1"


def short() -> Egress:
    egress = Egress(CONFIG)
    assert egress.admits(HOST, 600, 0.0)
    return egress


def test_a_network_has_one_budget() -> None:
    egress = Egress(CONFIG)
    assert egress.admits(HOST, 900, 0.0)
    assert not egress.admits(NEXT_DOOR, 900, 0.0)
    assert egress.admits(ELSEWHERE, 900, 0.0)
    assert egress.admits(NEXT_DOOR, 900, 9.0)


def test_values_are_withheld_only_while_bytes_are_short_and_only_long_ones() -> None:
    assert not Egress(CONFIG).withholds(HOST, 1000, 0.0)
    egress = short()
    assert egress.withholds(NEXT_DOOR, 501, 0.0)
    assert not egress.withholds(NEXT_DOOR, 500, 0.0)
    assert not egress.withholds(ELSEWHERE, 1000, 0.0)
    assert not egress.withholds(NEXT_DOOR, 1000, 2.0)


def test_a_proof_holds_for_one_to_two_ages() -> None:
    egress = Egress(replace(CONFIG, egress_network_rate=0.001))
    egress.admits(HOST, 600, 0.0)
    egress.proved(NEXT_DOOR, 0.0)
    assert not egress.withholds(NEXT_DOOR, 1000, 899.0)
    assert not egress.withholds(NEXT_DOOR, 1000, 901.0)
    assert egress.withholds(NEXT_DOOR, 1000, 1801.0)
    egress.proved(NEXT_DOOR, 2000.0)
    assert egress.withholds(NEXT_DOOR, 1000, 4000.0)


def test_of_too_many_proofs_the_oldest_are_forgotten() -> None:
    egress = short()
    egress.proved(NEXT_DOOR, 0.0)
    for number in range(4):
        egress.proved(f"45.1.0.{number}", 0.0)
    assert not egress.withholds(NEXT_DOOR, 1000, 0.0)
    for number in range(10):
        egress.proved(f"45.1.1.{number}", 0.0)
    assert egress.withholds(NEXT_DOOR, 1000, 0.0)


def test_without_limits_nothing_is_refused_or_withheld() -> None:
    egress = Egress(replace(CONFIG, egress_rate=0.0, egress_network_rate=0.0))
    assert all(egress.admits(HOST, 10**6, 0.0) for _ in range(100))
    assert not egress.withholds(HOST, 1000, 0.0)
