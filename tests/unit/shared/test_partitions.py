from __future__ import annotations

from shared.bus import streams
from shared.bus.partitions import Standstills, owned
from tests.support.clock import ManualClock

SHARDS = streams.shards("dht")


def owners(*members: str) -> dict[str, str]:
    return {shard: member for member in members for shard in owned(SHARDS, members, member)}


def test_every_shard_has_one_owner_and_everybody_agrees() -> None:
    members = ("a", "b", "c", "d")
    assert sum(len(owned(SHARDS, members, member)) for member in members) == len(SHARDS)
    assert owners(*members) == owners(*reversed(members))
    assert set(owners(*members)) == set(SHARDS)


def test_one_who_goes_leaves_only_its_own_shards_and_one_who_comes_takes_only_its_own() -> None:
    before, after = owners("a", "b", "c"), owners("a", "c")
    assert all(after[shard] == owner for shard, owner in before.items() if owner != "b")
    assert {after[shard] for shard, owner in before.items() if owner == "b"} <= {"a", "c"}


def test_one_who_is_not_yet_among_the_members_counts_itself() -> None:
    assert owned(SHARDS, [], "a") == SHARDS
    assert owned(SHARDS, ["b"], "a") == owned(SHARDS, ["a", "b"], "a")


def test_a_shard_that_stands_still_is_neglected_until_nothing_waits() -> None:
    clock = ManualClock()
    found = Standstills(clock, grace_s=2.0)
    found.observe("dht:3", 2, b"7-0")
    clock.advance(1.5)
    found.observe("dht:3", 3, b"8-0")
    clock.advance(1.5)
    found.observe("dht:3", 3, b"8-0")
    assert not found.neglected
    clock.advance(0.5)
    found.observe("dht:3", 5, b"8-0")
    assert found.neglected == {"dht:3"}
    found.observe("dht:3", 1, b"9-0")
    assert found.neglected == {"dht:3"}
    found.observe("dht:3", 0, b"9-0")
    assert not found.neglected
