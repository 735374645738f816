from __future__ import annotations

from collections.abc import Iterable

from services.dht_node.core.candidates import Candidate
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import pack_ip
from services.dht_node.core.ids import derive_id
from services.dht_node.core.items import Announcement, ImmutablePut, MutablePut, Publishable
from services.dht_node.core.messages import AnnouncePeer, Arguments, Get, GetPeers, KrpcCode, Put
from services.dht_node.core.publish import Publication, Storer, storers
from services.dht_node.core.work import NO_LOOKUP
from tests.support.nodes import LAB, Author, contact, holding, reply

AUTHOR = Author(salt=b"salt")
ONE, TWO = AUTHOR.version(1, b"one"), AUTHOR.version(2, b"two")
ACKNOWLEDGED = reply(contact(1), token=None)


def node(distance: int, *, held: MutablePut | None = None, token: bytes | None = None) -> Candidate:
    found = contact(distance)
    candidate = Candidate(found.id, found.address, distance, 0)
    candidate.token = token or b"token %d" % distance
    candidate.held = holding(held) if held else None
    return candidate


def publication(item: Publishable, nodes: Iterable[Candidate] | int = 8, quorum: int = 3) -> Publication:
    if isinstance(nodes, int):
        nodes = [node(distance) for distance in range(1, nodes + 1)]
    return Publication(item, storers(nodes), quorum, LAB)


def queries(run: Publication) -> list[tuple[Storer, Arguments]]:
    sent = []
    while (query := run.next_query()) is not None:
        sent.append(query)
    return sent


def puts(run: Publication) -> dict[int, Put]:
    return {s.candidate.distance: arguments for s, arguments in queries(run) if isinstance(arguments, Put)}


def test_writes_to_the_eight_nearest_with_the_token_of_each() -> None:
    sent = puts(publication(TWO, 12))
    assert {distance: put.token for distance, put in sent.items()} == {
        distance: b"token %d" % distance for distance in range(1, 9)
    }
    put = sent[1]
    assert (put.value, put.public_key, put.signature, put.seq, put.salt, put.cas) == (
        TWO.value,
        TWO.public_key,
        TWO.signature,
        2,
        b"salt",
        None,
    )


def test_in_a_suspicious_neighbourhood_all_are_written_to_and_half_of_them_are_the_quorum() -> None:
    nodes = storers([node(distance) for distance in range(1, 21)])
    run = Publication(TWO, nodes, 3, LAB, suspicious=True)
    sent = queries(run)
    assert len(sent) == 20
    for storer, _ in sent[:9]:
        run.replied(storer, ACKNOWLEDGED)
    assert not run.due
    run.replied(sent[9][0], ACKNOWLEDGED)
    assert run.due
    assert run.outcome(1, NO_LOOKUP, 0.0).suspicious


def test_a_node_without_a_token_can_not_be_written_to() -> None:
    silent = node(1)
    silent.token = None
    assert set(puts(publication(TWO, [silent, node(2)]))) == {2}


def test_is_due_at_the_quorum_and_goes_on_behind() -> None:
    run = publication(ImmutablePut(b"1:v"))
    sent = queries(run)
    for storer, _ in sent[:2]:
        run.replied(storer, ACKNOWLEDGED)
    assert not run.due
    run.replied(sent[2][0], ACKNOWLEDGED)
    assert run.due
    assert not run.settled
    early = run.outcome(1, NO_LOOKUP, 0.1)
    assert (early.asked, early.answered, early.stored, early.timed_out) == (8, 3, 3, 0)
    for storer, _ in sent[3:]:
        run.replied(storer, ACKNOWLEDGED)
    assert run.settled
    assert run.outcome(1, NO_LOOKUP, 0.1).stored == 8


def test_the_quorum_is_lowered_to_the_nodes_that_there_are() -> None:
    run = publication(TWO, 2, quorum=5)
    for storer, _ in queries(run):
        assert not run.due
        run.replied(storer, ACKNOWLEDGED)
    assert run.due
    assert run.stored == 2


def test_nobody_to_write_to_is_an_outcome_with_nothing_stored() -> None:
    run = publication(TWO, 0)
    assert queries(run) == []
    assert run.due
    outcome = run.outcome(1, NO_LOOKUP, 0.0)
    assert (outcome.asked, outcome.stored, outcome.conflict, outcome.shared_bits) == (0, 0, False, 0)


def test_widens_to_twenty_when_nodes_are_slow_silent_or_refuse() -> None:
    run = publication(TWO, 30)
    first = queries(run)
    run.slow(first[0][0])
    run.silent(first[1][0])
    run.refused(first[2][0], KrpcCode.SERVER)
    second = queries(run)
    assert [storer.candidate.distance for storer, _ in second] == [9, 10, 11]
    for storer, _ in first[3:] + second:
        run.silent(storer)
    while sent := queries(run):
        for storer, _ in sent:
            run.silent(storer)
    outcome = run.outcome(1, NO_LOOKUP, 4.0)
    assert outcome.asked == 20
    assert outcome.timed_out == 19
    assert outcome.rejected == {KrpcCode.SERVER: 1}
    assert not run.closed  # the slow one may still answer
    run.replied(first[0][0], ACKNOWLEDGED)
    assert run.closed
    assert run.stored == 1


def stand_ins(config: NodeConfig) -> list[int]:
    """The distances in the order of asking, when nobody ever answers; the ids of 3, 12 and 15 fit their addresses."""
    nodes = [node(distance) for distance in range(1, 21)]
    for candidate in nodes:
        candidate.address = (f"198.51.100.{candidate.distance}", 6881)
        if candidate.distance in (3, 12, 15):
            candidate.id = derive_id(pack_ip(candidate.address[0]), 1, bytes(17))
    run = Publication(TWO, storers(nodes), 3, config)
    order = []
    while (query := run.next_query()) is not None:
        order.append(query[0].candidate.distance)
        run.silent(query[0])
    return order


def test_of_the_nodes_that_stand_in_those_with_an_id_of_bep_42_come_first_and_the_nearest_stay() -> None:
    others = [distance for distance in range(9, 21) if distance not in (12, 15)]
    assert stand_ins(NodeConfig()) == [*range(1, 9), 12, 15, *others]
    assert stand_ins(LAB) == [*range(1, 21)]


def test_cas_is_what_that_very_node_held_and_0_where_it_held_nothing() -> None:
    version = AUTHOR.version(3, b"three", seen=[ONE, TWO])
    sent = puts(publication(version, [node(1, held=ONE), node(2, held=TWO), node(3), node(4, held=version)]))
    assert {distance: put.cas for distance, put in sent.items()} == {1: 1, 2: 2, 3: 0, 4: 3}


def test_an_unseen_version_is_a_conflict_and_nobody_is_written_to() -> None:
    run = publication(AUTHOR.version(3, b"three", seen=[ONE]), [node(1, held=ONE), node(2, held=TWO), node(3)])
    assert queries(run) == []
    assert run.due
    assert run.outcome(1, NO_LOOKUP, 0.0).conflict


def test_an_unseen_version_beyond_the_nodes_to_write_to_is_none_of_our_business() -> None:
    nodes = [node(distance) for distance in range(1, 9)]
    run = publication(AUTHOR.version(3, seen=[ONE]), [*nodes, node(9, held=TWO)])
    assert not run.conflict
    assert len(queries(run)) == 8


def test_an_equal_seq_is_never_sent_because_libtorrent_would_acknowledge_and_not_store_it() -> None:
    for seen in (None, [TWO]):
        run = publication(AUTHOR.version(2, b"another two", seen=seen), [node(1, held=TWO)])
        assert queries(run) == []
        assert run.outcome(1, NO_LOOKUP, 0.0).conflict


def test_without_a_condition_the_other_nodes_are_written_to_all_the_same() -> None:
    run = publication(ONE, [node(1, held=TWO), node(2), node(3), node(4)])
    assert set(puts(run)) == {2, 3, 4}
    assert run.conflict


def test_a_rejected_token_is_asked_for_anew_once() -> None:
    run = publication(TWO, 1)
    [(storer, _)] = queries(run)
    run.refused(storer, KrpcCode.PROTOCOL)
    assert [arguments for _, arguments in queries(run)] == [Get(TWO.target)]
    run.replied(storer, reply(contact(1), token=b"fresh"))
    [(_, again)] = queries(run)
    assert isinstance(again, Put)
    assert again.token == b"fresh"
    run.refused(storer, KrpcCode.PROTOCOL)
    assert queries(run) == []
    assert run.closed
    assert run.outcome(1, NO_LOOKUP, 0.1).rejected == {KrpcCode.PROTOCOL: 1}


def test_302_to_an_identical_put_is_stored() -> None:
    """webtorrent's answer."""
    run = publication(TWO, 1)
    [(storer, _)] = queries(run)
    run.refused(storer, KrpcCode.SEQ_TOO_LOW)
    queries(run)
    run.replied(storer, reply(contact(1), held=TWO))
    outcome = run.outcome(1, NO_LOOKUP, 0.1)
    assert (outcome.stored, outcome.conflict, outcome.rejected) == (1, False, {})


def test_302_because_of_another_version_is_a_conflict() -> None:
    run = publication(AUTHOR.version(2, b"ours", seen=[]), 1)
    [(storer, _)] = queries(run)
    run.refused(storer, KrpcCode.SEQ_TOO_LOW)
    queries(run)
    run.replied(storer, reply(contact(1), held=TWO))
    outcome = run.outcome(1, NO_LOOKUP, 0.1)
    assert (outcome.stored, outcome.conflict, outcome.rejected) == (0, True, {KrpcCode.SEQ_TOO_LOW: 1})


def test_301_because_our_lookup_was_old_is_put_again_against_what_the_node_holds_now() -> None:
    run = publication(AUTHOR.version(3, seen=[ONE, TWO]), [node(1, held=ONE)])
    [(storer, _)] = queries(run)
    run.refused(storer, KrpcCode.CAS_MISMATCH)
    queries(run)
    run.replied(storer, reply(contact(1), held=TWO, token=b"fresh"))
    [(_, again)] = queries(run)
    assert isinstance(again, Put)
    assert (again.cas, again.token) == (2, b"fresh")
    run.replied(storer, ACKNOWLEDGED)
    assert run.stored == 1
    assert not run.conflict


def test_a_second_301_is_a_conflict() -> None:
    run = publication(AUTHOR.version(3, seen=[ONE, TWO]), [node(1, held=ONE)])
    [(storer, _)] = queries(run)
    run.refused(storer, KrpcCode.CAS_MISMATCH)
    queries(run)
    run.replied(storer, reply(contact(1), held=TWO))
    queries(run)
    run.refused(storer, KrpcCode.CAS_MISMATCH)
    assert run.conflict
    assert run.closed


def test_a_version_that_a_node_does_not_show_is_a_conflict() -> None:
    run = publication(AUTHOR.version(2, b"two", seen=[ONE]), [node(1)])
    [(storer, arguments)] = queries(run)
    assert isinstance(arguments, Put)
    assert arguments.cas == 0
    run.refused(storer, KrpcCode.CAS_MISMATCH)
    [(again, question)] = queries(run)
    assert question == Get(AUTHOR.target)
    run.replied(again, reply(contact(1))._replace(seq=1))
    assert queries(run) == []
    assert run.conflict
    assert run.outcome(1, NO_LOOKUP, 0.0).rejected == {KrpcCode.CAS_MISMATCH: 1}


def test_a_conflict_waits_for_a_majority_or_for_everybody() -> None:
    run = publication(AUTHOR.version(1, seen=[]), 8)
    sent = queries(run)
    run.refused(sent[0][0], KrpcCode.CAS_MISMATCH)
    queries(run)
    run.replied(sent[0][0], reply(contact(1), held=TWO))
    for storer, _ in sent[1:5]:
        run.replied(storer, ACKNOWLEDGED)
    assert run.stored == 4
    assert not run.due
    run.replied(sent[5][0], ACKNOWLEDGED)
    assert run.due


def test_what_was_stored_is_remembered_for_the_next_put() -> None:
    candidate = node(1, held=ONE)
    run = publication(AUTHOR.version(2, seen=[ONE]), [candidate])
    [(storer, _)] = queries(run)
    run.replied(storer, ACKNOWLEDGED)
    assert candidate.held is not None
    assert candidate.held.seq == 2


def test_an_announcement_asks_for_peers_to_get_its_token() -> None:
    run = publication(Announcement(bytes(20), None), 1)
    [(storer, first)] = queries(run)
    assert first == AnnouncePeer(bytes(20), None, b"token 1")
    run.refused(storer, KrpcCode.PROTOCOL)
    assert queries(run) == [(storer, GetPeers(bytes(20)))]
    run.replied(storer, reply(contact(1), token=b"fresh"))
    assert queries(run) == [(storer, AnnouncePeer(bytes(20), None, b"fresh"))]


def test_the_outcome_says_how_near_and_how_widely_spread_the_copies_are() -> None:
    near = Candidate(bytes(19) + b"\x01", ("10.0.0.1", 1), 1, 0, token=b"t")
    same_network = Candidate(bytes(19) + b"\x02", ("10.0.0.2", 1), 2, 0, token=b"t")
    elsewhere = Candidate(bytes(19) + b"\x03", ("10.0.1.1", 1), 3, 0, token=b"t")
    run = publication(TWO, [near, same_network, elsewhere])
    for storer, _ in queries(run):
        run.replied(storer, ACKNOWLEDGED)
    outcome = run.outcome(1, NO_LOOKUP, 0.5)
    assert (outcome.prefixes, outcome.shared_bits, outcome.seconds) == (2, 159, 0.5)
