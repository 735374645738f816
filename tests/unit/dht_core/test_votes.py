from __future__ import annotations

from dataclasses import replace

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import pack_ip
from services.dht_node.core.votes import AddressVotes

CONFIG = NodeConfig()
OURS = pack_ip("198.51.100.7")
LIE = pack_ip("203.0.113.9")


def voters(first: int, last: int) -> list[str]:
    return [f"81.2.{number}.1" for number in range(first, last)]


def cast(votes: AddressVotes, hosts: list[str], ip: bytes, now: float = 0.0) -> list[str]:
    """What was elected while these hosts voted."""
    return [elected for host in hosts if (elected := votes.vote(host, ip, now)) is not None]


def test_twenty_five_agreeing_networks_elect() -> None:
    votes = AddressVotes(CONFIG)
    assert cast(votes, voters(0, 24), OURS) == []
    assert cast(votes, voters(24, 40), OURS) == ["198.51.100.7"]
    assert votes.elected == "198.51.100.7"


def test_the_port_beside_the_address_does_not_matter() -> None:
    votes = AddressVotes(CONFIG)
    assert [votes.vote(host, OURS + bytes([1, n]), 0.0) for n, host in enumerate(voters(0, 25))][-1] == "198.51.100.7"


def test_one_lying_voter_changes_nothing_however_often_it_votes() -> None:
    votes = AddressVotes(CONFIG)
    cast(votes, voters(0, 30), OURS)
    assert cast(votes, ["203.0.113.66"] * 1000, LIE) == []
    assert votes.elected == "198.51.100.7"


def test_one_lying_network_has_one_vote() -> None:
    votes = AddressVotes(CONFIG)
    assert cast(votes, [f"203.0.113.{host}" for host in range(256)], LIE) == []


def test_it_takes_two_thirds() -> None:
    votes = AddressVotes(CONFIG)
    cast(votes, voters(0, 16), LIE)
    assert cast(votes, voters(100, 131), OURS) == []
    assert cast(votes, voters(131, 132), OURS) == ["198.51.100.7"]


def test_votes_lapse() -> None:
    votes = AddressVotes(CONFIG)
    cast(votes, voters(0, 24), OURS, now=0.0)
    assert cast(votes, voters(24, 48), OURS, now=300.0) == []
    assert cast(votes, voters(48, 49), OURS, now=300.0) == ["198.51.100.7"]


def test_a_new_address_is_elected_when_the_old_votes_are_outvoted() -> None:
    votes = AddressVotes(CONFIG)
    cast(votes, voters(0, 50), OURS)
    assert cast(votes, voters(50, 83), LIE) == []
    assert cast(votes, voters(83, 85), LIE) == ["203.0.113.9"]


def test_martians_and_ipv6_have_no_vote() -> None:
    votes = AddressVotes(CONFIG)
    for ip in (pack_ip("127.0.0.1"), pack_ip("10.0.0.1"), pack_ip("224.0.0.1"), bytes(4), bytes(16), bytes(18)):
        assert cast(votes, voters(0, 50), ip) == []


def test_in_a_lab_an_address_has_a_vote() -> None:
    votes = AddressVotes(replace(CONFIG, lab=True))
    hosts = [f"127.0.0.{host}" for host in range(1, 26)]
    assert cast(votes, hosts[:24] * 10, pack_ip("127.9.9.9")) == []
    assert cast(votes, hosts[24:], pack_ip("127.9.9.9")) == ["127.9.9.9"]
