from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from services.dht_node.core.candidates import Candidate, Goal
from services.dht_node.core.contact import Contact
from services.dht_node.core.errors import Rejection
from services.dht_node.core.items import MutablePut
from services.dht_node.core.lookup import ASKED_MAX, CANDIDATES_MAX, Lookup
from services.dht_node.core.messages import FindNode, Get, GetPeers, Reply
from services.dht_node.net.verify import verify_ed25519
from shared.format import bep44
from tests.support.nodes import LAB, Author, contact, holding, reply

OWN_ID = b"\xff" * 20


def lookup(goal: Goal | None = None) -> Lookup:
    return Lookup(goal or Goal(Get(bytes(20))), OWN_ID, lambda address: address[1] != 0, verify_ed25519, LAB)


def ask(run: Lookup) -> Candidate:
    candidate = run.next_candidate()
    assert candidate is not None
    run.asked(candidate, suspect=False)
    return candidate


def ask_all(run: Lookup) -> list[Candidate]:
    asked = []
    while (candidate := run.next_candidate()) is not None:
        run.asked(candidate, suspect=False)
        asked.append(candidate)
    return asked


def known(candidate: Candidate) -> Contact:
    assert candidate.id is not None
    return Contact(candidate.id, candidate.address)


def answered_with(run: Lookup, version: MutablePut) -> tuple[Candidate, Reply]:
    candidate = ask(run)
    return candidate, reply(known(candidate), held=version)


def answer_all(run: Lookup) -> None:
    while not run.complete:
        for candidate in ask_all(run):
            assert run.replied(candidate, reply(known(candidate))) is None


def test_asks_the_nearest_first_four_at_a_time() -> None:
    run = lookup()
    run.add(contact(distance) for distance in (9, 3, 7, 1, 5, 8))
    assert [candidate.distance for candidate in ask_all(run)] == [1, 3, 5, 7]


def test_asks_nobody_beyond_the_eight_nearest_that_answer() -> None:
    run = lookup()
    run.add(contact(distance) for distance in range(1, 30))
    answer_all(run)
    assert run.counts(1.0).asked == 8
    assert [candidate.distance for candidate in run.closest()] == list(range(1, 9))


def test_goes_on_to_nearer_nodes_that_it_hears_of() -> None:
    run = lookup()
    run.add([contact(1000)])
    assert run.replied(ask(run), reply(contact(1000), nodes=[contact(500)])) is None
    assert run.replied(ask(run), reply(contact(500), nodes=[contact(250), contact(1000)])) is None
    assert run.replied(ask(run), reply(contact(250))) is None
    assert run.complete
    assert run.counts(1.0).hops == 2


def test_a_query_to_a_node_that_nearer_ones_have_pushed_out_takes_up_no_slot() -> None:
    run = lookup()
    run.add(contact(distance) for distance in (1000, 1001, 1002, 1003))
    first = ask_all(run)[0]
    run.replied(first, reply(known(first), nodes=[contact(distance) for distance in range(1, 9)]))
    assert [candidate.distance for candidate in ask_all(run)] == [1, 2, 3, 4]


def test_once_nobody_nearer_is_named_the_whole_frontier_and_its_reserve_are_asked_at_once() -> None:
    run = lookup()
    run.reserve = 3
    run.add(contact(distance) for distance in range(1, 30))
    first = ask_all(run)[0]
    run.replied(first, reply(known(first), nodes=[contact(distance) for distance in range(20, 28)]))
    assert [candidate.distance for candidate in ask_all(run)] == list(range(5, 12))


def test_a_slow_node_frees_its_slot_widens_the_window_and_still_counts_when_it_answers() -> None:
    run = lookup()
    run.add(contact(distance) for distance in range(1, 30))
    asked = ask_all(run)
    run.slow(asked[0])
    assert len(ask_all(run)) == 2  # one in its place, and one more because the window is five now
    assert run.replied(asked[0], reply(known(asked[0]))) is None
    assert run.counts(1.0).timed_out == 0
    assert run.answered(8)[0] is asked[0]


def test_the_window_widens_to_eight_at_most() -> None:
    run = lookup()
    run.add(contact(distance) for distance in range(1, 200))
    late = ask_all(run)
    for _ in range(20):
        for candidate in late:
            run.slow(candidate)
        late = ask_all(run)
        assert len(late) <= 8


def test_does_not_wait_for_a_slow_node_once_eight_have_answered() -> None:
    run = lookup()
    run.add(contact(distance) for distance in range(1, 10))
    slow = ask(run)
    run.slow(slow)
    for _ in range(8):
        candidate = ask(run)
        run.replied(candidate, reply(known(candidate)))
    assert run.complete
    assert run.counts(1.0).timed_out == 1


def test_waits_for_a_slow_node_while_fewer_than_eight_have_answered_but_not_for_a_suspect() -> None:
    for suspect in (False, True):
        run = lookup()
        run.add([contact(1), contact(2)])
        first = ask(run)
        second = run.next_candidate()
        assert second is not None
        run.asked(second, suspect=suspect)
        run.replied(first, reply(contact(1)))
        run.slow(second)
        assert run.complete is suspect


def test_is_complete_when_all_have_failed() -> None:
    run = lookup()
    run.add([contact(1), contact(2)])
    first, second = ask(run), ask(run)
    run.silent(first)
    run.refused(second)
    assert run.complete
    assert (run.counts(1.0).answered, run.counts(1.0).timed_out) == (0, 1)


def test_a_value_from_a_reply_without_nodes_counts_and_the_lookup_goes_on() -> None:
    author = Author()
    version = author.version(7)
    run = lookup(Goal(Get(author.target)))
    run.add([contact(1), contact(2)])
    run.replied(*answered_with(run, version))
    assert run.found
    assert not run.complete
    second = ask(run)
    run.replied(second, reply(known(second)))
    assert run.complete
    assert [(v.seq, v.holders) for v in run.versions()] == [(7, 1)]


def test_remembers_token_and_version_of_each_node() -> None:
    author = Author(salt=b"salt")
    older, newer = author.version(1, b"older"), author.version(2, b"newer")
    run = lookup(Goal(Get(author.target), b"salt"))
    run.add(contact(distance) for distance in (1, 2, 3, 4))
    held = {}
    for version, token in ((older, b"a"), (newer, b"b"), (newer, b"c"), (None, b"d")):
        candidate = ask(run)
        assert run.replied(candidate, reply(known(candidate), held=version, token=token)) is None
        held[candidate.token] = candidate.held
    assert held == {b"a": holding(older), b"b": holding(newer), b"c": holding(newer), b"d": None}
    assert [(v.seq, v.holders) for v in run.versions()] == [(2, 2), (1, 1)]


def test_verifies_an_identical_version_once() -> None:
    author = Author()
    verified: Counter[bytes] = Counter()

    def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
        verified[signature] += 1
        return verify_ed25519(public_key, signature, message)

    run = Lookup(Goal(Get(author.target)), OWN_ID, lambda _: True, verify, LAB)
    run.add(contact(distance) for distance in range(1, 9))
    for number in range(8):
        run.replied(*answered_with(run, author.version(1 + number % 2)))
    assert sorted(verified.values()) == [1, 1]


@pytest.mark.parametrize(
    ("change", "rejection"),
    [
        ({"signature": bytes(64)}, Rejection.BAD_SIGNATURE),
        ({"seq": 8}, Rejection.BAD_SIGNATURE),
        ({"value": b"5:other"}, Rejection.BAD_SIGNATURE),
        ({"public_key": Author(2).public_key}, Rejection.WRONG_KEY),
        ({"public_key": None}, Rejection.WRONG_KEY),
        ({"seq": None}, Rejection.WRONG_KEY),
        ({"value": b"1001:" + bytes(1001)}, Rejection.VALUE_TOO_BIG),
        ({"sender": bytes(20)}, Rejection.WRONG_ID),
    ],
)
def test_a_liar_is_named_and_counts_for_nothing(change: dict[str, Any], rejection: Rejection) -> None:
    author = Author()
    run = lookup(Goal(Get(author.target)))
    run.add([contact(1)])
    candidate, answer = answered_with(run, author.version(7))
    assert run.replied(candidate, answer._replace(**change)) is rejection
    assert run.versions() == ()
    assert run.answered(8) == []
    assert run.complete


def test_a_wrong_key_first_does_not_spoil_the_same_version_with_the_right_one() -> None:
    author = Author()
    run = lookup(Goal(Get(author.target)))
    run.add([contact(1), contact(2)])
    candidate, answer = answered_with(run, author.version(7))
    run.replied(candidate, answer._replace(public_key=Author(2).public_key))
    assert run.replied(*answered_with(run, author.version(7))) is None
    assert run.found


def test_the_salt_that_was_asked_counts_because_nodes_do_not_return_it() -> None:
    author = Author(salt=b"one")
    run = lookup(Goal(Get(author.target), b"another"))
    run.add([contact(1)])
    assert run.replied(*answered_with(run, author.version(1))) is Rejection.WRONG_KEY


def test_an_immutable_value_must_hash_to_the_target() -> None:
    value = bep44.bencode_string(b"immutable")
    run = lookup(Goal(Get(bep44.immutable_target(value))))
    run.add([contact(1), contact(2)])
    first = ask(run)
    assert run.replied(first, reply(known(first))._replace(value=b"5:other")) is Rejection.WRONG_KEY
    assert run.value() is None
    second = ask(run)
    assert run.replied(second, reply(known(second))._replace(value=value)) is None
    assert run.value() == value


def test_poisoned_nodes_are_passed_over() -> None:
    run = lookup()
    run.add([contact(1)])
    poison = [Contact(OWN_ID, ("10.9.9.9", 1)), Contact(bytes(20), ("10.9.9.8", 0)), contact(1), contact(5)]
    run.replied(ask(run), reply(contact(1), nodes=[*poison, Contact(b"\x01" * 20, contact(5).address)]))
    assert [candidate.distance for candidate in ask_all(run)] == [5]


def test_endless_nearer_nodes_end_at_the_bound() -> None:
    run = lookup()
    distance = 2**60
    run.add([contact(distance, "10.0.0.1")])
    for number in range(10 * ASKED_MAX):
        candidate = run.next_candidate()
        if candidate is None:
            break
        run.asked(candidate, suspect=False)
        distance -= 1
        nearer = contact(distance, f"10.1.{number >> 8}.{number & 255}")
        run.replied(candidate, reply(known(candidate), nodes=[nearer]))
    assert run.counts(1.0).asked == ASKED_MAX
    assert run.complete


def test_a_flood_of_nodes_is_forgotten_from_the_far_end() -> None:
    run = lookup()
    run.add(contact(distance) for distance in range(5000, 5000 + 2 * CANDIDATES_MAX))
    run.add([contact(1)])
    assert ask(run).distance == 1


def test_a_node_known_by_its_address_alone_takes_its_place_when_it_answers() -> None:
    run = lookup()
    run.add_addresses([("10.7.7.7", 6881), ("10.7.7.8", 6881)])
    first, second = ask(run), ask(run)
    run.replied(first, reply(Contact(contact(3).id, first.address), nodes=[contact(2)]))
    assert run.replied(second, reply(Contact(OWN_ID, second.address))) is Rejection.OWN_ID
    third = ask(run)
    run.replied(third, reply(contact(2)))
    assert run.complete
    assert [candidate.distance for candidate in run.closest()] == [2, 3]


def test_peers_are_gathered_from_every_answer_without_duplicates_or_martians() -> None:
    run = lookup(Goal(GetPeers(bytes(20))))
    run.add([contact(1), contact(2)])
    for peers in ((("10.5.0.1", 7000), ("10.5.0.2", 0)), (("10.5.0.1", 7000), ("10.5.0.3", 7000))):
        candidate = ask(run)
        run.replied(candidate, reply(known(candidate))._replace(peers=peers))
    assert list(run.peers) == [("10.5.0.1", 7000), ("10.5.0.3", 7000)]


def test_a_value_is_nothing_to_a_find_node() -> None:
    run = lookup(Goal(FindNode(bytes(20))))
    run.add([contact(1)])
    assert run.replied(*answered_with(run, Author().version(1))) is None
    assert not run.found


def test_a_widened_lookup_goes_on_and_counts_two_of_one_network() -> None:
    config = replace(LAB, networks_min=5)
    run = Lookup(Goal(Get(bytes(20))), OWN_ID, lambda _address: True, verify_ed25519, config)
    run.add(contact(distance, f"150.1.0.{distance}") for distance in range(1, 17))
    run.add(contact(distance, f"20.{distance}.0.1") for distance in range(100, 130))
    answer_all(run)
    assert [candidate.distance for candidate in run.closest()] == list(range(1, 9))

    run.widen(20)
    assert not run.complete
    answer_all(run)
    assert [candidate.distance for candidate in run.neighbourhood().nodes] == [1, 2, *range(100, 118)]
    assert run.neighbourhood().suspicious


def test_no_network_crowds_out_the_others_with_made_up_nodes() -> None:
    run = Lookup(Goal(Get(bytes(20))), OWN_ID, lambda _address: True, verify_ed25519, replace(LAB, networks_min=5))
    run.add(contact(distance, f"150.1.{distance >> 8}.{distance & 255}") for distance in range(1, 2_000))
    run.add([contact(100_000, "20.1.0.1")])
    answer_all(run)
    run.widen(20)
    answer_all(run)
    assert run.answered(20)[-1].distance == 100_000


def test_in_a_net_that_lies_in_one_network_the_eight_nearest_are_written_to_all_the_same() -> None:
    config = replace(LAB, networks_min=5)
    run = Lookup(Goal(Get(bytes(20))), OWN_ID, lambda _address: True, verify_ed25519, config)
    run.add(contact(distance, f"150.1.0.{distance}") for distance in range(1, 17))
    answer_all(run)
    run.widen(20)
    answer_all(run)
    assert [candidate.distance for candidate in run.neighbourhood().nodes] == list(range(1, 9))
