from __future__ import annotations

from itertools import count
from math import inf

import pytest

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.errors import Rejection
from services.dht_node.core.messages import Reply
from services.dht_node.core.rtt import RoundTrips
from services.dht_node.core.transactions import Nobody, Transaction, Transactions
from tests.support.nodes import address

NOBODY = Nobody()


def transactions(config: NodeConfig | None = None) -> Transactions:
    numbers = count(1)
    return Transactions(config or NodeConfig(), lambda size: next(numbers).to_bytes(size, "big"))


def begin(table: Transactions, now: float = 0.0, number: int = 1) -> Transaction:
    return table.begin(address(number), bytes(20), NOBODY, None, now)


def reply_to(asked: Transaction) -> Reply:
    return Reply(asked.id, bytes(20))


def test_ids_are_four_bytes_and_never_in_use_twice() -> None:
    dice = iter([b"same", b"same", b"next"])
    table = Transactions(NodeConfig(), lambda _: next(dice))
    assert begin(table).id == b"same"
    assert begin(table).id == b"next"


def test_a_reply_matches_by_id_and_by_address() -> None:
    table = transactions()
    asked = begin(table)
    assert table.match(reply_to(asked), address(2), 0.1) is Rejection.WRONG_SOURCE
    assert table.match(Reply(b"none", bytes(20)), address(1), 0.1) is Rejection.UNKNOWN_TRANSACTION
    assert table.match(reply_to(asked), address(1), 0.1) is asked
    assert table.match(reply_to(asked), address(1), 0.1) is Rejection.UNKNOWN_TRANSACTION
    assert len(table) == 0


def test_slow_comes_once_and_dead_after_it() -> None:
    table = transactions()
    asked = begin(table)
    assert table.next_deadline() == 1.0  # a first query: the longest patience
    assert list(table.due_slow(0.99)) == []
    assert list(table.due_slow(1.0)) == [asked]
    assert list(table.due_slow(2.0)) == []
    assert table.next_deadline() == 4.0
    assert list(table.due_dead(3.99)) == []
    assert list(table.due_dead(4.0)) == [asked]
    assert table.match(reply_to(asked), address(1), 4.1) is Rejection.UNKNOWN_TRANSACTION
    assert table.next_deadline() == inf


def test_an_answered_query_has_no_deadline() -> None:
    table = transactions()
    first, second = begin(table, 0.0, 1), begin(table, 0.5, 2)
    table.match(reply_to(first), address(1), 0.6)
    assert table.next_deadline() == 1.5
    table.match(reply_to(second), address(2), 0.7)
    assert table.next_deadline() == inf


def test_a_node_that_let_a_query_die_is_suspect_until_it_answers() -> None:
    table = transactions()
    begin(table)
    assert len(list(table.due_dead(5.0))) == 1
    again = begin(table, 10.0)
    assert again.suspect
    assert table.next_deadline() == 10.3  # the shortest patience
    table.match(reply_to(again), address(1), 10.1)
    assert not begin(table, 11.0).suspect


def test_there_is_room_for_so_many() -> None:
    table = transactions(NodeConfig(in_flight_max=2))
    begin(table)
    assert table.room
    begin(table)
    assert not table.room


@pytest.mark.parametrize(("pace", "expected"), [(0.01, 0.3), (0.1, 0.3), (0.5, 0.52), (2.0, 1.0)])
def test_patience_follows_the_pace_of_each_node_within_bounds(pace: float, expected: float) -> None:
    paces = RoundTrips(NodeConfig())
    for _ in range(50):
        paces.answered(address(1), pace)
    assert paces.slow_after(address(1)) == pytest.approx(expected, abs=0.03)


def test_of_a_stranger_is_expected_what_five_in_six_others_do() -> None:
    paces = RoundTrips(NodeConfig())
    assert paces.slow_after(address(99)) == 1.0
    for number in range(600):
        paces.answered(address(number), 0.9 if number % 10 == 0 else 0.4)
    assert 0.35 < paces.slow_after(address(999)) < 0.6
    for number in range(100):
        paces.answered(address(number), 0.05)
    assert paces.slow_after(address(999)) == 0.3
