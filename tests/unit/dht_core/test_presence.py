"""Server, read-only, auto: who is answered, and how a node finds out that strangers reach it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.dht_node.core.config import Mode, NodeConfig
from services.dht_node.core.presence import (
    FIRST_TRIAL,
    SERVER_INTERVAL,
    STRANGER_AFTER,
    TRIAL,
    TRIAL_INTERVAL,
    Presence,
)
from tests.support.nodes import LAB
from tests.support.sim_network import SimNetwork

AUTO = NodeConfig(mode=Mode.AUTO)


@pytest.mark.parametrize(("mode", "read_only"), [(Mode.SERVER, False), (Mode.READ_ONLY, True), (Mode.AUTO, True)])
def test_how_each_mode_begins(mode: Mode, read_only: bool) -> None:
    assert Presence(NodeConfig(mode=mode), 0.0).read_only is read_only


@pytest.mark.parametrize("mode", [Mode.SERVER, Mode.READ_ONLY])
def test_what_was_chosen_stays(mode: Mode) -> None:
    presence = Presence(NodeConfig(mode=mode), 0.0)
    before = presence.read_only
    assert presence.turn(1e9) > 1e9
    assert presence.read_only is before


def test_three_strangers_of_different_networks_make_it_a_server() -> None:
    presence = Presence(AUTO, 0.0)
    for host in ("198.51.100.1", "198.51.100.2", "192.0.2.1"):
        presence.heard_from(host, 1.0)
    assert presence.read_only
    presence.heard_from("203.0.113.1", 1.0)
    assert not presence.read_only


def test_those_we_wrote_to_are_no_strangers_for_a_while() -> None:
    presence = Presence(AUTO, 0.0)
    hosts = ["198.51.100.1", "192.0.2.1", "203.0.113.1"]
    for host in hosts:
        presence.asked(host, 0.0)
        presence.heard_from(host, STRANGER_AFTER - 1)
    assert presence.read_only
    for host in hosts:
        presence.heard_from(host, 3 * STRANGER_AFTER)
    assert not presence.read_only


def test_a_trial_passes_when_nobody_comes() -> None:
    presence = Presence(AUTO, 0.0)
    assert presence.turn(FIRST_TRIAL - 1) == FIRST_TRIAL
    assert presence.read_only
    end = presence.turn(FIRST_TRIAL)
    assert (end, presence.read_only) == (FIRST_TRIAL + TRIAL, False)
    again = presence.turn(end)
    assert (again, presence.read_only) == (end + TRIAL_INTERVAL, True)


def test_a_server_that_strangers_no_longer_reach_goes_back() -> None:
    presence = Presence(AUTO, 0.0)
    now = 0.0
    for hour in range(3):
        for network in range(3):
            presence.heard_from(f"198.51.{network}.{hour}", now)
        assert not presence.read_only
        now += SERVER_INTERVAL - 1
        assert presence.turn(now) == now + 1
    presence.turn(now + 1)
    assert presence.read_only


def test_in_a_network_a_node_that_is_reached_becomes_a_server_by_itself() -> None:
    net = SimNetwork(5)
    net.grow(30)
    newcomer = net.add_node(replace(LAB, mode=Mode.AUTO))
    net.join(newcomer)
    net.run(FIRST_TRIAL - 5)
    assert newcomer.node.read_only
    net.run(TRIAL)
    for _ in range(8):
        net.join(net.add_node())
        net.run(60.0)
    assert not newcomer.node.read_only
    assert newcomer.node.stats.queries_answered.total() > 0


def test_in_a_network_nobody_keeps_a_read_only_node_as_a_contact() -> None:
    net = SimNetwork(6)
    net.grow(20)
    silent = net.add_node(replace(LAB, mode=Mode.READ_ONLY))
    net.join(silent)
    net.run(300.0)
    assert silent.node.contacts == 20
    assert all(sim.node.contacts <= 19 for sim in net.nodes if sim is not silent)
    assert silent.node.stats.queries_answered.total() == 0
    assert sum(sim.node.stats.queries_timed_out for sim in net.nodes) == 0
