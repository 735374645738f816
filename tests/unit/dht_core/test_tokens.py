from __future__ import annotations

import pytest

from services.dht_node.core.contact import pack_ip
from services.dht_node.core.tokens import TOKEN_SIZE, Tokens
from tests.support.dht_parts import OTHER_ID, OWN_ID, dice

IP = pack_ip("198.51.100.1")


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(dice(), rotation=300.0, now=0.0)


def test_a_token_is_good_for_its_address_and_target(tokens: Tokens) -> None:
    token = tokens.issue(IP, OWN_ID)
    assert len(token) == TOKEN_SIZE
    assert tokens.accepts(token, IP, OWN_ID)
    assert not tokens.accepts(token, pack_ip("198.51.100.2"), OWN_ID)
    assert not tokens.accepts(token, IP, OTHER_ID)


@pytest.mark.parametrize("forged", [b"", b"\x00", bytes(8), bytes(20), bytes(64)])
def test_forged_tokens(tokens: Tokens, forged: bytes) -> None:
    assert not tokens.accepts(forged, IP, OWN_ID)


def test_no_bit_of_a_token_may_be_flipped(tokens: Tokens) -> None:
    token = int.from_bytes(tokens.issue(IP, OWN_ID), "big")
    flipped = ((token ^ 1 << bit).to_bytes(TOKEN_SIZE, "big") for bit in range(8 * TOKEN_SIZE))
    assert not any(tokens.accepts(candidate, IP, OWN_ID) for candidate in flipped)


def test_tokens_are_not_linear_in_the_address(tokens: Tokens) -> None:
    """The forgery that a CRC token allows: what two of my own tokens differ by, yours and mine differ by."""
    a, b, c, d = (
        int.from_bytes(tokens.issue(pack_ip(host), OWN_ID), "big")
        for host in ("198.51.100.0", "198.51.100.1", "203.0.113.0", "203.0.113.1")
    )
    assert a ^ b != c ^ d


def test_a_token_survives_one_rotation_and_not_two(tokens: Tokens) -> None:
    token = tokens.issue(IP, OWN_ID)
    tokens.rotate(299.0)
    assert tokens.deadline == 300.0
    tokens.rotate(300.0)
    assert tokens.deadline == 600.0
    assert tokens.accepts(token, IP, OWN_ID)
    assert tokens.issue(IP, OWN_ID) != token
    tokens.rotate(600.0)
    assert not tokens.accepts(token, IP, OWN_ID)


def test_after_a_long_pause_both_secrets_are_new(tokens: Tokens) -> None:
    token = tokens.issue(IP, OWN_ID)
    tokens.rotate(10_000.0)
    assert not tokens.accepts(token, IP, OWN_ID)
    assert tokens.deadline == 10_300.0


def test_two_nodes_do_not_accept_each_others_tokens(tokens: Tokens) -> None:
    other = Tokens(dice(2), rotation=300.0, now=0.0)
    assert not other.accepts(tokens.issue(IP, OWN_ID), IP, OWN_ID)
