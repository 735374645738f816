from __future__ import annotations

from dataclasses import replace

import pytest

from services.dht_node.core.compose import nodes_member
from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Contact, pack_contact
from services.dht_node.core.family import V4
from services.dht_node.core.ids import distance, shared_bits
from services.dht_node.core.routing import PING_AFTER, RETRY_AFTER, SAVED_MAX, RoutingTable
from tests.support.dht_parts import OTHER_ID, OWN_ID, contact, dice, id_in_bucket

CONFIG = NodeConfig(bucket_sizes=(4, 4), k=2, keep_last=0)
LAB = replace(CONFIG, lab=True)
TARGET = id_in_bucket(OWN_ID, 0, 0)


def table(config: NodeConfig = CONFIG, contacts: list[Contact] | None = None) -> RoutingTable:
    made = RoutingTable(OWN_ID, config, 0.0)
    for entry in contacts or []:
        made.answered(entry, 0.0)
    return made


def fail(routing: RoutingTable, entry: Contact, times: int = 3) -> None:
    for _ in range(times):
        routing.failed(entry, 1.0)


# --- who becomes an entry


def test_only_a_node_that_answered_us_is_an_entry() -> None:
    routing = table()
    assert routing.heard_from(contact(0, 1), 0.0)
    assert len(routing) == 0
    assert routing.answered(contact(0, 1), 0.0)
    assert contact(0, 1).id in routing
    assert not routing.heard_from(contact(0, 1), 1.0)


def test_nobody_else_has_our_id() -> None:
    routing = table()
    assert not routing.heard_from(Contact(OWN_ID, ("198.51.100.1", 1)), 0.0)
    assert not routing.answered(Contact(OWN_ID, ("198.51.100.1", 1)), 0.0)


def test_a_live_entry_is_never_replaced() -> None:
    full = [contact(0, number) for number in range(4)]
    routing = table(contacts=full)
    assert not routing.heard_from(contact(0, 9), 1.0)
    assert not routing.answered(contact(0, 9), 1.0)
    assert all(entry.id in routing for entry in full)


def test_a_bad_entry_gives_its_place_to_the_one_in_reserve_that_answered_last() -> None:
    full = [contact(0, number) for number in range(4)]
    routing = table(contacts=[*full, contact(0, 8), contact(0, 9)])
    fail(routing, full[1], times=2)
    assert full[1].id in routing
    fail(routing, full[1], times=1)
    assert full[1].id not in routing
    assert contact(0, 9).id in routing
    assert contact(0, 8).id not in routing


def test_one_in_reserve_that_fails_is_forgotten() -> None:
    full = [contact(0, number) for number in range(4)]
    routing = table(contacts=[*full, contact(0, 9)])
    fail(routing, contact(0, 9), times=1)
    fail(routing, full[1])
    assert len(routing) == 3


def test_an_answer_forgives_failures() -> None:
    routing = table(contacts=[contact(0, 1)])
    for _ in range(5):
        fail(routing, contact(0, 1), times=2)
        routing.answered(contact(0, 1), 2.0)
    assert contact(0, 1).id in routing


def test_one_entry_for_each_ip_address() -> None:
    first = contact(0, 1)
    routing = table(contacts=[first])
    sybil = Contact(OTHER_ID, (first.address[0], 7000))
    assert not routing.heard_from(sybil, 0.0)
    assert not routing.answered(sybil, 0.0)
    assert first.id in routing


def test_two_entries_of_a_24_in_a_bucket() -> None:
    sybils = [Contact(id_in_bucket(OWN_ID, 0, number), (f"203.0.113.{number}", 6881)) for number in range(4)]
    routing = table(contacts=sybils)
    assert len(routing) == 2
    assert routing.answered(Contact(id_in_bucket(OWN_ID, 1, 9), ("203.0.113.9", 6881)), 0.0)


def test_in_a_lab_only_the_address_must_be_distinct() -> None:
    neighbours = [Contact(id_in_bucket(OWN_ID, 0, port), ("127.0.0.1", port)) for port in range(1, 5)]
    routing = table(LAB, neighbours)
    assert len(routing) == 4


def test_a_restarted_node_keeps_its_place_under_its_new_id() -> None:
    old = contact(0, 1)
    routing = table(contacts=[old])
    assert routing.answered(Contact(OTHER_ID, old.address), 1.0)
    assert old.id not in routing
    assert OTHER_ID in routing


def test_an_id_cannot_be_taken_over_from_a_live_node() -> None:
    old = contact(0, 1)
    routing = table(replace(CONFIG, keep_last=16), contacts=[old])
    thief = Contact(old.id, ("198.51.100.66", 6881))
    assert not routing.answered(thief, 1.0)
    assert routing.closest(TARGET, 1) == [old]
    fail(routing, old)
    assert routing.answered(thief, 2.0)
    assert routing.closest(TARGET, 1) == [thief]


def test_failures_at_another_address_are_not_held_against_an_entry() -> None:
    routing = table(contacts=[contact(0, 1)])
    fail(routing, Contact(contact(0, 1).id, ("198.51.100.66", 6881)))
    assert contact(0, 1).id in routing


def test_in_a_mass_failure_the_last_entries_stay_until_there_is_somebody_better() -> None:
    entries = [contact(index, number) for index in range(2) for number in range(4)]
    routing = table(replace(CONFIG, keep_last=6), entries)
    for entry in entries:
        fail(routing, entry)
    assert len(routing) == 6
    assert routing.closest(TARGET, 8) == []
    assert routing.answered(contact(1, 77), 2.0)
    assert routing.closest(TARGET, 8) == [contact(1, 77)]
    assert len(routing) == 6


# --- who is near


def test_closest_is_in_order_of_distance() -> None:
    entries = [contact(index, number) for index in (0, 1, 5, 9) for number in (1, 2)]
    routing = table(contacts=entries)
    for target in (TARGET, OWN_ID, OTHER_ID, entries[5].id):
        expected = sorted(entries, key=lambda entry: distance(entry.id, target))
        assert routing.closest(target, 5) == expected[:5]


def packed(*entries: Contact) -> bytes:
    return nodes_member(V4, b"".join(map(pack_contact, entries)))


def test_strangers_are_told_of_nobody_in_quarantine() -> None:
    routing = table(contacts=[contact(0, 1)])
    assert routing.packed_closest(TARGET, 119.0) == packed()
    assert routing.closest(TARGET, 1) == [contact(0, 1)]
    routing.answered(contact(0, 2), 60.0)
    assert routing.packed_closest(TARGET, 120.0) == packed(contact(0, 1))
    assert routing.packed_closest(TARGET, 180.0) == packed(contact(0, 1), contact(0, 2))


def test_strangers_are_told_of_nobody_who_did_not_answer_last_time() -> None:
    routing = table(LAB, [contact(0, 1), contact(0, 2)])
    assert routing.packed_closest(TARGET, 0.0) == packed(contact(0, 1), contact(0, 2))
    fail(routing, contact(0, 1), times=1)
    assert routing.packed_closest(TARGET, 1.0) == packed(contact(0, 2))
    routing.answered(contact(0, 1), 2.0)
    assert routing.packed_closest(TARGET, 2.0) == packed(contact(0, 1), contact(0, 2))


def test_a_reply_that_borrowed_from_other_buckets_changes_with_them() -> None:
    routing = table(LAB, [contact(0, 1)])
    assert routing.packed_closest(TARGET, 0.0) == packed(contact(0, 1))
    routing.answered(contact(3, 1), 1.0)
    assert routing.packed_closest(TARGET, 1.0) == packed(contact(0, 1), contact(3, 1))
    routing.answered(contact(0, 2), 2.0)
    assert routing.packed_closest(TARGET, 2.0) == packed(contact(0, 1), contact(0, 2))


def test_who_asks_for_our_own_id_is_told_of_our_nearest() -> None:
    routing = table(LAB, [contact(0, 1), contact(3, 1), contact(9, 1)])
    assert routing.packed_closest(OWN_ID, 0.0) == packed(contact(9, 1), contact(3, 1))


# --- what should be done


def test_the_entry_longest_untried_is_due_first() -> None:
    routing = table(contacts=[contact(0, 1), contact(0, 2)])
    routing.answered(contact(0, 1), 10.0)
    assert routing.stalest(PING_AFTER - 1) is None
    assert routing.stalest(PING_AFTER) == contact(0, 2)
    routing.answered(contact(0, 2), PING_AFTER)
    assert routing.stalest(PING_AFTER) is None
    assert routing.stalest(PING_AFTER + 10) == contact(0, 1)


def test_after_a_failure_an_entry_is_due_soon() -> None:
    routing = table(contacts=[contact(0, 1), contact(0, 2)])
    routing.failed(contact(0, 2), 5.0)
    assert routing.stalest(5.0 + RETRY_AFTER - 1) is None
    assert routing.stalest(5.0 + RETRY_AFTER) == contact(0, 2)


def test_an_empty_table_has_nothing_due() -> None:
    assert table().stalest(1e9) is None
    assert table().saved() == []
    assert table().closest(TARGET, 8) == []


def test_every_bucket_up_to_the_deepest_is_refreshed_in_turn() -> None:
    routing = table(contacts=[contact(3, 1)])
    entropy = dice()
    assert routing.refresh_target(899.0, entropy) is None
    refreshed = {shared_bits(OWN_ID, routing.refresh_target(900.0, entropy) or b"") for _ in range(5)}
    assert refreshed == {0, 1, 2, 3, 4}
    assert routing.refresh_target(900.0, entropy) is None


def test_a_lookup_refreshes_the_bucket_that_it_goes_through() -> None:
    routing = table()
    entropy = dice()
    routing.looked_up(id_in_bucket(OWN_ID, 0, 5), 100.0)
    target = routing.refresh_target(900.0, entropy)
    assert target is not None
    assert shared_bits(OWN_ID, target) == 1
    assert routing.refresh_target(999.0, entropy) is None
    assert routing.refresh_target(1000.0, entropy) is not None


def test_good_is_who_answered_within_15_minutes_or_asked_since() -> None:
    routing = table(contacts=[contact(0, 1), contact(0, 2), contact(0, 3)])
    routing.heard_from(contact(0, 2), 600.0)
    routing.failed(contact(0, 3), 1.0)
    assert [routing.good_count(now) for now in (900.0, 901.0, 1500.0, 1501.0)] == [2, 1, 1, 0]


def test_states_are_good_questionable_and_bad() -> None:
    routing = table(replace(CONFIG, keep_last=16), [contact(0, number) for number in range(4)])
    routing.failed(contact(0, 1), 1.0)
    fail(routing, contact(0, 2))
    assert routing.census(2.0) == {0: (2, 1, 1)}
    assert routing.census(901.0) == {0: (0, 3, 1)}


def test_a_query_in_the_name_of_an_entry_from_elsewhere_does_not_keep_it_good() -> None:
    routing = table(contacts=[contact(0, 1)])
    routing.heard_from(Contact(contact(0, 1).id, ("198.51.100.66", 1)), 600.0)
    assert routing.good_count(901.0) == 0


def test_what_is_saved_are_those_that_answer_and_of_them_the_oldest() -> None:
    routing = RoutingTable(OWN_ID, NodeConfig(bucket_sizes=(300,)), 0.0)
    for number in range(250):
        routing.answered(contact(0, number), float(number))
    routing.failed(contact(0, 0), 300.0)
    assert routing.saved() == [contact(0, number) for number in range(1, SAVED_MAX + 1)]


def test_under_another_id_the_oldest_keep_their_places() -> None:
    routing = RoutingTable(OWN_ID, CONFIG, 0.0)
    for number in range(8):
        routing.answered(contact(number // 4, number), float(number))
    routing.rebuild(OTHER_ID, 10.0)
    assert routing.own_id == OTHER_ID
    # the four of bucket 1 now share one bucket of two
    assert routing.saved() == [contact(0, 0), contact(0, 1), contact(0, 2), contact(0, 3), contact(1, 4), contact(1, 5)]
    assert routing.closest(OTHER_ID, 1) == [contact(1, 5)]


@pytest.mark.parametrize("index", [0, 5, 159])
def test_a_bucket_holds_no_more_than_its_size(index: int) -> None:
    sizes = NodeConfig().bucket_sizes
    routing = RoutingTable(OWN_ID, NodeConfig(), 0.0)
    for number in range(400):
        routing.answered(Contact(id_in_bucket(OWN_ID, index, number % (1 << (159 - index))), _host(number)), 0.0)
    expected = {0: sizes[0], 5: 8, 159: 1}
    assert len(routing) == expected[index]


def _host(number: int) -> tuple[str, int]:
    return f"100.{number >> 8}.{number & 255}.1", 6881


def test_an_id_that_waits_in_reserve_at_two_addresses_becomes_one_entry() -> None:
    full = [contact(0, number) for number in range(4)]
    twins = [Contact(contact(0, 9).id, (host, 6881)) for host in ("100.1.3.1", "100.2.3.1")]
    routing = table(contacts=[*full, *twins])
    fail(routing, full[0])
    fail(routing, full[1])
    assert [entry for entry in routing.closest(TARGET, 9) if entry.id == twins[0].id] == [twins[1]]
