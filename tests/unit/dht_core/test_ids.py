from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.dht_node.core.contact import is_local, pack_ip
from services.dht_node.core.ids import (
    bep42_prefix,
    crc32c,
    derive_id,
    distance,
    is_bep42,
    random_id_in_bucket,
    shared_bits,
)
from tests.support.dht_parts import OWN_ID, dice

VECTORS = json.loads(Path("tests/vectors/data/scout1_vectors.json").read_text())


def test_crc32c_of_the_check_string() -> None:
    assert crc32c(b"123456789") == 0xE3069283


@pytest.mark.parametrize("vector", VECTORS["bep42_prefix_crc32c"], ids=lambda vector: vector["ip"])
def test_the_prefixes_of_bep_42(vector: dict[str, str | int]) -> None:
    ip, random = pack_ip(str(vector["ip"])), int(vector["random"])
    assert bep42_prefix(ip, random) == int(str(vector["crc32c"]), 16)
    derived = derive_id(ip, random, dice()(17))
    assert is_bep42(derived, ip)
    assert derived[:2] == bytes.fromhex(str(vector["crc32c"]))[:2]
    assert derived[19] == random


def test_the_id_that_the_original_made() -> None:
    node_id = bytes.fromhex(VECTORS["hardened_id_124_31_75_21_rand_seed_1"])
    assert is_bep42(node_id, pack_ip("124.31.75.21"))
    assert not is_bep42(node_id, pack_ip("65.23.51.170"))


def test_the_first_21_bits_are_tied_to_the_address_and_no_more() -> None:
    ip = pack_ip("124.31.75.21")
    node_id = derive_id(ip, 1, dice()(17))

    def flipped(bit: int) -> bytes:
        return (int.from_bytes(node_id, "big") ^ 1 << 159 - bit).to_bytes(20, "big")

    assert [is_bep42(flipped(bit), ip) for bit in range(24)] == [False] * 21 + [True] * 3


def test_an_ipv6_id_is_tied_to_the_network_not_the_host() -> None:
    network = bytes.fromhex("20010db885a30000")
    node_id = derive_id(network + bytes(8), 5, dice()(17))
    assert is_bep42(node_id, network + b"\xff" * 8)
    assert not is_bep42(node_id, bytes.fromhex("20010db885a37f00") + bytes(8))


@pytest.mark.parametrize("host", ["10.0.0.1", "127.3.2.1", "172.16.0.1", "172.31.255.1", "192.168.1.1", "169.254.0.9"])
def test_local_addresses_may_have_any_id(host: str) -> None:
    assert is_local(pack_ip(host))
    assert is_bep42(OWN_ID, pack_ip(host))


@pytest.mark.parametrize("host", ["11.0.0.1", "172.15.0.1", "172.32.0.1", "192.167.1.1", "169.253.0.9", "8.8.8.8"])
def test_public_addresses_may_not(host: str) -> None:
    assert not is_local(pack_ip(host))
    assert not is_bep42(OWN_ID, pack_ip(host))


@pytest.mark.parametrize(
    ("ip", "local"),
    [
        (bytes(15) + b"\x01", True),
        (bytes.fromhex("fe80") + bytes(14), True),
        (bytes.fromhex("fd00") + bytes(14), True),
        (bytes.fromhex("2001") + bytes(14), False),
    ],
)
def test_local_ipv6_addresses(ip: bytes, local: bool) -> None:
    assert is_local(ip) is local


def test_distance_is_symmetric_and_zero_only_to_oneself() -> None:
    a, b = dice()(20), dice(2)(20)
    assert distance(a, a) == 0
    assert distance(a, b) == distance(b, a) > 0
    assert shared_bits(a, a) == 160
    assert shared_bits(bytes(20), b"\x01" + bytes(19)) == 7


@pytest.mark.parametrize("index", [0, 1, 7, 8, 100, 158, 159])
def test_a_random_id_falls_into_its_bucket(index: int) -> None:
    entropy = dice()
    assert {shared_bits(OWN_ID, random_id_in_bucket(OWN_ID, index, entropy)) for _ in range(20)} == {index}
