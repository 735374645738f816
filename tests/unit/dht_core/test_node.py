"""The node as its driver sees it: datagrams, events and a deadline."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from services.dht_node.core.compose import encode_query
from services.dht_node.core.config import Mode, NodeConfig
from services.dht_node.core.contact import Address
from services.dht_node.core.errors import Misuse, Rejection
from services.dht_node.core.events import BootstrapNeeded, Event, ExternalAddressChanged, Isolated, MutableFound, Stored
from services.dht_node.core.ids import is_bep42
from services.dht_node.core.messages import FindNode, Get, Item, Ping, Put, Query, Reply
from services.dht_node.core.node import Node
from services.dht_node.core.operations import TooManyOperations
from services.dht_node.core.storage import EXPIRED_AT_ONCE, SavedItem
from services.dht_node.core.wire import parse
from services.dht_node.net.verify import verify_ed25519
from shared.format import bencode, bep44
from tests.support.nodes import LAB, Author, address, contact, get, put

ASKER = ("10.3.0.1", 6881)


def node(config: NodeConfig = LAB, seed: int = 1) -> Node:
    return Node(config, entropy=Random(seed).randbytes, verify=verify_ed25519, now=0.0)


def query(arguments: object, sender: bytes = b"a" * 20, *, read_only: bool = False) -> bytes:
    return encode_query(Query(b"tt", sender, arguments, read_only), b"TE\0\0")  # type: ignore[arg-type]


def sent_queries(subject: Node) -> list[tuple[Query, Address]]:
    parsed = [(parse(data), destination) for data, destination in subject.datagrams_to_send()]
    return [(message, destination) for message, destination in parsed if isinstance(message, Query)]


def outcome_of(subject: Node) -> Event:
    """The next event that is not a wish for bootstrap nodes."""
    while isinstance(event := subject.next_event(), BootstrapNeeded):
        pass
    assert event is not None
    return event


def answer(asked: Query, sender: bytes, **members: object) -> bytes:
    body = {b"id": sender} | {key.encode(): value for key, value in members.items()}
    return bencode.encode({b"t": asked.transaction, b"y": b"r", b"r": body})


def test_answers_a_query_and_counts_it() -> None:
    subject = node()
    subject.receive_datagram(query(Ping()), ASKER, 1.0)
    [(data, destination)] = subject.datagrams_to_send()
    message = parse(data)
    assert isinstance(message, Reply)
    assert (message.sender, message.transaction, destination) == (subject.id, b"tt", ASKER)
    assert subject.stats.queries_answered == {"ping": 1}
    assert (subject.stats.datagrams_received, subject.stats.datagrams_sent) == (1, 1)
    assert subject.datagrams_to_send() == []


@pytest.mark.parametrize(
    ("data", "source", "reason"),
    [
        (b"not bencode", ASKER, Rejection.NOT_BENCODE),
        (b"i1e", ASKER, Rejection.NOT_KRPC),
        (b"d1:y1:qe", ASKER, Rejection.BAD_TRANSACTION_ID),
        (bytes(3000), ASKER, Rejection.TOO_LARGE),
        (query(Ping()), ("10.3.0.1", 0), Rejection.MARTIAN_SOURCE),
        (query(Ping()), ("224.0.0.1", 6881), Rejection.MARTIAN_SOURCE),
        (bencode.encode({b"t": b"aa", b"y": b"r", b"r": {b"id": bytes(20)}}), ASKER, Rejection.UNKNOWN_TRANSACTION),
        (bencode.encode({b"t": b"aa", b"y": b"e", b"e": [201, b"x"]}), ASKER, Rejection.UNKNOWN_TRANSACTION),
        (b"d1:r" * 500, ASKER, Rejection.NOT_BENCODE),
    ],
)
def test_what_can_not_be_digested_is_counted_and_not_answered(data: bytes, source: Address, reason: Rejection) -> None:
    subject = node()
    subject.receive_datagram(data, source, 1.0)
    assert subject.stats.rejected == {reason: 1}
    assert subject.datagrams_to_send() == []


def test_a_malformed_query_is_answered_with_203_and_an_unknown_one_with_204() -> None:
    subject = node()
    for arguments, code in (({b"id": b"short"}, 203), ({b"id": bytes(20)}, 204)):
        data = bencode.encode({b"t": b"aa", b"y": b"q", b"q": b"dance", b"a": arguments})
        subject.receive_datagram(data, ASKER, 1.0)
        [(refusal, _)] = subject.datagrams_to_send()
        assert bencode.decode(refusal)[b"e"][0] == code


def test_nobody_may_ask_more_than_his_rate() -> None:
    subject = node(replace(LAB, inbound_rate=10.0, inbound_burst=50.0))
    for _ in range(60):
        subject.receive_datagram(query(Ping()), ASKER, 1.0)
    assert len([d for d in subject.datagrams_to_send() if d.destination == ASKER]) == 50
    assert subject.stats.rejected == {Rejection.RATE_LIMITED: 10}


def test_our_own_id_from_elsewhere_is_dropped() -> None:
    subject = node()
    subject.receive_datagram(query(Ping(), sender=subject.id), ASKER, 1.0)
    assert subject.stats.rejected == {Rejection.OWN_ID: 1}


def test_outside_labs_loopback_is_a_martian() -> None:
    subject = node(NodeConfig())
    subject.receive_datagram(query(Ping()), ("127.0.0.1", 6881), 1.0)
    assert subject.stats.rejected == {Rejection.MARTIAN_SOURCE: 1}


def test_whoever_asks_becomes_a_contact_only_when_he_answers_too() -> None:
    subject = node()
    subject.handle_timer(0.0)
    subject.receive_datagram(query(Ping()), ASKER, 1.0)
    subject.receive_datagram(query(Ping(), sender=b"b" * 20, read_only=True), ("10.3.0.2", 6881), 1.0)
    subject.datagrams_to_send()
    assert subject.contacts == 0
    subject.handle_timer(1.5)
    [(ping, destination)] = sent_queries(subject)
    assert destination == ASKER
    assert ping.arguments == Ping()
    subject.receive_datagram(answer(ping, b"a" * 20), ASKER, 2.0)
    assert subject.contacts == 1
    assert subject.good_contacts(2.0) == 1


def test_a_read_only_node_answers_nothing_and_says_so_in_its_queries() -> None:
    subject = node(replace(LAB, mode=Mode.READ_ONLY))
    subject.receive_datagram(query(Ping()), ASKER, 1.0)
    assert subject.datagrams_to_send() == []
    assert subject.stats.rejected == {Rejection.READ_ONLY: 1}
    subject.add_bootstrap([address(1)], 1.0)
    [(asked, _)] = sent_queries(subject)
    assert asked.read_only


def test_an_operation_without_contacts_ends_at_once() -> None:
    subject = node()
    operation = get(Author())(subject, 0.0)
    assert subject.next_event() == Isolated(operation)
    assert subject.in_hand == 0


def test_wants_bootstrap_nodes_from_the_start() -> None:
    subject = node()
    assert subject.next_deadline() <= 0.0
    subject.handle_timer(0.0)
    assert subject.next_event() == BootstrapNeeded()
    assert subject.next_deadline() > 0.0


def test_an_early_timer_does_nothing() -> None:
    subject = node()
    subject.handle_timer(0.0)
    subject.datagrams_to_send()
    deadline = subject.next_deadline()
    subject.handle_timer(deadline - 0.001)
    assert subject.datagrams_to_send() == []
    assert subject.next_deadline() == deadline


def test_a_deadline_ends_an_operation_with_what_is_known() -> None:
    subject = node()
    subject.add_known([contact(1), contact(2)], 0.0)
    author = Author()
    operation = subject.get_mutable(author.target, b"", settle=True, deadline=0.5, now=0.0)
    asked, source = sent_queries(subject)[0]
    version = author.version(4)
    data = answer(
        asked,
        contact(1).id if source == contact(1).address else contact(2).id,
        v=bencode.decode(version.value),
        k=author.public_key,
        sig=version.signature,
        seq=4,
    )
    subject.receive_datagram(data, source, 0.1)
    assert subject.next_event() is None
    subject.handle_timer(0.5)
    outcome = outcome_of(subject)
    assert isinstance(outcome, MutableFound)
    assert outcome.operation == operation
    assert [found.seq for found in outcome.versions] == [4]
    assert (outcome.lookup.asked, outcome.lookup.answered, outcome.lookup.complete) == (2, 1, False)


def test_a_put_whose_deadline_comes_in_its_lookup_stores_nothing_and_says_so() -> None:
    subject = node()
    subject.add_known([contact(1)], 0.0)
    subject.put_mutable(Author().version(1), 3, deadline=0.5, now=0.0)
    subject.handle_timer(0.5)
    outcome = outcome_of(subject)
    assert isinstance(outcome, Stored)
    assert (outcome.asked, outcome.stored, outcome.conflict, outcome.lookup.asked) == (0, 0, False, 1)


def test_a_put_that_waits_behind_another_still_ends_at_its_deadline() -> None:
    subject = node()
    subject.add_known([contact(1)], 0.0)
    author = Author()
    subject.put_mutable(author.version(1), 3, deadline=9.0, now=0.0)
    second = subject.put_mutable(author.version(2), 3, deadline=0.5, now=0.0)
    subject.handle_timer(0.5)
    outcome = outcome_of(subject)
    assert isinstance(outcome, Stored)
    assert (outcome.operation, outcome.lookup.asked) == (second, 0)
    subject.handle_timer(4.0)  # the only contact is given up
    first = outcome_of(subject)
    assert isinstance(first, Stored)
    assert (first.stored, first.lookup.answered) == (0, 0)
    assert subject.in_hand == 0


def test_a_thousand_operations_on_one_target_that_end_at_once_are_no_trouble() -> None:
    subject = node()
    author = Author()
    subject.add_known([contact(1)], 0.0)
    for seq in range(1, 2_000):
        put(author.version(seq))(subject, 0.0)
    for _ in range(4_000):
        if not subject.in_hand:
            break
        subject.handle_timer(subject.next_deadline())
        while subject.next_event() is not None:
            pass
    assert subject.in_hand == 0


def test_there_is_a_bound_to_what_is_in_hand() -> None:
    subject = node(replace(LAB, operations_max=2))
    subject.add_known([contact(1)], 0.0)
    get(Author(1))(subject, 0.0)
    get(Author(1))(subject, 0.0)
    with pytest.raises(TooManyOperations):
        get(Author(2))(subject, 0.0)


def test_more_queries_than_may_be_in_flight_wait_for_room() -> None:
    subject = node(replace(LAB, in_flight_max=3))
    subject.add_known([contact(distance) for distance in range(1, 9)], 0.0)
    get(Author())(subject, 0.0)
    asked = sent_queries(subject)
    assert len(asked) == 3
    message, source = asked[0]
    sender = next(contact(distance).id for distance in range(1, 9) if contact(distance).address == source)
    subject.receive_datagram(answer(message, sender), source, 0.1)
    assert len(sent_queries(subject)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 0},
        {"seq": 2**63},
        {"value": b""},
        {"value": b"997:" + bytes(997)},
        {"salt": bytes(65)},
        {"public_key": bytes(31)},
        {"signature": bytes(63)},
        {"signature": bytes(64)},
    ],
)
def test_a_version_that_honest_nodes_would_refuse_is_our_callers_mistake(change: dict[str, object]) -> None:
    with pytest.raises(Misuse):
        node().put_mutable(replace(Author().version(1), **change), 3, deadline=1.0, now=0.0)  # type: ignore[arg-type]


def test_a_target_of_another_size_is_our_callers_mistake() -> None:
    with pytest.raises(Misuse):
        node().get_immutable(bytes(19), deadline=1.0, now=0.0)


def test_items_are_stored_for_others_until_their_time_is_over() -> None:
    subject = node()
    value = bep44.bencode_string(b"kept")
    target = bep44.immutable_target(value)
    subject.receive_datagram(query(Get(target)), ASKER, 0.0)
    offered = parse(subject.datagrams_to_send()[0].data)
    assert isinstance(offered, Reply)
    assert offered.token is not None
    subject.receive_datagram(query(Put(offered.token, value)), ASKER, 1.0)
    assert subject.stored_items == 1
    subject.datagrams_to_send()

    for now, expected in ((7_200.0, value), (7_202.0, None)):
        subject.receive_datagram(query(Get(target)), ASKER, now)
        found = parse(subject.datagrams_to_send()[0].data)
        assert isinstance(found, Reply)
        assert found.value == expected
    subject.handle_timer(7_300.0)
    assert subject.stored_items == 0


def test_what_expires_together_is_freed_by_timers_that_follow_each_other_closely() -> None:
    subject = node()
    rows = [SavedItem(number.to_bytes(20, "big"), Item(b"1:x"), 10.0) for number in range(1000)]
    subject.restore_items(rows, 0.0)
    now = 100.0
    while subject.stored_items:
        held = subject.stored_items
        subject.handle_timer(now)
        assert held - subject.stored_items <= EXPIRED_AT_ONCE
        now = max(now, subject.next_deadline())
    assert now < 101.0


def vote(subject: Node, voters: int, ip: bytes) -> None:
    """Let so many nodes of different networks answer a query and say that we are at `ip`."""
    hosts = [(f"{20 + number}.1.1.1", 6881) for number in range(voters)]
    for host in hosts:
        subject.add_bootstrap([host], 0.0)
    for asked, source in sent_queries(subject):
        if source in hosts:
            sender = source[0].encode().ljust(20, b".")
            body = {b"t": asked.transaction, b"y": b"r", b"ip": ip, b"r": {b"id": sender, b"nodes": b""}}
            subject.receive_datagram(bencode.encode(body), source, 0.1)


def test_votes_of_many_networks_give_us_an_address_and_an_id_to_go_with_it() -> None:
    subject = node(NodeConfig())
    former = subject.id
    vote(subject, 25, bytes([21, 75, 31, 124]))
    assert subject.external_host == "21.75.31.124"
    assert ExternalAddressChanged("21.75.31.124") in list(iter(subject.next_event, None))
    assert subject.id != former
    assert is_bep42(subject.id, bytes([21, 75, 31, 124]))


def test_a_few_votes_change_nothing_and_the_operator_outvotes_all() -> None:
    few = node(NodeConfig())
    former = few.id
    vote(few, 24, bytes([21, 75, 31, 124]))
    assert (few.external_host, few.id) == (None, former)

    told = node(NodeConfig(external_ip="21.75.31.124"))
    assert is_bep42(told.id, bytes([21, 75, 31, 124]))
    vote(told, 40, bytes([8, 8, 8, 8]))
    assert told.external_host == "21.75.31.124"


def test_an_answer_under_another_id_is_counted_and_believed_in_nothing() -> None:
    subject = node()
    subject.add_known([contact(1)], 0.0)
    subject.find_node(bytes(20), deadline=9.0, now=0.0)
    [(asked, source)] = sent_queries(subject)
    assert isinstance(asked.arguments, FindNode)
    subject.receive_datagram(answer(asked, b"z" * 20, nodes=contact(5).id + bytes(6)), source, 0.1)
    assert subject.stats.rejected == {Rejection.WRONG_ID: 1}


def test_a_reply_from_elsewhere_is_no_reply() -> None:
    subject = node()
    subject.add_known([contact(1)], 0.0)
    subject.find_node(bytes(20), deadline=9.0, now=0.0)
    [(asked, _)] = sent_queries(subject)
    subject.receive_datagram(answer(asked, contact(1).id), ASKER, 0.1)
    assert subject.stats.rejected == {Rejection.WRONG_SOURCE: 1}
